"""Data sets: numpy arrays that are loaded by name, and what a plugin needs to add one.

A loader of a plugin is a function from a :class:`Request` to a :class:`Data`. :func:`as_data` makes one of what is in
memory. Nothing here imports torch.
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
from ganzoo.data.arrays import (
    Layout,
    Limits,
    Reader,
    as_array,
    is_dataset,
    is_lazy,
    is_loader,
    is_module,
    is_tensor,
    listed,
    of_dataset,
)
from ganzoo.data.checks import check_samples, checked_labels
from ganzoo.registry.registry import registry
from ganzoo.util.display import MOST_PICTURES, page, pictures, plot, unless_it_fails
from ganzoo.util.errors import GanzooError
from ganzoo.util.files import DOWNLOADS, download_folder

__all__ = ["Data", "NoTestSplit", "Request", "Samples", "as_data", "dataset_name", "fingerprint", "load", "subset"]

MEMORY = "memory"
"""Name of data that were given as arrays, which cannot be loaded by it."""

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

    It checks its arrays. Tensors become arrays, and lists of labels and of names what they should be; :func:`as_data`
    converts everything else.

    Attributes:
        name: full name, for example ``mnist-10k`` or ``folder:cats``.
        samples: images as uint8 ``(N, channels, height, width)``, or vectors as float32 ``(N, features)``.
        labels: int64 ``(N,)``, or ``None``.
        classes: class names in the order of the labels; by default their numbers.
        conditions: what the samples are made from: images, uint8 ``(N, c, h, w)``, read lazily or not; or the inputs of
            a regression, float32 ``(N, p)``; or ``None``.
        paired: whether ``conditions[i]`` belongs to ``samples[i]``. If not, there may be more or fewer of them, and
            they are drawn in an order of their own.
        sha256: :func:`fingerprint` of samples, labels and conditions; computed if it is empty. A loader of lazily read
            samples passes its own. A copy made by :func:`dataclasses.replace` needs ``sha256=""``.
        licence: of the data; empty if unknown.
        notes: what was guessed or changed when the arrays were read, a line each.

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
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("samples", "conditions", "labels"):
            value = getattr(self, name)
            if is_tensor(value) or (name == "labels" and isinstance(value, list | tuple)):
                object.__setattr__(self, name, as_array(value, f"the {name} of {self.name}"))
        for name in ("classes", "notes"):
            if not isinstance(value := getattr(self, name), list | tuple) or not all(isinstance(x, str) for x in value):
                raise GanzooError(f"the {name} of {self.name} are {value!r:.60}, not a list of texts")
            object.__setattr__(self, name, tuple(value))
        check_samples(self.samples, f"samples of {self.name}")
        if self.conditions is not None:
            check_samples(self.conditions, f"conditions of {self.name}")
        if self.labels is not None:
            object.__setattr__(self, "labels", checked_labels(self.labels, len(self.samples), self.classes, self.name))
            if not self.classes and len(self.labels):
                object.__setattr__(self, "classes", tuple(map(str, range(int(self.labels.max()) + 1))))
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

    def __repr__(self) -> str:
        return "\n".join(
            [f"Data '{self.name}': {', '.join(f'{name} {value}' for name, value in self._facts)}", *self.notes]
        )

    @unless_it_fails
    def _repr_html_(self) -> str:
        first = np.asarray(self.samples[:MOST_PICTURES] if self.is_images else self.samples[:])
        shown = pictures(np.moveaxis(first, 1, -1)) if self.is_images else plot(first)
        return page(f"Data '{self.name}'", self._facts, lines=self.notes, pictures=shown)

    @property
    def _facts(self) -> list[tuple[str, str]]:
        """What it holds, in words."""
        what = "images" if self.is_images else "vectors"
        facts = [(what, f"{len(self):,} of {'x'.join(map(str, self.shape))}")]
        if self.labels is not None:
            facts.append(("classes", f"{len(self.classes):,} ({listed(self.classes)})"))
        if self.conditions is not None:
            facts.append(("conditions", f"{len(self.conditions):,} of {'x'.join(map(str, self.conditions.shape[1:]))}"))
        return [*facts, *([("licence", self.licence)] if self.licence else [])]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample."""
        return tuple(self.samples.shape[1:])

    @property
    def is_images(self) -> bool:
        """Whether the samples are images, and not vectors."""
        return self.samples.dtype == np.uint8


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
    directory: Path = DOWNLOADS
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
    if name == MEMORY and MEMORY not in registry().parts["dataset"]:
        error = NoTestSplit if split == "test" else GanzooError
        raise error(
            f"'{MEMORY}' are data that were given as arrays in Python, which have no files; give the same arrays again "
            "there, or name a data set"
        )
    where = download_folder(directory)
    request = Request(name=name, argument=argument, split=split, directory=where, size=size, channels=channels)
    data = registry().part("dataset", kind)(request)
    if not isinstance(data, Data):
        raise GanzooError(f"the loader of data set '{kind}' returned {type(data).__name__}, not ganzoo.data.Data")
    return data


