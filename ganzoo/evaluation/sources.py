"""Sources of samples: generators and files."""

from __future__ import annotations

import io
import math
import os
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from ganzoo.data.find import find_images, shown
from ganzoo.generators import hub
from ganzoo.generators.base import CHUNK, TrainedGenerator
from ganzoo.generators.images import to_uint8
from ganzoo.registry.registry import registry
from ganzoo.util.errors import GanzooError, first_line
from ganzoo.util.optional import needs

MAX_BYTES = 2**32  # of the samples in one file
MAX_FILES = 1_000_000
MAX_READ = 2**20  # bytes of an npz file that are read at once; more than its directory needs
MAX_HEADER = 2**14  # bytes of the header of an array
FREE_BYTES, MAX_RATIO = 2**28, 200  # a larger array may not be compressed more than that

Samples = NDArray[Any]
T = TypeVar("T")


class Source(ABC):
    """Samples to evaluate.

    Attributes:
        path: where they are from.
        data: name of the data set that they imitate; ``None`` if unknown.
        size: number of samples; ``None`` for any number.
        generator: ``gan`` and ``iterations`` of the generator, if there is one.
    """

    def __init__(
        self, path: Path, *, data: str | None = None, size: int | None = None, generator: dict[str, Any] | None = None
    ) -> None:
        self.path, self.data, self.size, self.generator = path, data, size, generator

    @abstractmethod
    def batches(self, seeds: range, shape: tuple[int, ...]) -> Iterator[Samples]:
        """Samples of seeds, or at indices of a file, in batches: uint8 ``(N, C, H, W)``, or floats ``(N, features)``.

        Raises:
            GanzooError: their shape is not ``shape``, or they hold values that are not finite.
        """

    def labels(self, seeds: range) -> NDArray[np.int64] | None:
        """The requested classes ``(N,)``; ``None`` if there are none."""
        return None


class GeneratorSource(Source):
    """A trained generator, in torch or exported."""

    def __init__(self, path: Path, model: TrainedGenerator) -> None:
        about = model.metadata
        super().__init__(path, data=about.data.name, generator={"gan": about.gan, "iterations": about.iterations})
        self.model = model

    def batches(self, seeds: range, shape: tuple[int, ...]) -> Iterator[Samples]:
        _check_shape(self.model.metadata.shape, shape, self.path)
        for samples in self.model.sample_iter(seeds):
            yield image_levels(samples, self.model.value_range) if len(shape) == 3 else finite(samples, self.path)

    def labels(self, seeds: range) -> NDArray[np.int64] | None:
        return self.model.labels(len(seeds))


class NpzSource(Source):
    """Samples in an npz file, under ``images``, and perhaps ``labels``."""

    def __init__(self, path: Path) -> None:
        self._samples, self._labels = read_npz(path)
        super().__init__(path, size=len(self._samples))

    def batches(self, seeds: range, shape: tuple[int, ...]) -> Iterator[Samples]:
        if len(shape) == 1:
            _check_shape(self._samples.shape[1:], shape, self.path)
            yield finite(self._samples[seeds.start : seeds.stop], self.path)
            return
        images = channels_first(self._samples, shape, self.path)
        limits = value_range(self._samples, self.path)
        for start in range(seeds.start, seeds.stop, CHUNK):
            part = images[start : min(start + CHUNK, seeds.stop)]
            yield part if part.dtype == np.uint8 else image_levels(part, limits)

    def labels(self, seeds: range) -> NDArray[np.int64] | None:
        return None if self._labels is None else self._labels[seeds.start : seeds.stop]


