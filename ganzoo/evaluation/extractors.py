"""What turns images into features and class probabilities: networks that ship, a user's own, or Inception."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from torch import Tensor

from ganzoo.data import Data
from ganzoo.evaluation.lenet import LeNet
from ganzoo.generators.header import FORMAT, LARGEST
from ganzoo.generators.weights import read
from ganzoo.parts.networks import load_state
from ganzoo.util.errors import GanzooError, first_line
from ganzoo.util.optional import needs

CHUNK = 250  # images at a time

SHIPPED = {"mnist": "mnist", "mnist-10k": "mnist", "fashion-mnist": "fashion-mnist", "emoji32": "emoji32"}
"""Data sets whose extractor lies in the package, and its name."""
HASHES = {
    "mnist": "bbfcdef14d5db03199bc7fe8873bb4147824d6b76612b5089aec72c420193617",
    "fashion-mnist": "4e60f4dc3ef15b6c55bd2459be02cab3c4274a47f3cfc963fda1b7ed8d49e1c6",
    "emoji32": "6f6fa66b60012aafddf1115e0ab67d7151fb005caccf0d5b92d9d9046f0a1146",
}
"""SHA-256 of the files that ship: figures of two extractors cannot be compared."""

Images = NDArray[np.uint8]


class Seen(NamedTuple):
    """Images as an extractor sees them: ``features`` float32 ``(N, d)`` and ``logits`` float32 ``(N, classes)``."""

    features: NDArray[np.float32]
    logits: NDArray[np.float32]


@dataclass(frozen=True)
class Extractor:
    """A network that images are compared in.

    Attributes:
        name: of the data that it was trained on; ``inception`` for Inception.
        sha256: of its weights.
        shape: of the images that it takes; ``None`` for any.
        classes: that it tells apart; empty where they are not those of the data.
        accuracy: the share of held-out images whose class it saw; ``None`` where that is not known.
        network: images uint8 ``(N, C, H, W)`` to features and logits.
    """

    name: str
    sha256: str
    shape: tuple[int, ...] | None
    classes: tuple[str, ...]
    accuracy: float | None
    network: Callable[[Tensor], tuple[Tensor, Tensor]]

    @property
    def score(self) -> str:
        """The name of the Fréchet distance in its features. FID is the one in Inception's, and no other."""
        return "fid" if self.name == "inception" else f"{self.name}-fd"

    def see(self, batches: Iterable[Images]) -> Seen:
        """Features and logits of batches uint8 ``(N, C, H, W)``; no more than one is in memory at a time."""
        return see(self.network, batches)


def see(network: Callable[[Tensor], tuple[Tensor, Tensor]], batches: Iterable[Images]) -> Seen:
    """What a network makes of batches uint8 ``(N, C, H, W)``."""
    features, logits = [], []
    with torch.inference_mode():
        for images in batches:
            for part in torch.split(torch.from_numpy(np.ascontiguousarray(images)), CHUNK):
                seen = network(part)
                features.append(seen[0].numpy())
                logits.append(seen[1].numpy())
    return Seen(np.concatenate(features), np.concatenate(logits))


def describe(data: Data, accuracy: float) -> dict[str, Any]:
    """The header of an extractor's file."""
    return {
        "format": FORMAT,
        "extractor": data.name,
        "shape": list(data.shape),
        "classes": list(data.classes),
        "accuracy": round(accuracy, 4),
        "data": {"name": data.name, "sha256": data.sha256, "licence": data.licence},
    }


def extractor_for(data: Data, wanted: str = "own", path: str | Path | None = None) -> Extractor:
    """The extractor for images of that data set.

    Args:
        data: the real images.
        wanted: ``own``, trained on such images, or ``inception``.
        path: a file that ``ganzoo.evaluation.train_extractor`` wrote, instead of one that ships.

    Raises:
        GanzooError: there is none, it does not fit, or Inception's weights are not to be had.
    """
    if wanted == "inception":
        return inception()
    if path is not None:
        extractor = load(path)
    elif data.name in SHIPPED:
        extractor = shipped(SHIPPED[data.name])
    else:
        raise GanzooError(
            f"no extractor for {data.name} ships with ganzoo; use --features inception, or train one: "
            f"python -m ganzoo.evaluation.train_extractor {data.name} --out x.safetensors, and name it with --extractor"
        )
    if extractor.shape != data.shape:
        raise GanzooError(
            f"the extractor {extractor.name} takes images {extractor.shape}, and {data.name} has {data.shape}"
        )
    return extractor


def shipped(name: str) -> Extractor:
    """The extractor of that name in the package, whose hash is checked."""
    extractor = load(str(files("ganzoo.evaluation") / "trained" / f"{name}.safetensors"))
    if extractor.sha256 != HASHES[name]:
        raise GanzooError(f"the extractor {name} is not the one that ganzoo ships; install ganzoo-kit anew")
    return extractor


def load(path: str | Path) -> Extractor:
    """The extractor in a file that ``ganzoo.evaluation.train_extractor`` wrote.

    Raises:
        GanzooError: the file is something else, or does not hold together.
    """
    tensors, header = read(path)
    name, accuracy = header.get("extractor"), header.get("accuracy")
    shape, classes = header.get("shape"), header.get("classes")
    if not (
        isinstance(name, str)
        and isinstance(accuracy, float)
        and isinstance(shape, list)
        and isinstance(classes, list)
        and len(shape) == 3
        and all(type(side) is int and 1 <= side <= 4096 for side in shape)
        and min(shape[1:]) >= 4
        and math.prod(shape) <= LARGEST
        and 1 <= len(classes) <= 10_000
        and all(isinstance(each, str) for each in classes)
    ):
        raise GanzooError(
            f"{path} is no extractor; train one: python -m ganzoo.evaluation.train_extractor DATA --out x.safetensors"
        )
    for device in ("meta", "cpu"):  # so that a header which asks for more than the file holds costs nothing
        with torch.device(device):
            network = LeNet((shape[0], shape[1], shape[2]), len(classes))
        load_state(network, tensors, str(path))
    network.eval().requires_grad_(False)
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    return Extractor(name, digest, tuple(shape), tuple(classes), accuracy, network)


def inception() -> Extractor:
    """Inception v3 of 2015, as torch-fidelity holds it: its 2,048 pooled features give the true FID.

    Raises:
        GanzooError: torch-fidelity is not installed, or cannot fetch the weights.
    """
    with needs("eval"):
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    try:
        network = FeatureExtractorInceptionV3("inception-v3-compat", ["2048", "logits_unbiased"])
    except (OSError, RuntimeError) as error:
        raise GanzooError(
            f"Inception's weights cannot be downloaded: {first_line(error)}; connect to a network, or leave out "
            "--features inception"
        ) from None
    digest = hashlib.sha256(save(dict(sorted(network.state_dict().items())))).hexdigest()

    def on_colours(images: Tensor) -> tuple[Tensor, Tensor]:
        seen: tuple[Tensor, Tensor] = network(images.expand(-1, 3, -1, -1))
        return seen

    return Extractor("inception", digest, None, (), None, on_colours)
