"""Data sets: records of numpy arrays, loaded by name. Nothing here imports torch before a data set needs it."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ganzoo.registry.registry import registry
from ganzoo.util.errors import GanzooError


class Samples(Protocol):
    """What holds samples: an array, or anything of the same manners that reads a batch at a time (``samples[index]``
    with an int64 index array, or a slice, gives an ndarray)."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    def __len__(self) -> int: ...
    def __getitem__(self, index: Any) -> NDArray[Any]: ...


class NoTestPart(GanzooError):  # noqa: N818
    """A data set without a test part was asked for one."""


@dataclass(frozen=True, kw_only=True)
class Data:
    """A data set.

    Attributes:
        name: as the user asked for it, for example ``mnist-10k`` or ``folder:cats``.
        samples: images as uint8 ``(N, channels, height, width)``, or vectors as float32 ``(N, features)``.
        labels: int64 ``(N,)``, or ``None``.
        classes: the classes' names in the order of the labels.
        conditions: float32 ``(N, p)``: inputs of a regression whose targets are the samples; or ``None``.
        sha256: :func:`fingerprint` of the samples, labels and conditions, taken unless given. Samples that are read
            lazily should come with one of their own; so should a changed copy made by :func:`dataclasses.replace`.
        licence: of the data, where it is known.
    """

    name: str
    samples: Samples
    labels: NDArray[np.int64] | None = None
    classes: tuple[str, ...] = ()
    conditions: NDArray[np.float32] | None = None
    sha256: str = ""
    licence: str = ""

    def __post_init__(self) -> None:
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
        return self.samples.dtype == np.uint8


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the user asked of a data set's loader.

    Attributes:
        name: the whole name, ``folder:cats``.
        argument: what stood behind the colon, ``cats``; empty where there was none.
        split: which part; data sets without a test part refuse ``"test"``.
        directory: where files of downloaded data sets lie, or go.
        size: height and width for data sets of any size.
    """

    name: str
    argument: str = ""
    split: Literal["train", "test"] = "train"
    directory: Path = Path("~/.cache/ganzoo")
    size: int | None = None

    def refuse_argument(self) -> None:
        """For loaders that take none: raise GanzooError where the name carries an argument."""
        if self.argument or ":" in self.name:
            name = self.name.partition(":")[0]
            raise GanzooError(f"{name} takes no argument after a colon, got {self.argument!r}; use: --data {name}")

    def refuse_test(self) -> None:
        """For data sets without a test part: raise NoTestPart where that is asked for."""
        if self.split == "test":
            raise NoTestPart(f"{self.name} has no test part, its only split is 'train'; see: ganzoo list datasets")


def subset(data: Data, index: NDArray[np.int64]) -> Data:
    """Some of the samples, in the order of ``index``, with their labels and conditions."""

    def chosen(values: NDArray[Any] | None) -> NDArray[Any] | None:
        return None if values is None else values[index]

    return replace(
        data,
        samples=data.samples[index],
        labels=chosen(data.labels),
        conditions=chosen(data.conditions),
        sha256="",
    )


def fingerprint(*parts: Samples | None) -> str:
    """SHA-256, in hexadecimal digits, of arrays: of the data type, shape and bytes of each, in the order given.

    Reads 1,024 samples at a time, so that lazily read ones need not fit into memory.
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


def load(
    name: str,
    *,
    split: Literal["train", "test"] = "train",
    directory: str | Path | None = None,
    size: int | None = None,
) -> Data:
    """The data set of that name; what stands behind a colon goes to its loader as :attr:`Request.argument`.

    Raises:
        GanzooError: there is no such data set, or it cannot be read.
    """
    kind, _, argument = name.partition(":")
    where = Path(directory or os.environ.get("GANZOO_DATA_DIR") or Request.directory).expanduser()
    request = Request(name=name, argument=argument, split=split, directory=where, size=size)
    data = registry().part("dataset", kind)(request)
    if not isinstance(data, Data):
        raise GanzooError(f"the loader of data set '{kind}' returned {type(data).__name__}, not ganzoo.data.Data")
    return data
