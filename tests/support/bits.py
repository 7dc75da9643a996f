"""Hashes of the losses and the complete state of every registered GAN after five iterations.

``OMP_NUM_THREADS=1 python -m tests.support.bits [NAME ...]`` prints one line for each GAN and precision. A refactor
must not change them: run it before and after, on the same machine, and compare. The hash of a state does not depend on
the names of its tensors.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable
from functools import partial
from typing import Any

import torch
from torch import Tensor

import ganzoo
from ganzoo import GanzooError
from ganzoo.registry.registry import registry
from tests.support import takes_latent_dim

ITERATIONS = 5


def digest(tensors: Iterable[Tensor]) -> tuple[str, int]:
    """One hash of many tensors in any order, and how many they are."""
    each = sorted(hashlib.sha256(content(tensor)).hexdigest() for tensor in tensors)
    return hashlib.sha256("".join(each).encode()).hexdigest()[:16], len(each)


def content(tensor: Tensor) -> bytes:
    """The bytes of a tensor after its data type and shape."""
    if not tensor.dim():
        return str(tensor.item()).encode()
    head = f"{tensor.dtype}{tuple(tensor.shape)}".encode()
    return head + tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()


def fingerprint(name: str, precision: str) -> tuple[str, str, int]:
    """Hash of all losses and metrics, hash of the state, and how many tensors the state has."""
    gan = registry().gan(name)
    settings: dict[str, Any] = {"batch_size": 8, "iterations": ITERATIONS}
    settings |= {"parent_training": "joint"} if gan.parent else {}
    start = partial(ganzoo.train, name, seed=3, device="cpu", precision=precision, threads=1, **settings)
    try:
        training = start(**({"latent_dim": 8} if takes_latent_dim(gan) else {}))
    except GanzooError:  # the generator has latents of its own length, or none
        training = start()
    logged = [
        sorted(
            (key, float(value).hex())
            for key, value in {**one.losses, **{f"f.{key}": value for key, value in one.metrics.items()}}.items()
        )
        for one in training
    ]
    return (hashlib.sha256(repr(logged).encode()).hexdigest()[:16], *digest(training.state().values()))


def main() -> None:
    if os.environ.get("OMP_NUM_THREADS") != "1":  # several threads add in another order
        sys.exit("set OMP_NUM_THREADS=1 before Python starts, so that the bits do not depend on the machine's cores")
    for name in sys.argv[1:] or registry().gans:
        for precision in ("fp32", "bf16"):
            print(name, precision, *fingerprint(name, precision), flush=True)


if __name__ == "__main__":
    main()