def as_data(
    source: Any,
    labels: Any = None,
    *,
    classes: Sequence[str] | None = None,
    layout: Layout | None = None,
    range: Limits | None = None,
    size: int | None = None,
    name: str = MEMORY,
) -> Data:
    """A data set of anything that holds samples. What was guessed is in ``data.notes``, which a notebook shows.

    Args:
        source: images as an array or tensor ``(N, H, W)``, ``(N, H, W, C)`` or ``(N, C, H, W)``, or a list of such
            without N, or of images of Pillow; vectors ``(N, features)``; a table of pandas, of which the columns of
            numbers count; a map-style Dataset of torch, whose items are images or ``(image, label)``; the path of a
            folder of images; or a name that :func:`load` takes.
        labels: the class of each sample, ``(N,)``: whole numbers from 0, or names.
        classes: names of the classes, in the order of the numbers; by default the numbers, or the names in alphabetical
            order.
        layout: order of the axes of images: ``NCHW``, ``NHWC``, or ``NHW`` for grey ones. By default the axis with 1, 3
            or 4 entries has the channels.
        range: the values of black and white, such as ``(0, 65535)``. By default, whole numbers go from 0 to 255; other
            numbers go from -1 to 1 if one is negative, and else from 0 to 1.
        size: height and width in pixels of images of Pillow and of a folder, whose largest centred square is scaled.
        name: of the data set, for files and messages.

    Raises:
        GanzooError: it is none of these, is empty, ragged or not finite, can be read in two ways, or does not fit the
            labels.
    """
    if isinstance(source, Data):
        given = {"classes": classes, "layout": layout, "range": range, "size": size}
        _refuse(given, "a Data, which is read already")
        return source if labels is None else _labelled(source, labels)
    if isinstance(source, str | os.PathLike):
        _refuse({"labels": labels, "classes": classes, "layout": layout, "range": range}, "a path or name")
        return load(source if isinstance(source, str) else f"folder:{os.fspath(source)}", size=size)
    if is_module(source) or callable(source):
        raise GanzooError(f"the data are a {type(source).__name__}; the first argument is the GAN, the second the data")
    if is_loader(source):
        raise GanzooError(f"a {type(source).__name__} gives batches; give the data set that it reads: loader.dataset")
    reader = Reader(layout, range, size)
    if is_lazy(source):
        samples = source
        _refuse({"layout": layout, "range": range, "size": size}, "read lazily")
    elif is_dataset(source):
        found = of_dataset(source)
        if found.labels is not None and labels is not None:
            raise GanzooError(f"the items of the {type(source).__name__} have labels already; leave out labels=")
        reader.notes.append(
            f"{len(found.samples):,} items of a {type(source).__name__} are read once; random transforms do not change "
            "them later"
        )
        samples = reader.samples(found.samples)
        labels, classes = found.labels if labels is None else labels, classes or found.classes or None
    else:
        samples = reader.samples(source)
    places = None
    if labels is not None:
        places, classes = reader.labels(labels, len(samples), classes)
    elif classes:
        raise GanzooError("classes= names the classes of labels, and there are none; give labels= too")
    for note in reader.notes:
        log.info("%s", note)
    return Data(name=name, samples=samples, labels=places, classes=tuple(classes or ()), notes=tuple(reader.notes))


def _labelled(data: Data, labels: Any) -> Data:
    """The same samples with other labels, or some for the first time."""
    if data.labels is not None:
        raise GanzooError(f"{data.name} has labels already; leave out labels=")
    reader = Reader()
    places, names = reader.labels(labels, len(data), data.classes or None)
    return replace(data, labels=places, classes=names, notes=(*data.notes, *reader.notes), sha256="")


def _refuse(given: dict[str, Any], what: str) -> None:
    """Refuse arguments that would change nothing; GanzooError."""
    if names := [name for name, value in given.items() if value is not None]:
        raise GanzooError(f"{names[0]}= changes nothing for {what}; leave it out")
