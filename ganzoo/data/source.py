"""Images under a name, of a folder or a registered data set, and which of them are for testing."""

from __future__ import annotations

import hashlib
import logging
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ganzoo.data import Channels, Data, NoTestSplit, Request, Samples, dataset_name, fingerprint, load
from ganzoo.data.find import find_images, shown
from ganzoo.data.folder import Images, existing, read_images
from ganzoo.registry.registry import registry
from ganzoo.util.errors import GanzooError, printable

HOLDOUT = 10.0
"""Percent of the images that are held out for testing, of data without a test split."""
TRAIN = ("train", "training")
TEST = ("test", "testing", "val", "valid", "validation", "eval", "dev")
"""Names of sub-folders that hold a split, the first one that exists counts."""

log = logging.getLogger("ganzoo")
Keys = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Source:
    """Images of one split, or of a data set that is not split yet.

    Attributes:
        name: for messages.
        samples: the images.
        sha256: of lazily read images; empty for an array.
        licence: of the images; empty if unknown.
        bands: whether the channels are neither grey nor colours.
        left_out: what else the data set has, such as ``labels``; empty for nothing.
        counts: images for training and for testing, if the data have a test split of their own. Then ``samples`` are
            those of the requested split. ``None`` if they are not split.
        identities: of each image its keys, the first one its name. Images that share a key are not parted.
        take: the images at an index, int64 ``(n,)``.
    """

    name: str
    samples: Samples
    sha256: str = ""
    licence: str = ""
    bands: bool = False
    left_out: str = ""
    counts: tuple[int, int] | None = None
    identities: Callable[[], Sequence[Keys]]
    take: Callable[[NDArray[np.int64]], Source]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one image, ``(C, height, width)``."""
        return tuple(self.samples.shape[1:])

    def fingerprint(self) -> str:
        """:attr:`sha256`, or that of the array."""
        return self.sha256 or fingerprint(self.samples)


def open_source(name: str, request: Request, channels: Channels | None) -> Source:
    """The images of a folder, or of a registered data set: of the requested split if it has one, else all of them.

    Raises:
        GanzooError: there is no such folder or data set, it cannot be read, or does not hold images.
    """
    full = dataset_name(name)
    kind, _, path = full.partition(":")
    if kind == "folder":
        root = existing(path, f"--data {request.name.partition(':')[0]}:PATH")
        found = find_images(root)
        found.warn(root)
        images = read_images(root, found, request.size, channels)
        images.describe(forced=channels is not None)
        return image_source(images, request.split)
    if kind not in registry().parts["dataset"]:
        raise GanzooError(f"there is no folder or data set {printable(name, 200)!r}; see: ganzoo list datasets")
    return _registered(full, request, channels)


def image_source(images: Images, split: str, suffix: str = "", *, paired: bool = False) -> Source:
    """The images of a folder.

    Args:
        images: all of them.
        split: ``train`` or ``test``; counts if the folder has the sub-folders ``train`` and ``test``.
        suffix: of the names of these sub-folders, such as ``A`` of ``trainA``.
        paired: whether each image belongs to one elsewhere.
    """
    counts = None
    if splits := _folder_splits(images.names, suffix):
        counts = len(splits["train"]), len(splits["test"])
        if split == "train" and (others := len(images.names) - sum(counts)):
            log.warning("%s: %d images in neither split are left out", shown(str(images.root)), others)
        images = images.take(np.array(splits[split], np.int64))
    return Source(
        name=str(images.root),
        samples=images.samples(paired=paired),
        sha256=images.sha256(),
        bands=images.bands,
        counts=counts,
        identities=lambda: _keys_of_files(images),
        take=lambda index: image_source(images.take(index), split, paired=paired),
    )


def parted(request: Request, sources: Sequence[Source], holdout: float | None, noun: str) -> list[Source]:
    """The images of the requested split of each source; one line says how many there are.

    What has no test split of its own is parted by hashes of the names. Images with the same name in two sources, or
    with the same content, are on one side.

    Args:
        request: names the split.
        sources: where the images are.
        holdout: percent of the images that are for testing; ``None`` for 10.
        noun: what is counted, such as ``pairs``.

    Raises:
        GanzooError: ``holdout`` changes nothing, or leaves nothing to train on.
        NoTestSplit: the test split is requested, and nothing is held out.
    """
    name = printable(request.name, 200)
    whole = [source for source in sources if source.counts is None]
    if holdout is not None and not whole:
        raise GanzooError(f"{name} has a test split of its own; leave out holdout={holdout:g}%")
    percent = HOLDOUT if holdout is None else holdout
    is_held = held_out([key for source in whole for key in source.identities()], percent)
    counts, chosen = [], []
    for source in sources:
        if source.counts is not None:
            counts.append(source.counts)
            chosen.append(source)
            continue
        mine, is_held = is_held[: len(source.samples)], is_held[len(source.samples) :]
        counts.append((int((~mine).sum()), int(mine.sum())))
        chosen.append(source.take(np.flatnonzero(mine == (request.split == "test"))))
    train, test = (" and ".join(dict.fromkeys(f"{count[side]:,}" for count in counts)) for side in (0, 1))
    how = f"holdout={percent:g}%, by the hash of the names" if whole else "a test split of its own"
    if any(count[0] == 0 for count in counts):
        raise GanzooError(f"{name} has {train} {noun} to train on, and {test} for testing ({how}); hold out less")
    if request.split == "train":
        log.info("%s: %s %s for training, %s for testing (%s)", name, train, noun, test, how)
        for source in sources:
            if source.left_out:
                log.info("%s: the %s of %s are left out", name, source.left_out, source.name)
    elif any(count[1] == 0 for count in counts):
        raise NoTestSplit(f"{name} has {test} {noun} for testing ({how}); hold out more, such as holdout=20%")
    return chosen


def held_out(keys: Sequence[Keys], percent: float) -> NDArray[np.bool_]:
    """Which items are for testing: a share of them by a hash of the first key, ``(N,)``.

    Items that share a key are in one group, and on the side of the smallest first key in it. So the side of an item
    does not depend on how many others there are.
    """
    group = list(range(len(keys)))

    def first(item: int) -> int:
        while group[item] != item:
            group[item] = group[group[item]]
            item = group[item]
        return item

    seen: dict[str, int] = {}
    for item, of_item in enumerate(keys):
        for key in of_item:
            one, other = first(item), first(seen.setdefault(key, item))
            group[max(one, other)] = min(one, other)
    names: dict[int, str] = {}
    for item, of_item in enumerate(keys):
        names[first(item)] = min(of_item[0], names.get(first(item), of_item[0]))
    limit = int(percent / 100 * 2**64)
    sides = {item: _hash(name) < limit for item, name in names.items()}
    return np.array([sides[first(item)] for item in range(len(keys))], bool)


class Selected:
    """Some of lazily read samples.

    Args:
        samples: all of them.
        index: places of the chosen ones, int64 ``(N,)``.
    """

    def __init__(self, samples: Samples, index: NDArray[np.int64]) -> None:
        self.shape, self.dtype = (len(index), *samples.shape[1:]), samples.dtype
        self._samples, self._index = samples, index

    def __len__(self) -> int:
        return len(self._index)

    def __getitem__(self, index: Any) -> NDArray[Any]:
        return self._samples[self._index[index]]


def _registered(name: str, request: Request, channels: Channels | None) -> Source:
    def read(split: Literal["train", "test"]) -> Data:
        return load(name, split=split, directory=request.directory, size=request.size, channels=channels)

    data = read("train")
    if data.samples.dtype != np.uint8 or len(data.shape) != 3:
        raise GanzooError(f"{printable(name, 200)} holds no images; name a data set of images, or a folder")
    try:
        test = read("test")
    except NoTestSplit:
        return _data_source(data)
    return replace(_data_source(test if request.split == "test" else data), counts=(len(data), len(test)))


def _data_source(data: Data) -> Source:
    def take(index: NDArray[np.int64]) -> Source:
        if isinstance(data.samples, np.ndarray):
            part = Data(name=data.name, samples=data.samples[index], licence=data.licence)
        else:
            sha256 = fingerprint(np.frombuffer(data.sha256.encode(), np.uint8), index)
            part = Data(name=data.name, samples=Selected(data.samples, index), sha256=sha256, licence=data.licence)
        return _data_source(part)

    others = {"labels": data.labels, "conditions": data.conditions}
    return Source(
        name=data.name,
        samples=data.samples,
        sha256="" if isinstance(data.samples, np.ndarray) else data.sha256,
        licence=data.licence,
        left_out=" and ".join(name for name, values in others.items() if values is not None),
        identities=lambda: [(key,) for key in contents(data.samples)],
        take=take,
    )


def _folder_splits(names: Sequence[str], suffix: str) -> dict[str, list[int]] | None:
    """The places of names in a sub-folder ``train``, and in ``test``; ``None`` unless both are there."""
    tops = [name.partition("/")[0] if "/" in name else "" for name in names]
    found = set(tops)
    train, test = (next((each + suffix for each in known if each + suffix in found), None) for known in (TRAIN, TEST))
    if train is None or test is None:
        return None
    return {
        split: [place for place, top in enumerate(tops) if top == folder]
        for split, folder in (("train", train), ("test", test))
    }


def _keys_of_files(images: Images) -> list[Keys]:
    """Of each file its relative name without suffix, and its content."""
    paths = [images.root / name for name in images.names]
    keys = contents(images.decoded) if images.decoded is not None else _contents_of_files(paths)
    return [(f"name {stem(name)}", content) for name, content in zip(images.names, keys, strict=True)]


def contents(samples: Samples) -> list[str]:
    """A key for the pixels of each image, or the values of each vector."""
    keys = []
    for start in range(0, len(samples), 1024):
        chunk = np.ascontiguousarray(samples[start : start + 1024])
        keys += [f"pixels {hashlib.sha256(image.data).hexdigest()}" for image in chunk]
    return keys


def _contents_of_files(paths: Sequence[Path]) -> list[str]:
    """A key for the bytes of each file; only files of equal sizes are read."""
    sizes = [path.stat().st_size for path in paths]
    shared = Counter(sizes)
    keys = []
    for path, size in zip(paths, sizes, strict=True):
        if shared[size] == 1:
            keys.append(f"size {size}")
        else:
            with path.open("rb") as file:
                keys.append(f"bytes {hashlib.file_digest(file, 'sha256').hexdigest()}")
    return keys


def stem(name: str) -> str:
    """The relative name of a file without its suffix."""
    return str(PurePosixPath(name).with_suffix(""))


def _hash(name: str) -> int:
    return int.from_bytes(hashlib.sha256(os.fsencode(name)).digest()[:8])
