"""Data sets: numpy arrays that are loaded by name, and what a plugin needs to add one.

A loader of a plugin is a function from a :class:`Request` to a :class:`Data`. Nothing here imports torch.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ganzoo.data.arguments import split_argument
from ganzoo.registry.registry import registry
from ganzoo.util.errors import GanzooError
from ganzoo.util.files import expand_user

__all__ = ["Data", "NoTestSplit", "Request", "Samples", "dataset_name", "fingerprint", "load", "subset"]

Channels = Literal["grey", "rgb", "rgba"]
CHANNELS: dict[Channels, int] = {"grey": 1, "rgb": 3, "rgba": 4}
"""Number of channels of images by the name of their colours."""

MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""Pillow's modes by the numbers of channels that a picture can have."""

log = logging.getLogger("ganzoo")


class Samples(Protocol):
    """An array, or an object that reads a batch when it is indexed.

    ``samples[index]``, with an int64 array or a slice, is an ndarray.
    """

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    def __len__(self) -> int: ...
    def __getitem__(self, index: Any) -> NDArray[Any]: ...


class NoTestSplit(GanzooError):  # noqa: N818
    """The test split of a data set was requested, and there is none."""


@dataclass(frozen=True, kw_only=True)
class Data:
    """A data set.

    Attributes:
        name: full name, for example ``mnist-10k`` or ``folder:cats``.
        samples: images as uint8 ``(N, channels, height, width)``, or vectors as float32 ``(N, features)``.
        labels: int64 ``(N,)``, or ``None``.
        classes: class names in the order of the labels.
        conditions: what the samples are made from: images, uint8 ``(N, c, h, w)``, read lazily or not; or the inputs of
            a regression, float32 ``(N, p)``; or ``None``.
        paired: whether ``conditions[i]`` belongs to ``samples[i]``. If not, there may be more or fewer of them, and
            they are drawn in an order of their own.
        sha256: :func:`fingerprint` of samples, labels and conditions; computed if it is empty. A loader of lazily read
            samples passes its own. A copy made by :func:`dataclasses.replace` needs ``sha256=""``.
        licence: of the data; empty if unknown.

    Raises:
        GanzooError: an array has another type or shape, holds values that are not finite, or does not fit the others.
    """

    name: str
    samples: Samples
    labels: NDArray[np.int64] | None = None
    classes: tuple[str, ...] = ()
    conditions: Samples | None = None
    paired: bool = True
    sha256: str = ""
    licence: str = ""

    def __post_init__(self) -> None:
        _check(self.samples, f"samples of {self.name}")
        if self.conditions is not None:
            _check(self.conditions, f"conditions of {self.name}")
        if self.labels is not None:
            object.__setattr__(self, "labels", _checked_labels(self.labels, len(self.samples), self.classes, self.name))
        if self.conditions is not None and self.paired and len(self.conditions) != len(self.samples):
            raise GanzooError(
                f"{self.name} has {len(self.samples):,} samples and {len(self.conditions):,} conditions; give as "
                "many, or paired=False"
            )
        if self.conditions is None and not self.paired:
            raise GanzooError(f"{self.name} has no conditions, so paired=False means nothing; leave it out")
        if not self.sha256:
            object.__setattr__(self, "sha256", fingerprint(self.samples, self.labels, self.conditions))

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample."""
        return tuple(self.samples.shape[1:])

    @property
    def is_images(self) -> bool:
        """Whether the samples are images, and not vectors."""
        return self.samples.dtype == np.uint8


def _check(samples: Samples, what: str) -> None:
    """Refuse what are neither images nor vectors. What is read lazily is not read."""
    dtype, shape = getattr(samples, "dtype", None), getattr(samples, "shape", None)
    good = "give images as uint8 (N, channels, height, width), or vectors as float32 (N, features)"
    if not isinstance(dtype, np.dtype) or not isinstance(shape, tuple) or isinstance(samples, np.ma.MaskedArray):
        raise GanzooError(f"the {what} are a {type(samples).__name__}, not an array of numpy; {good}")
    if len(shape) != {np.dtype(np.uint8): 4, np.dtype(np.float32): 2}.get(dtype) or 0 in shape[1:]:
        raise GanzooError(f"the {what} are {dtype} {shape}; {good}")
    last = len(shape) == 4 and shape[1] not in CHANNELS.values() and shape[3] in CHANNELS.values()
    if last and shape[2] != shape[3]:  # which would be square images of several channels, and of few pixels
        raise GanzooError(f"the {what} have the shape {shape}, where the channels seem to come last; {good}")
    if isinstance(samples, np.ndarray) and len(shape) == 2 and not np.isfinite(samples).all():
        count = int((~np.isfinite(samples)).sum())
        raise GanzooError(f"the {what} hold {count:,} values that are not finite; remove them")


def _checked_labels(labels: Any, count: int, classes: Sequence[str], name: str) -> NDArray[np.int64]:
    """Labels as int64; GanzooError unless they are whole numbers of classes, one for each of ``count`` samples."""
    if not isinstance(labels, np.ndarray) or labels.dtype.kind not in "iu" or labels.shape != (count,):
        about = f"{labels.dtype} {labels.shape}" if isinstance(labels, np.ndarray) else f"a {type(labels).__name__}"
        raise GanzooError(f"the labels of {name} are {about}; give an array of whole numbers of shape ({count},)")
    if count and (labels.min() < 0 or (classes and labels.max() >= len(classes))):
        most = f"{len(classes) - 1}, the last of its classes" if classes else "the number of classes, less one"
        raise GanzooError(f"the labels of {name} go from {labels.min()} to {labels.max()}; give 0 to {most}")
    return labels.astype(np.int64, copy=False)


@dataclass(frozen=True, kw_only=True)
class Request:
    """The arguments of a data set's loader.

    Attributes:
        name: full name, for example ``folder:cats``.
        argument: the part of the name after the colon, ``cats``; empty without a colon.
        split: ``train`` or ``test``; data sets without a test split refuse ``test``.
        directory: folder of downloaded data sets.
        size: height and width in pixels, for data sets of any size; ``None`` for the default.
        channels: ``grey``, ``rgb`` or ``rgba``, for data sets of any colours; ``None`` for those of the images.
    """

    name: str
    argument: str = ""
    split: Literal["train", "test"] = "train"
    directory: Path = Path("~/.cache/ganzoo")
    size: int | None = None
    channels: Channels | None = None

    def refuse_argument(self) -> None:
        """Raise GanzooError if the name has an argument; for loaders that take none."""
        if self.argument or ":" in self.name:
            name = self.name.partition(":")[0]
            raise GanzooError(f"{name} takes no argument after a colon, got {self.argument!r}; use: --data {name}")

    def refuse_test(self) -> None:
        """Raise NoTestSplit if the test split is requested; for data sets that have none."""
        if self.split == "test":
            raise NoTestSplit(f"{self.name} has no test split, only 'train'; see: ganzoo list datasets")


def channels_of(shape: tuple[int, ...]) -> Channels | None:
    """The colours of images of a shape ``(C, height, width)``; ``None`` for other shapes."""
    return next((name for name, count in CHANNELS.items() if len(shape) == 3 and shape[0] == count), None)


def subset(data: Data, index: NDArray[np.int64]) -> Data:
    """The samples at ``index``, int64 ``(n,)``, in this order, with their labels and conditions.

    Conditions that are not paired are kept as they are.
    """
    labels = None if data.labels is None else data.labels[index]
    conditions = data.conditions[index] if data.conditions is not None and data.paired else data.conditions
    return replace(data, samples=data.samples[index], labels=labels, conditions=conditions, sha256="")


def fingerprint(*parts: Samples | None) -> str:
    """SHA-256, in hexadecimal, of the data type, shape and bytes of arrays in this order.

    Reads 1,024 samples at a time, so lazily read samples need not fit into memory.
    """
    digest = hashlib.sha256()
    for part in parts:
        if part is None:
            digest.update(b"none")
            continue
        digest.update(f"{part.dtype.str}{part.shape}".encode())
        for start in range(0, len(part), 1024):
            digest.update(np.ascontiguousarray(part[start : start + 1024]).data)
    return digest.hexdigest()


def dataset_name(name: str) -> str:
    """The full name of a data set: ``folder:PATH`` for a path, any other name as it is.

    A path starts with ``./``, ``../``, ``/`` or ``~``, or is an existing folder without the name of a data set.
    """
    known = name.partition(":")[0] in registry().parts["dataset"]
    # os.path.isdir is False for what is no valid path, where Path.is_dir raises
    if name.startswith(("./", "../", "/", "~")) or (name and not known and os.path.isdir(name)):  # noqa: PTH112
        log.info("data set %s is read as folder:%s", name, name)
        return f"folder:{name}"
    return name


def absolute_name(name: str) -> str:
    """The full name of the same data set from any working directory: paths in it are absolute.

    >>> absolute_name("unpaired:mnist,/photographs,holdout=5%")
    'unpaired:mnist,/photographs,holdout=5%'
    """
    kind, colon, argument = dataset_name(name).partition(":")
    names, settings = _names_in(kind, argument)
    absolute = [
        _absolute_path(each)
        if kind == "folder" or not _is_known(each)
        else absolute_name(each)
        if ":" in each
        else each
        for each in names
    ]
    return kind + colon + ",".join([*absolute, *(f"{key}={value}" for key, value in settings)])


def absolute_paths(name: str) -> list[str]:
    """The absolute paths in the full name of a data set, whether they exist or not.

    >>> absolute_paths("unpaired:mnist,/photographs,holdout=5%")
    ['/photographs']
    """
    kind, _, argument = name.partition(":")
    names, _ = _names_in(kind, argument)
    nested = [absolute_paths(each) if kind != "folder" and _is_known(each) else [each] for each in names]
    return [path for paths in nested for path in paths if Path(path).is_absolute()]


def _names_in(kind: str, argument: str) -> tuple[list[str], list[tuple[str, str]]]:
    """The paths or names in the argument of a data set, and the settings after them."""
    if kind == "folder":
        return [argument], []
    names, settings = split_argument(argument)
    whole = os.path.expanduser(",".join(names))  # noqa: PTH111
    return [",".join(names)] if os.path.exists(whole) else names, settings  # noqa: PTH110


def _is_known(name: str) -> bool:
    return name.partition(":")[0] in registry().parts["dataset"]


def _absolute_path(path: str) -> str:
    """The absolute path of what exists, anything else as it is."""
    expanded = os.path.expanduser(path)  # noqa: PTH111
    # os.path.exists is False for what is no valid path
    return str(Path(expanded).absolute()) if path and os.path.exists(expanded) else path  # noqa: PTH110


def load(
    name: str,
    *,
    split: Literal["train", "test"] = "train",
    directory: str | Path | None = None,
    size: int | None = None,
    channels: Channels | None = None,
) -> Data:
    """Load a data set.

    Args:
        name: a registered name, ``NAME:ARGUMENT``, or the path of a folder of images; see :func:`dataset_name`.
        split: ``train`` or ``test``.
        directory: folder of downloaded data sets; ``GANZOO_DATA_DIR`` or ``~/.cache/ganzoo`` by default.
        size: height and width in pixels, for data sets of any size.
        channels: ``grey``, ``rgb`` or ``rgba``, for data sets of any colours.

    Raises:
        GanzooError: there is no such data set, or it cannot be read.
    """
    if channels not in (None, *CHANNELS):
        raise GanzooError(f"channels={channels!r:.60} is not one of {', '.join(CHANNELS)}")
    name = dataset_name(name)
    kind, _, argument = name.partition(":")
    where = expand_user(directory or os.environ.get("GANZOO_DATA_DIR") or Request.directory)
    request = Request(name=name, argument=argument, split=split, directory=where, size=size, channels=channels)
    data = registry().part("dataset", kind)(request)
    if not isinstance(data, Data):
        raise GanzooError(f"the loader of data set '{kind}' returned {type(data).__name__}, not ganzoo.data.Data")
    return data
