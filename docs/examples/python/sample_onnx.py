"""Samples of a generator that ganzoo exported, with numpy and onnxruntime only.

python sample_onnx.py dcgan.onnx 7 8 9      writes row.pgm (grey) or row.ppm (colour): one image for each seed
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime


def latents(seeds, length, distribution):
    """One latent for each seed, float32 ``(N, length)``: Philox4x32-10 (Salmon et al., 2011) keyed by the seed."""
    low, half = np.uint64(2**32 - 1), np.uint64(32)
    k0, k1 = (np.array(seeds, np.uint64)[:, None] & low), (np.array(seeds, np.uint64)[:, None] >> half)
    c0, c1, c2, c3 = np.arange(-(-length // 4), dtype=np.uint64) + 0 * k0, 0 * k0, 0 * k0, 0 * k0
    for _ in range(10):
        p, q = np.uint64(0xD2511F53) * c0, np.uint64(0xCD9E8D57) * c2
        c0, c1, c2, c3 = (q >> half) ^ c1 ^ k0, q & low, (p >> half) ^ c3 ^ k1, p & low
        k0, k1 = (k0 + np.uint64(0x9E3779B9)) & low, (k1 + np.uint64(0xBB67AE85)) & low
    u = (np.stack([c0, c1, c2, c3], -1).reshape(len(k0), -1) + 0.5) / 2**32
    if distribution == "uniform":
        return (2 * u - 1)[:, :length].astype(np.float32)
    r, angle = np.sqrt(-2 * np.log(u[:, 0::2])), 2 * np.pi * u[:, 1::2]  # Box and Muller (1958)
    z = np.stack([r * np.cos(angle), r * np.sin(angle)], -1).reshape(u.shape)[:, :length]
    if distribution == "sphere":
        z *= np.sqrt(length) / np.linalg.norm(z, axis=1, keepdims=True)
    return z.astype(np.float32)


def sample(path, seeds, labels=None):
    """The output of the graph for seeds, and the metadata of the file."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    metadata = json.loads(session.get_modelmeta().custom_metadata_map["ganzoo"])
    inputs = {"z": latents(seeds, metadata["latent_dim"], metadata["distribution"])}
    if metadata["num_classes"]:
        labels = np.arange(len(seeds)) % metadata["num_classes"] if labels is None else labels
        inputs["labels"] = np.array(labels, np.int64)
    return session.run(["samples"], inputs)[0], metadata


def images(samples, metadata):
    """Samples as uint8 ``(N, H, W, C)``."""
    if samples.dtype == np.uint8:
        return samples
    low, high = metadata["range"]
    levels = np.rint((samples.astype(np.float64) - low) * (255 / (high - low)))
    return levels.clip(0, 255).astype(np.uint8).transpose(0, 2, 3, 1)


if __name__ == "__main__":
    row = np.concatenate(images(*sample(sys.argv[1], [int(seed) for seed in sys.argv[2:] or "0"])), axis=1)
    kind, suffix = (b"P5", "pgm") if row.shape[2] == 1 else (b"P6", "ppm")
    Path(f"row.{suffix}").write_bytes(b"%s %d %d 255\n" % (kind, row.shape[1], row.shape[0]) + row.tobytes())
