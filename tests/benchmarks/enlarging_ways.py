"""Ways to enlarge an image by ESRGAN's generator. Each imports what it needs when it is made, and nothing else.

The weights are in ``published.safetensors`` of a folder, in the published layout, and in what ganzoo made of them:
``own.safetensors`` and ``exported.onnx``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.baselines.not_installed import NotInstalled

PUBLISHED, OWN, EXPORTED = "published.safetensors", "own.safetensors", "exported.onnx"
Bytes = NDArray[np.uint8]


class Way(NamedTuple):
    """One way: ``bytes`` makes uint8 ``(4h, 4w, 3)`` of such ``(h, w, 3)``, ``floats`` values ``(3, 4h, 4w)``."""

    bytes: Callable[[Bytes], Bytes]
    floats: Callable[[Bytes], NDArray[np.float32]]


def plain(folder: Path, *, channels_last: bool = False, bf16: bool = False) -> Way:
    """The network in plain torch."""
    import torch
    from safetensors.torch import load_file

    from tests.benchmarks.baselines.rrdb import RRDB

    weights = load_file(folder / PUBLISHED)
    growth, width = weights["body.0.rdb1.conv1.weight"].shape[:2]
    blocks = len({name.split(".")[1] for name in weights if name.startswith("body.")})
    with torch.device("meta"):
        net = RRDB(blocks, width, growth)
    net.load_state_dict(weights, assign=True)
    net.eval()
    if channels_last:
        net.to(memory_format=torch.channels_last)

    def run(images: Any) -> Any:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            return net(images)

    return from_torch(run)


def spandrel(folder: Path) -> Way:
    """spandrel's loader and network: ``pip install --no-deps spandrel einops``."""
    try:
        from spandrel import ImageModelDescriptor, ModelLoader
    except ImportError as error:
        raise NotInstalled(f"spandrel does not start ({error}); pip install --no-deps spandrel einops") from None
    try:
        model = ModelLoader(device="cpu").load_from_file(folder / PUBLISHED)
    except RuntimeError as error:  # it takes the growth of a block to be 32
        reason = str(error).partition("\n")[0]
        raise NotInstalled(f"spandrel does not load a network of this size ({reason:.80})") from None
    assert isinstance(model, ImageModelDescriptor)
    return from_torch(model.eval())


def from_torch(run: Callable[[Any], Any]) -> Way:
    """A way through a call that takes and gives tensors in [0, 1]."""
    import torch

    def tensor(image: Bytes) -> Any:
        return torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255

    def made(image: Bytes) -> Bytes:
        found: Bytes = run(tensor(image))[0].float().mul(255).round().byte().permute(1, 2, 0).numpy(force=True)
        return found

    return Way(made, lambda image: run(tensor(image))[0].float().numpy(force=True))


def ganzoo_in_torch(folder: Path) -> Way:
    import ganzoo

    return of_ganzoo(ganzoo.load(folder / OWN))


def ganzoo_in_onnxruntime(folder: Path) -> Way:
    import os

    import ganzoo

    threads = int(os.environ.get("OMP_NUM_THREADS", "0")) or None
    return of_ganzoo(ganzoo.Sampler(folder / EXPORTED, providers="cpu", threads=threads))


def of_ganzoo(model: Any) -> Way:
    return Way(model.translate, lambda image: model.translated(np.moveaxis(image, -1, 0)[None])[0])


BASE, OURS = "plain torch", "ganzoo in onnxruntime"
WAYS: dict[str, Callable[[Path], Way]] = {
    BASE: plain,
    "plain torch, channels_last": partial(plain, channels_last=True),
    "plain torch bf16, channels_last": partial(plain, channels_last=True, bf16=True),
    "spandrel": spandrel,
    "ganzoo in torch": ganzoo_in_torch,
    OURS: ganzoo_in_onnxruntime,
}


def picture(side: int) -> Bytes:
    """A random image ``(side, side, 3)``."""
    return np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
