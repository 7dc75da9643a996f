"""Networks that map images to features and class logits: pretrained ones, your own, or Inception."""

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

from ganzoo.data import MODES, Data, channels_of
from ganzoo.evaluation.lenet import LeNet
from ganzoo.evaluation.pictures import MIN_SIDE, Pictures, rgb
from ganzoo.generators.metadata import MAX_TEXT, MAX_VALUES, read_json
from ganzoo.generators.weights import read_tensors
from ganzoo.parts.networks import load_state
from ganzoo.util.errors import GanzooError, first_line, printable
from ganzoo.util.optional import needs

CHUNK = 250  # images in one forward pass
PIXELS = 2**20  # in one forward pass: 250 images of 64x64

FEATURES = ("own", "pictures", "inception")
"""The features that images can be compared in, see :func:`extractor_for`."""
PRETRAINED = {"mnist": "mnist", "mnist-10k": "mnist", "fashion-mnist": "fashion-mnist", "emoji32": "emoji32"}
"""Name of the pretrained extractor of a data set; colour pictures without one have `pictures`."""
HASHES = {
    "mnist": "bbfcdef14d5db03199bc7fe8873bb4147824d6b76612b5089aec72c420193617",
    "fashion-mnist": "4e60f4dc3ef15b6c55bd2459be02cab3c4274a47f3cfc963fda1b7ed8d49e1c6",
    "emoji32": "6f6fa66b60012aafddf1115e0ab67d7151fb005caccf0d5b92d9d9046f0a1146",
    "pictures": "e0e1ae6bb54c98cdae9500ca8b59a11c812826c44f4faa2a05c33526a2e16a59",
}
"""SHA-256 of the files of pretrained extractors; metrics of different extractors cannot be compared."""

Images = NDArray[np.uint8]


class Features(NamedTuple):
    """The output of an extractor for N images.

    Attributes:
        features: float32 ``(N, d)``.
        logits: of the classes, float32 ``(N, classes)``; ``(N, 0)`` of a network without classes.
    """

    features: NDArray[np.float32]
    logits: NDArray[np.float32]

    def part(self, rows: slice) -> Features:
        """The features and logits of some rows."""
        return Features(self.features[rows], self.logits[rows])


@dataclass(frozen=True)
class Extractor:
    """A network whose features images are compared with.

    Attributes:
        name: of its training data; ``pictures`` for the one of pictures in general; ``inception`` for Inception.
        sha256: of its weights.
        shape: of its images ``(C, H, W)``; ``None`` for any.
        classes: names of its classes; empty if they are not those of the data.
        accuracy: on held-out images, in 0..1; ``None`` if unknown.
        network: maps images uint8 ``(N, C, H, W)`` to features and logits.
    """

    name: str
    sha256: str
    shape: tuple[int, ...] | None
    classes: tuple[str, ...]
    accuracy: float | None
    network: Callable[[Tensor], tuple[Tensor, Tensor]]

    @property
    def score(self) -> str:
        """Name of the Fréchet distance in its features; ``fid`` for Inception, and only there."""
        return "fid" if self.name == "inception" else f"{self.name}-fd"

    def extract(self, batches: Iterable[Images]) -> Features:
        """Features and logits of batches uint8 ``(N, C, H, W)``, with one batch in memory at a time."""
        return extract(self.network, batches)