class FolderSource(Source):
    """Images in a folder and its sub-folders, sorted by name; see :func:`ganzoo.data.find.find_images`."""

    def __init__(self, path: Path) -> None:
        found = find_images(path)
        if not found.names or (path / "run.json").exists():
            also = f" (passed over: {found.summary()})" if found.passed_over else ""
            raise GanzooError(
                f"{path} holds neither weights.safetensors nor images{also}; name a run, or a folder of images"
            )
        if len(found.names) > MAX_FILES:
            raise GanzooError(f"{path} holds {len(found.names):,} images; evaluate at most {MAX_FILES:,}")
        found.warn(path)
        self._files = [path / name for name in found.names]
        super().__init__(path, size=len(self._files))

    def batches(self, seeds: range, shape: tuple[int, ...]) -> Iterator[Samples]:
        with needs():
            from ganzoo.data import decode
        if len(shape) != 3:
            raise GanzooError(f"{self.path} holds images, and the data are vectors; name an .npz file")
        files = self._files[seeds.start : seeds.stop]
        stored = [_read(file, decode.inspect) for file in files]
        decode.warn_of_depth(stored)
        bits = decode.bit_depth(stored)
        for start in range(0, len(files), CHUNK):
            yield np.stack([_read(file, decode.unscaled, shape, bits) for file in files[start : start + CHUNK]])


def open_source(source: str) -> Source:
    """The samples of a generator, a folder of images or an npz file.

    A generator is a run folder, a weights file, the name of a GAN, an ONNX file, or an address on the Hub.

    Raises:
        GanzooError: it is none of these, or cannot be read.
    """
    if hub.is_address(source):
        source = str(hub.fetch(source, "safetensors", "onnx"))
    path = Path(source)
    if path.suffix == ".onnx":
        from ganzoo.generators.onnx_session import Sampler

        return GeneratorSource(path, Sampler(path))
    if path.suffix == ".npz":
        return NpzSource(path)
    if path.is_dir() and not (path / "weights.safetensors").exists() and source not in registry().gans:
        return FolderSource(path)
    with needs():
        from ganzoo.generators.weights import find, load
    weights = find(source)
    return GeneratorSource(weights, load(weights))


def read_npz(path: Path) -> tuple[Samples, NDArray[np.int64] | None]:
    """The arrays ``images`` and ``labels`` of an npz file; all others are left alone.

    Headers and sizes are bounded and checked before values are read, and memory grows with the values that there are.

    Raises:
        GanzooError: the file is missing, broken or too large, or has other arrays.
    """
    wanted = f"name an .npz file with the key 'images', and perhaps 'labels', of at most {MAX_BYTES:,} bytes"
    if not path.is_file():
        raise GanzooError(f"there is no file {path}; {wanted}")
    try:
        with _BoundedFile(path) as file, zipfile.ZipFile(file) as archive:
            members = set(archive.namelist())
            if "images.npy" not in members:
                raise ValueError("it lacks 'images'")
            images = _read_array(archive, "images", "uif")
            labels = _read_array(archive, "labels", "ui") if "labels.npy" in members else None
    except Exception as error:  # numpy, zipfile and the decompressors raise many kinds
        raise GanzooError(f"{path} cannot be evaluated: {shown(first_line(error))}; {wanted}") from None
    if images.ndim < 2 or not len(images):
        raise GanzooError(f"{path} cannot be evaluated: 'images' is {images.dtype} {images.shape}; {wanted}")
    if images.dtype.kind in "ui" and images.dtype != np.uint8:
        raise GanzooError(f"{path} cannot be evaluated: 'images' is {images.dtype}; give uint8, or floats in [-1, 1]")
    if labels is not None and labels.shape != images.shape[:1]:
        raise GanzooError(
            f"{path} cannot be evaluated: 'labels' is {labels.dtype} {labels.shape}; give a whole number for each image"
        )
    if labels is not None and len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < 2**63:
        raise GanzooError(
            f"{path} cannot be evaluated: 'labels' go from {labels.min()} to {labels.max()}; give 0, 1, 2, ..."
        )
    return images, None if labels is None else labels.astype(np.int64)


