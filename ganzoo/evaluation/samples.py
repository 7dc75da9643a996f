"""What can be evaluated: a generator, or samples that lie in files."""

from __future__ import annotations

import math
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from ganzoo.data.folder import SUFFIXES
from ganzoo.generators.base import CHUNK, TrainedGenerator
from ganzoo.generators.images import to_uint8
from ganzoo.registry.registry import registry
from ganzoo.util.errors import GanzooError, first_line
from ganzoo.util.optional import needs

LARGEST_FILE = 2**32  # bytes of samples in one file
MOST_FILES = 1_000_000

Samples = NDArray[Any]


class Source(ABC):
    """Samples of someone's.

    Attributes:
        path: where they come from.
        data: name of the data set that they are meant to be like; ``None`` where that is not known.
        size: how many there are; ``None`` for as many as are wanted.
    """

    path: Path
    data: str | None = None
    size: int | None = None

    @abstractmethod
    def draw(self, seeds: range, shape: tuple[int, ...]) -> Iterator[Samples]:
        """Samples of that shape by number, in batches: images uint8 ``(N, C, H, W)``, or vectors ``(N, features)``.

        Raises:
            GanzooError: they are of another shape, or hold what is no number.
        """

    def about(self) -> dict[str, Any] | None:
        """Whose samples they are, where that is known."""
        return None

    @abstractmethod
    def labels(self, seeds: range) -> NDArray[np.int64] | None:
        """The classes ``(N,)`` that they were made for; ``None`` where there are none."""


@dataclass(frozen=True)
class Generator(Source):
    """A trained generator, exported or not."""

    path: Path
    model: TrainedGenerator

    @property
    def data(self) -> str | None:  # type: ignore[override]
        return str(self.model.header["data"]["name"])

    def about(self) -> dict[str, Any] | None:
        return {name: self.model.header[name] for name in ("gan", "iterations")}

    def draw(self, seeds: range, shape: tuple[int, ...]) -> Iterator[Samples]:
        _fits(tuple(self.model.header["shape"]), shape, self.path)
        for samples in self.model.sample_iter(seeds=seeds):
            yield as_levels(samples, self.model.limits) if len(shape) == 3 else _finite(samples, self.path)

    def labels(self, seeds: range) -> NDArray[np.int64] | None:
        return self.model.labels(len(seeds))


@dataclass(frozen=True)
class Arrays(Source):
    """Samples in an npz file, under ``images``, and perhaps ``labels``."""

    path: Path
    images: Samples
    classes: NDArray[np.int64] | None

    @property
    def size(self) -> int | None:  # type: ignore[override]
        return len(self.images)

    def draw(self, seeds: range, shape: tuple[int, ...]) -> Iterator[Samples]:
        if len(shape) == 1:
            _fits(self.images.shape[1:], shape, self.path)
            yield _finite(self.images[seeds.start : seeds.stop], self.path)
            return
        ordered = channels_first(self.images, shape, self.path)
        limits = range_of(self.images, self.path)
        for start in range(seeds.start, seeds.stop, CHUNK):
            part = ordered[start : min(start + CHUNK, seeds.stop)]
            yield part if part.dtype == np.uint8 else as_levels(part, limits)

    def labels(self, seeds: range) -> NDArray[np.int64] | None:
        return None if self.classes is None else self.classes[seeds.start : seeds.stop]


@dataclass(frozen=True)
class Pictures(Source):
    """Images in a folder and all below it, in the order of their names."""

    path: Path
    files: tuple[Path, ...]

    @property
    def size(self) -> int | None:  # type: ignore[override]
        return len(self.files)

    def draw(self, seeds: range, shape: tuple[int, ...]) -> Iterator[Samples]:
        with needs():
            from ganzoo.data.decode import pixels
        if len(shape) != 3:
            raise GanzooError(f"{self.path} holds pictures, and the data are vectors; name an .npz file")
        for start in range(seeds.start, seeds.stop, CHUNK):
            files = self.files[start : min(start + CHUNK, seeds.stop)]
            batch = np.empty((len(files), *shape), np.uint8)
            for image, file in zip(batch, files, strict=True):
                try:
                    image[:] = pixels(file, shape)
                except Exception as error:  # Pillow raises many kinds, some of them undocumented
                    raise GanzooError(f"cannot evaluate {file}: {error}") from error
            yield batch

    def labels(self, seeds: range) -> NDArray[np.int64] | None:
        return None