def extract(network: Callable[[Tensor], tuple[Tensor, Tensor]], batches: Iterable[Images]) -> Features:
    """Features and logits of batches uint8 ``(N, C, H, W)``."""
    found = []
    with torch.inference_mode():
        for images in batches:
            count = max(1, min(CHUNK, PIXELS // math.prod(images.shape[2:])))
            found += [network(part) for part in torch.split(torch.from_numpy(np.ascontiguousarray(images)), count)]
        both = Features(*(torch.cat(each).numpy() for each in zip(*found, strict=True)))
    if not all(np.isfinite(each).all() for each in both):
        raise GanzooError("the extractor's features are not finite, so they say nothing; train it again")
    return both


def metadata(data: Data, accuracy: float) -> dict[str, Any]:
    """The metadata of an extractor file."""
    return {
        "format": 1,
        "extractor": data.name,
        "shape": list(data.shape),
        "classes": list(data.classes),
        "accuracy": round(accuracy, 4),
        "data": {"name": data.name, "sha256": data.sha256, "licence": data.licence},
    }


def name_for(data: Data) -> str | None:
    """The name of the pretrained extractor for a data set: its own, or ``pictures`` for RGB and RGBA from 16x16 on."""
    is_colour = len(data.shape) == 3 and data.shape[0] in (3, 4) and min(data.shape[1:]) >= MIN_SIDE
    return PRETRAINED.get(data.name, "pictures" if is_colour else None)


def extractor_for(data: Data, features: str = "own", path: str | Path | None = None) -> Extractor:
    """The extractor for images of a data set.

    Args:
        data: the real images.
        features: ``own``, an extractor of the data set, or ``pictures`` for colour pictures without one; ``pictures``,
            the one of pictures in general; or ``inception``.
        path: a file that ``ganzoo.evaluation.train_extractor`` or ``train_pictures`` wrote, instead of these.

    Raises:
        GanzooError: there is none, it does not fit, or Inception's weights cannot be downloaded.
    """
    if features == "inception":
        if data.shape[0] not in MODES:
            raise GanzooError(
                f"Inception takes grey, RGB and RGBA, and {data.name} has {data.shape[0]} channels; train an extractor "
                "with python -m ganzoo.evaluation.train_extractor and name it with --extractor"
            )
        return inception()
    if path is not None:
        extractor = load(path)
    elif name := "pictures" if features == "pictures" else name_for(data):
        extractor = pretrained(name)
    else:
        colours = channels_of(data.shape)
        how = f" --image-size {data.shape[-1]} --channels {colours}" if colours and ":" in data.name else ""
        raise GanzooError(
            f"there is no pretrained extractor for {data.name}; use --features inception, or train one with python -m "
            f"ganzoo.evaluation.train_extractor {data.name}{how} --out x.safetensors and name it with --extractor"
        )
    if extractor.shape is None:
        if data.shape[0] not in MODES or min(data.shape[1:]) < MIN_SIDE:
            raise GanzooError(
                f"the extractor {extractor.name} takes grey, RGB and RGBA of at least {MIN_SIDE}x{MIN_SIDE} pixels, "
                f"and {data.name} has {data.shape}; train one with python -m ganzoo.evaluation.train_extractor and "
                "name it with --extractor"
            )
    elif extractor.shape != data.shape:
        raise GanzooError(
            f"the extractor {extractor.name} takes images {extractor.shape}, and {data.name} has {data.shape}"
        )
    return extractor


def pretrained(name: str) -> Extractor:
    """The pretrained extractor of that name; its hash is checked."""
    extractor = load(str(files("ganzoo.evaluation") / "trained" / f"{name}.safetensors"))
    if extractor.sha256 != HASHES[name]:
        raise GanzooError(f"the file of the extractor {name} has changed; install ganzoo-kit again")
    return extractor


def load(path: str | Path) -> Extractor:
    """The extractor in a file that ``ganzoo.evaluation.train_extractor`` or ``train_pictures`` wrote.

    Raises:
        GanzooError: it is no such file, or its metadata do not fit its weights.
    """
    header = read_json(path)
    tensors = read_tensors(path)
    name = require_name(header.get("extractor"), path)
    about = None
    if header.get("network") != "pictures" or header.keys() & {"shape", "classes", "accuracy"}:
        about = _checked(header, path)
    for device in ("meta", "cpu"):  # metadata that claim more than the file holds allocate nothing
        with torch.device(device):
            network = LeNet(about.shape, len(about.classes)) if about else Pictures()
        load_state(network, tensors, str(path))
    network.eval().requires_grad_(False)
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    if about is None:
        return Extractor(name, digest, None, (), None, network)
    return Extractor(name, digest, about.shape, about.classes, about.accuracy, network)


def require_name(name: Any, path: str | Path) -> str:
    """The name of an extractor, from its file, as one line.

    Raises:
        GanzooError: it is none, or that of Inception.
    """
    if not isinstance(name, str) or not 1 <= len(name) <= MAX_TEXT:
        raise _no_extractor(path)
    if name == "inception":
        raise GanzooError(f"{path} is named inception, which is the name of Inception alone; write it to another name")
    return printable(name)


def _no_extractor(path: str | Path) -> GanzooError:
    return GanzooError(
        f"{path} is no extractor; train one: python -m ganzoo.evaluation.train_extractor DATA --out x.safetensors"
    )


class _About(NamedTuple):
    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    accuracy: float


def _checked(header: dict[str, Any], path: str | Path) -> _About:
    """What the metadata of a LeNet say about it."""
    shape, classes, accuracy = header.get("shape"), header.get("classes"), header.get("accuracy")
    if not (
        "network" not in header
        and isinstance(accuracy, float)
        and isinstance(shape, list)
        and isinstance(classes, list)
        and len(shape) == 3
        and all(type(side) is int and 1 <= side <= 4096 for side in shape)
        and min(shape[1:]) >= 4
        and math.prod(shape) <= MAX_VALUES
        and 1 <= len(classes) <= 10_000
        and all(isinstance(each, str) for each in classes)
    ):
        raise _no_extractor(path)
    return _About((shape[0], shape[1], shape[2]), tuple(classes), accuracy)


def inception() -> Extractor:
    """Inception v3 (Szegedy et al., 2016) with torch-fidelity's weights of 2015: its 2,048 pooled features give FID.

    RGBA images are laid over white.

    Raises:
        GanzooError: torch-fidelity is not installed, or cannot download the weights.
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

    def forward(images: Tensor) -> tuple[Tensor, Tensor]:
        output: tuple[Tensor, Tensor] = network(rgb(images))
        return output

    return Extractor("inception", digest, None, (), None, forward)
