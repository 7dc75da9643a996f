"""Trained generators: their files, their latents, and how they are sampled, in torch or in onnxruntime."""