class _BoundedFile(io.FileIO):
    """A file of which no reader gets more than :data:`MAX_READ` bytes at once, whatever the file announces."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            size = max(0, os.fstat(self.fileno()).st_size - self.tell())
        if size > MAX_READ:
            raise ValueError(f"it announces a part of {size:,} bytes, more than {MAX_READ:,}")
        return super().read(size) or b""


def _read_array(archive: zipfile.ZipFile, name: str, kinds: str) -> Samples:
    """One array, read in parts until it has the size that its header announces."""
    about = archive.getinfo(f"{name}.npy")
    if about.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA):
        raise ValueError(f"'{name}' is compressed by method {about.compress_type}; use numpy.savez_compressed")
    with archive.open(about) as member:
        shape, fortran_order, dtype = _read_header(member)
        size = math.prod(shape) * dtype.itemsize
        if dtype.kind not in kinds or any(side < 0 for side in shape) or len(shape) > 4:
            good = "whole numbers" if kinds == "ui" else "uint8 or floats"
            raise ValueError(
                f"'{name}' is {dtype} {shape}; give {'a whole number for each image' if kinds == 'ui' else good}"
            )
        if size > MAX_BYTES or (size > FREE_BYTES and size > MAX_RATIO * about.compress_size):
            raise ValueError(f"'{name}' is too large: {size:,} bytes from {about.compress_size:,}")
        # the decompressor of LZMA expands all that it is given, whatever is asked for
        chunk = 4096 if about.compress_type == zipfile.ZIP_LZMA else MAX_READ // 2
        content = bytearray()
        while part := member.read(min(chunk, size + 1 - len(content))):
            content += part
            if len(content) > size:
                break
        if len(content) != size:
            raise ValueError(
                f"'{name}' has {'more' if len(content) > size else 'fewer'} than the announced {size:,} bytes"
            )
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran_order else "C")


def _read_header(member: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether the order is Fortran's, and the data type."""
    start = member.read(8)
    length = member.read(2 if start[6:7] == b"\x01" else 4)
    count = int.from_bytes(length, "little")
    if count > MAX_HEADER:
        raise ValueError(f"a header of {count:,} bytes, more than {MAX_HEADER:,}")
    header = io.BytesIO(start + length + member.read(count))
    version = npy.read_magic(header)
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise ValueError(f"a header of version {version}, not 1, 2 or 3")
    return (npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0)(header)


def image_levels(samples: Samples, limits: tuple[float, float] | None) -> Samples:
    """Images as uint8 ``(N, C, H, W)``, from float ``(N, C, H, W)`` in ``limits`` or uint8 ``(N, H, W, C)``."""
    if limits is None:
        raise GanzooError("the generator makes vectors, and the data are images; name its own data set with --data")
    levels = samples if samples.dtype == np.uint8 else to_uint8(samples, limits)
    return np.ascontiguousarray(levels.transpose(0, 3, 1, 2))


def channels_first(images: Samples, shape: tuple[int, ...], path: Path) -> Samples:
    """Images as ``(N, C, H, W)``, from ``(N, C, H, W)``, ``(N, H, W, C)`` or, with one channel, ``(N, H, W)``."""
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


def value_range(images: Samples, path: Path) -> tuple[float, float]:
    """The range of floats: [-1, 1] if one is negative, else [0, 1]; 0..255 of uint8."""
    if images.dtype == np.uint8:
        return (0, 255)
    least, most = float(images.min()), float(images.max())
    if not -1.001 < least <= most < 1.001:
        raise GanzooError(f"{path} holds values from {least:g} to {most:g}; give uint8, or floats in [-1, 1] or [0, 1]")
    return (-1.0, 1.0) if least < 0 else (0.0, 1.0)


def _read(file: Path, read: Callable[..., T], *arguments: Any) -> T:
    try:
        return read(file, *arguments)
    except GanzooError:  # of what is not installed, or not clear
        raise
    except Exception as error:  # Pillow raises many kinds, some of them undocumented
        raise GanzooError(f"cannot evaluate {shown(str(file))}: {shown(first_line(error))}") from error


def _check_shape(found: tuple[int, ...], shape: tuple[int, ...], path: Path) -> None:
    if found != shape:
        raise GanzooError(f"{path} holds samples {found}, and the data are {shape}; name their data set with --data")


def finite(samples: Samples, path: Path) -> Samples:
    """The samples. Raises GanzooError if they hold values that are not finite."""
    if samples.dtype.kind != "f" or not np.isfinite(samples).all():
        raise GanzooError(f"{path} holds values that are not finite; evaluate earlier weights")
    return samples
