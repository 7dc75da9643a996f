"""The stability laboratory: whether the training of a GAN converges, in theory and in practice."""