def opened(source: str) -> Source:
    """What a run's folder, a weights file, a GAN's name, an ONNX file, a folder of images or an npz file holds.

    Raises:
        GanzooError: it is none of these, or cannot be read.
    """
    path = Path(source)
    if path.suffix == ".onnx":
        from ganzoo.generators.onnx_session import Sampler

        return Generator(path, Sampler(path))
    if path.suffix == ".npz":
        return Arrays(path, *read_npz(path))
    if path.is_dir() and not (path / "weights.safetensors").exists() and source not in registry().gans:
        files = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES)
        if not files or (path / "run.json").exists():
            raise GanzooError(f"{path} holds neither weights.safetensors nor images; name a run, or a folder of images")
        if len(files) > MOST_FILES:
            raise GanzooError(f"{path} holds {len(files):,} images; evaluate at most {MOST_FILES:,}")
        return Pictures(path, tuple(files))
    with needs():
        from ganzoo.generators.weights import find, load
    weights = find(source)
    return Generator(weights, load(weights))


def read_npz(path: Path) -> tuple[Samples, NDArray[np.int64] | None]:
    """``images``, and ``labels`` where there are any, of an npz file; both are measured before they are read.

    Raises:
        GanzooError: the file is missing, broken or too large, or holds something else.
    """
    wanted = f"name an .npz file with the key 'images', and perhaps 'labels', of at most {LARGEST_FILE:,} bytes"
    if not path.is_file():
        raise GanzooError(f"there is no file {path}; {wanted}")
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {name: _measured(archive, name) for name in archive.namelist() if name.endswith(".npy")}
        if "images.npy" not in sizes:
            raise ValueError("it lacks 'images'")
        if sum(sizes.get(f"{name}.npy", 0) for name in ("images", "labels")) > LARGEST_FILE:
            raise ValueError("its arrays are too large")
        with np.load(path, allow_pickle=False) as file:
            images, labels = file["images"], file.get("labels")
    except Exception as error:  # numpy, zipfile and what unpacks for them raise many kinds
        raise GanzooError(f"{path} cannot be evaluated: {first_line(error):.200}; {wanted}") from None
    if images.ndim < 2 or not len(images) or images.dtype.kind not in "uif":
        raise GanzooError(f"{path} cannot be evaluated: 'images' is {images.dtype} {images.shape}; {wanted}")
    if images.dtype.kind in "ui" and images.dtype != np.uint8:
        raise GanzooError(f"{path} cannot be evaluated: 'images' is {images.dtype}; give uint8, or floats in [-1, 1]")
    if labels is not None and (labels.shape != images.shape[:1] or labels.dtype.kind not in "ui"):
        raise GanzooError(
            f"{path} cannot be evaluated: 'labels' is {labels.dtype} {labels.shape}; give a whole number for each image"
        )
    return images, None if labels is None else labels.astype(np.int64)


def _measured(archive: zipfile.ZipFile, name: str) -> int:
    """The bytes that an array will take, by its header."""
    with archive.open(name) as member:
        version = npy.read_magic(member)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read(member)
    if any(side < 0 for side in shape):
        raise ValueError(f"{name} has the shape {shape}")
    return math.prod(shape) * dtype.itemsize


def as_levels(samples: Samples, limits: tuple[float, float] | None) -> Samples:
    """Samples of a generator, float ``(N, C, H, W)`` or uint8 ``(N, H, W, C)``, as uint8 ``(N, C, H, W)``."""
    if limits is None:
        raise GanzooError("the generator makes vectors, and the data are images; name its own data set with --data")
    levels = samples if samples.dtype == np.uint8 else to_uint8(samples, limits)
    return np.ascontiguousarray(levels.transpose(0, 3, 1, 2))


def channels_first(images: Samples, shape: tuple[int, ...], path: Path) -> Samples:
    """Images of any layout as ``(N, C, H, W)``: channels may come first, last, or, where there is one, not at all."""
    channels, height, width = shape
    if images.shape[1:] == shape:
        return images
    if images.shape[1:] == (height, width, channels):
        return images.transpose(0, 3, 1, 2)
    if channels == 1 and images.shape[1:] == (height, width):
        return images[:, None]
    raise GanzooError(
        f"{path} holds images {images.shape[1:]}, and the data are {shape}; name their data set with --data"
    )


def range_of(images: Samples, path: Path) -> tuple[float, float]:
    """The range of floats: [-1, 1] where one is negative, else [0, 1]."""
    if images.dtype == np.uint8:
        return (0, 255)
    least, most = float(images.min()), float(images.max())
    if not -1.001 < least <= most < 1.001:
        raise GanzooError(f"{path} holds values from {least:g} to {most:g}; give uint8, or floats in [-1, 1] or [0, 1]")
    return (-1.0, 1.0) if least < 0 else (0.0, 1.0)


def _fits(found: tuple[int, ...], shape: tuple[int, ...], path: Path) -> None:
    if found != shape:
        raise GanzooError(f"{path} holds samples {found}, and the data are {shape}; name their data set with --data")


def _finite(samples: Samples, path: Path) -> Samples:
    if samples.dtype.kind != "f" or not np.isfinite(samples).all():
        raise GanzooError(f"{path} holds samples that are no numbers; evaluate earlier weights")
    return samples
