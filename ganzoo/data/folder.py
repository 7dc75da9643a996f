"""Your own images, from a folder."""

from __future__ import annotations

import logging
import math
import os
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from ganzoo.data import CHANNELS, Channels, Data, Request, Samples, fingerprint
from ganzoo.data.find import SUFFIXES, Found, find_images, shown
from ganzoo.util.errors import GanzooError
from ganzoo.util.files import expand_user
from ganzoo.util.optional import needs

if TYPE_CHECKING:
    from ganzoo.data import decode

DEFAULT_SIZE = 32
LARGEST_SIZE = 4096
MAX_MEMORY = 2**30  # bytes of decoded images; of more, each batch is decoded when it is read
MAX_NAMED, MAX_LISTED = 20, 800  # files or folders in a warning, and their characters
MAX_LOST = 20  # files, or a hundredth of all, that may become unreadable after the check
SPLITS = ("train", "training", "val", "valid", "validation", "eval", "dev", "test", "testing")

log = logging.getLogger("ganzoo")
_T = TypeVar("_T")
Half = Literal["left", "right"]
"""A half of a double image."""


def folder(request: Request) -> Data:
    """Your own images, as folder:PATH; sub-folders are classes; cut square and scaled.

    The largest centred square of each image is scaled to ``size x size`` pixels (32 by default), after its EXIF
    orientation is applied. Of several frames the first counts; of TIFF, one line says so. Read are BMP, GIF, JPEG, PNG,
    PNM, TIFF, WebP and, where Pillow can, AVIF.

    All images become grey if every file is stored as grey (a palette of greys and grey with alpha included), else RGB;
    transparency is laid over white. ``--channels grey``, ``rgb`` or ``rgba`` forces one of these; RGBA keeps
    transparency, and sets the colour of transparent pixels to 0.

    TIFF files of 2 to 13 channels that are neither grey nor colours are read with all of them, by tifffile: of 8 or 16
    bits, interleaved, in planes, or in pages that ImageJ, OME-TIFF or tifffile name channels. All files then have to
    have as many.

    Grey and such channels of more than 8 bits are scaled by the bit depth of the folder: the largest value of all such
    files, rounded up to 8, 10, 12, 14 or 16 bits; one line says which. Of 16-bit colour the upper 8 bits count; one
    line warns if they are dark.

    Symbolic links are followed, except back to a folder above. Names that start with a dot are left out. Passed over,
    with a warning that counts them: files without the suffix of an image, broken links, pipes and devices. Skipped,
    with a warning that names them: broken files, more than 64 million pixels, floating-point pixels, grey values
    outside 0..65535, and grey of more than 8 bits in which 0 is white.

    Classes are in natural order: ``10`` comes after ``9``. A warning names sub-folders that look like splits
    (``train``, ``val``, ``test``, or StyleGAN's ``00000``), and those without an image.

    Images that would take more than 1 GiB of memory stay in their files. Cut-off files are found at the start, and each
    batch is decoded when it is read. A file that cannot be decoded then is named, and the next image of its class is
    used in its place. ``sha256`` is that of the relative names and sizes of the files.

    Returns:
        Samples uint8 ``(N, C, size, size)`` in 0..255, sorted by their relative names. With sub-folders, labels in the
        natural order of the folder names.

    Raises:
        GanzooError: there is no such folder, or no readable image in it; images are both in sub-folders and next to
            them; they have different numbers of channels, or it is not clear what are channels; the size is not within
            1..4096; the test split is requested; Pillow is missing, or what else the files need. Later, when a batch is
            decoded: more than 20 files, and more than a hundredth, cannot be read any more.
    """
    return read_folder(request)[0]


def read_folder(request: Request) -> tuple[Data, Images]:
    """The data set of :func:`folder`, and its files in the same order; see there."""
    request.refuse_test()
    root = existing(request.argument, "--data folder:PATH")
    found = find_images(root)
    _refuse_strays(root, found.names)
    found.warn(root)
    images = read_images(root, found, request.size, request.channels)
    images.describe(forced=request.channels is not None)
    labels, classes = _classes(images.names)
    _warn_of_folders(classes, found.folders)
    samples = images.samples(labels)
    data = Data(name=request.name, samples=samples, labels=labels, classes=classes, sha256=images.sha256())
    return data, images


@dataclass(frozen=True, kw_only=True)
class Images:
    """The readable images of a folder.

    Attributes:
        root: the folder.
        names: of the files, relative to it.
        shape: of one image, ``(C, size, size)``.
        stored: how the files store their pixels.
        read: decodes a file into uint8 of the shape.
        decoded: uint8 ``(N, C, size, size)``, or ``None`` if the images stay in their files.
    """

    root: Path
    names: Sequence[str]
    shape: tuple[int, int, int]
    stored: Sequence[decode.Stored]
    read: Callable[[Path], NDArray[np.uint8]]
    decoded: NDArray[np.uint8] | None

    def samples(self, labels: NDArray[np.int64] | None = None, *, paired: bool = False) -> Samples:
        """The images as samples; see :class:`Files`."""
        if self.decoded is not None:
            return self.decoded
        return Files([self.root / name for name in self.names], self.shape, self.read, labels, paired=paired)

    def sha256(self) -> str:
        """Of the names and sizes of files that are read lazily; empty for images in memory."""
        return "" if self.decoded is not None else _fingerprint(self.root, self.names)

    def take(self, index: NDArray[np.int64]) -> Images:
        """The images at ``index``, int64 ``(n,)``."""
        return replace(
            self,
            names=[self.names[place] for place in index],
            stored=[self.stored[place] for place in index],
            decoded=None if self.decoded is None else self.decoded[index],
        )

    @property
    def bands(self) -> bool:
        """Whether the channels are neither grey nor colours."""
        return any(each.bands for each in self.stored)

    def describe(self, *, forced: bool) -> None:
        """Say how more than 8 bits and several channels are read, and transparency unless channels are ``forced``."""
        with needs():
            from ganzoo.data import decode
        decode.warn_of_depth(self.stored)
        if not forced and (count := sum(each.transparent for each in self.stored)):
            log.info("%d images with transparency are laid over white; keep it with --channels rgba", count)
        if count := sum(each.further for each in self.stored):
            log.warning(
                "%d TIFF files hold several images, of which the first is read; channels in pages need the axes CYX",
                count,
            )
        if self.bands:
            pictures = {2: "the first", 4: "them as RGBA"}.get(self.shape[0], "the first three")
            log.info("%s has images of %d channels; pictures show %s", shown(str(self.root)), self.shape[0], pictures)


def existing(argument: str, usage: str) -> Path:
    """The folder of that path; GanzooError if there is none."""
    root = expand_user(argument)
    if not argument or not root.is_dir():
        raise GanzooError(f"there is no folder {argument!r}; name one that exists: {usage}")
    return root


def read_images(
    root: Path, found: Found, size: int | None, channels: Channels | None, half: Half | None = None
) -> Images:
    """The images that were found in a folder, except broken ones, which are named in a warning.

    Args:
        root: the folder.
        found: what is in it.
        size: height and width in pixels, 32 by default.
        channels: ``None`` for grey if every file is stored as grey, else RGB.
        half: the half of each image that counts; the whole by default.

    Raises:
        GanzooError: the size is not within 1..4096, no image can be read, they have different numbers of channels, it
            is not clear what are channels, or Pillow is missing, or what else the files need.
    """
    with needs():
        from ganzoo.data import decode
    size = DEFAULT_SIZE if size is None else size
    if not 1 <= size <= LARGEST_SIZE:
        raise GanzooError(f"images cannot be scaled to size {size}; use one of 1..{LARGEST_SIZE}")
    broken: dict[str, str] = {}
    stored = each_readable(found.names, lambda name: decode.inspect(root / name), broken)

    def plan() -> tuple[tuple[int, int, int], int, bool]:
        """Shape, bit depth, and whether the images stay in their files. Broken files do not count."""
        shape = (_channels_of(root, stored.values(), channels), size, size)
        return shape, decode.bit_depth(stored.values()), len(stored) * math.prod(shape) > MAX_MEMORY

    while True:
        shape, bits, lazy = planned = plan()
        read = partial(decode.square, shape=shape, bits=bits, half=half)
        check: Callable[[Path], Any] = decode.verify if lazy else read
        decoded = each_readable(stored, lambda name, check=check: check(root / name), broken)  # type: ignore[misc]
        stored = {name: stored[name] for name in decoded}
        if plan() == planned:
            break
    warn_of_skipped(broken, len(found.names))
    if not stored:
        raise no_image(root, found)
    return Images(
        root=root,
        names=list(stored),
        shape=shape,
        stored=list(stored.values()),
        read=read,
        decoded=None if lazy else np.stack(list(decoded.values())),
    )


def _channels_of(root: Path, stored: Collection[decode.Stored], channels: Channels | None) -> int:
    """The number of channels that all images are read with. GanzooError if there is none."""
    colours = [each for each in stored if not each.bands]
    kind: Channels = channels or ("grey" if all(each.grey for each in colours) else "rgb")
    counts = Counter(each.bands for each in stored if each.bands)
    if counts and channels and set(counts) != {CHANNELS[channels]}:
        raise GanzooError(
            f"{shown(str(root))} has images of {_counted(counts)} channels, which are no {channels}; leave that out"
        )
    if colours or not counts:
        counts[CHANNELS[kind]] += len(colours)
    if len(counts) > 1:
        raise GanzooError(f"{shown(str(root))} has images of {_counted(counts)} channels; keep those of one number")
    return next(iter(counts))


def _counted(counts: Counter[int]) -> str:
    """``13 (40 images) and 3 (2 images)``."""
    return " and ".join(f"{channels} ({count:,} images)" for channels, count in counts.most_common())


def no_image(root: Path, found: Found) -> GanzooError:
    """The error of a folder without a readable image."""
    also = f" (passed over: {found.summary()})" if found.passed_over else ""
    return GanzooError(
        f"{shown(str(root))} holds no readable image{also}; put some there, with one of {' '.join(SUFFIXES)}"
    )


def warn_of_skipped(reasons: Mapping[str, str], count: int) -> None:
    """One warning of the images that are skipped, of ``count``, with the reasons by name; none if there are none."""
    if reasons:
        named = [f"{shown(name, 120)} ({shown(reason, 120)})" for name, reason in sorted(reasons.items())]
        log.warning("skipped %d of %d images: %s", len(reasons), count, listed(named, "; "))


class Files:
    """Samples that stay in their files until a batch of them is read.

    A file that cannot be read any more is named once. The next image of its class is used in its place, or, in pairs,
    reading stops.

    Args:
        paths: N image files.
        shape: of a sample.
        read: decodes one file into uint8 of this shape.
        labels: int64 ``(N,)``, if there are classes.
        paired: whether each image belongs to one elsewhere, so that no other can be used in its place.
    """

    dtype: np.dtype[Any] = np.dtype(np.uint8)

    def __init__(
        self,
        paths: Sequence[Path],
        shape: tuple[int, ...],
        read: Callable[[Path], NDArray[np.uint8]],
        labels: NDArray[np.int64] | None = None,
        *,
        paired: bool = False,
    ) -> None:
        self.shape = (len(paths), *shape)
        self._paths, self._read, self._labels, self._paired = paths, read, labels, paired
        self._lost: set[int] = set()

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: Any) -> NDArray[np.uint8]:
        places = np.arange(len(self))[index]
        batch = np.empty((places.size, *self.shape[1:]), self.dtype)
        for image, place in zip(batch, places.flat, strict=True):
            image[:] = self._image(int(place))
        return batch.reshape(*places.shape, *self.shape[1:])

    def _image(self, place: int) -> NDArray[np.uint8]:
        """The image at a place, or the next one of its class that can be read."""
        for candidate in self._from(place):
            if candidate not in self._lost:
                try:
                    return self._read(self._paths[candidate])
                except Exception as error:  # Pillow raises many kinds, some of them undocumented
                    self._lose(candidate, error)
        raise GanzooError(
            f"no image of the class of {shown(str(self._paths[place]))} can be read any more; restore its files, then "
            "resume the run with: ganzoo train --resume RUN"
        )

    def _from(self, place: int) -> Iterable[int]:
        """This place, and then those after it with the same label, beginning again at the end."""
        yield place
        is_same = np.ones(len(self), bool) if self._labels is None else self._labels == self._labels[place]
        others = np.flatnonzero(is_same)
        yield from np.roll(others, -int(np.searchsorted(others, place)) - 1).tolist()

    def _lose(self, place: int, error: Exception) -> None:
        self._lost.add(place)
        reason = f"{shown(str(self._paths[place]))} cannot be read any more ({shown(str(error) or repr(error))})"
        if self._paired:
            raise GanzooError(
                f"{reason}, and it is half of a pair; restore it, then resume the run with: ganzoo train --resume RUN"
            ) from error
        if len(self._lost) > max(MAX_LOST, len(self) // 100):
            raise GanzooError(
                f"{len(self._lost)} of {len(self)} images cannot be read any more, the last one is {reason}; restore "
                "them, then resume the run with: ganzoo train --resume RUN"
            ) from error
        log.warning("%s; the next image of its class is used in its place", reason)


def natural_order(name: str) -> tuple[list[tuple[str, int]], str]:
    """A key that sorts ``class10`` after ``class9``.

    >>> sorted(["10", "9", "b2", "b11"], key=natural_order)
    ['9', '10', 'b2', 'b11']
    """
    pieces = re.findall("([^0-9]*)([0-9]*)", name)
    return [(text, int(digits or -1)) for text, digits in pieces], name


def _refuse_strays(root: Path, names: Sequence[str]) -> None:
    """Either all images are in sub-folders, or none of them."""
    outside = [name for name in names if "/" not in name]
    if 0 < len(outside) < len(names):
        raise GanzooError(
            f"{shown(str(root))} holds images both in sub-folders, which are classes, and next to them, such as "
            f"{shown(outside[0])}; move these into a sub-folder"
        )


def each_readable(names: Iterable[str], read: Callable[[str], _T], broken: dict[str, str]) -> dict[str, _T]:
    """``read(name)`` by name; for a file that cannot be read, the reason is added to ``broken``.

    Raises:
        GanzooError: it needs a library that is not installed, or it is not clear what it holds.
    """
    good = {}
    for name in names:
        try:
            good[name] = read(name)
        except GanzooError:
            raise
        except Exception as error:  # Pillow raises many kinds, some of them undocumented
            broken[name] = (str(error) or type(error).__name__).splitlines()[0]
    return good


def _classes(names: Sequence[str]) -> tuple[NDArray[np.int64] | None, tuple[str, ...]]:
    """Labels and class names by the first folder in each relative name; ``None`` and ``()`` without folders."""
    folders = [name.partition("/")[0] for name in names if "/" in name]
    if not folders:
        return None, ()
    labels = {name: label for label, name in enumerate(sorted(set(folders), key=natural_order))}
    return np.array([labels[name] for name in folders], np.int64), tuple(labels)


def _warn_of_folders(classes: Sequence[str], folders: Iterable[str]) -> None:
    """Warn of classes that look like splits, and of sub-folders that are no classes."""
    if not classes:
        return
    if splits := [name for name in classes if name.lower() in SPLITS]:
        log.warning(
            "%s look like splits, and not like classes; name one of them: --data folder:PATH/%s",
            *(listed([shown(name, 40) for name in splits]), shown(splits[0], 40)),
        )
    if all(re.fullmatch("[0-9]{5}", name) for name in classes):
        log.warning(
            "%s look like StyleGAN's folders of 1,000 images each, and not like classes; move all images into one "
            "folder, or train without classes",
            listed([shown(name, 40) for name in classes]),
        )
    if empty := sorted(set(folders) - set(classes), key=natural_order):
        log.warning("no readable image in %s, so these are no classes", listed([shown(name, 40) for name in empty]))


def listed(items: Sequence[str], separator: str = ", ") -> str:
    """The first items, as many as fit into :data:`MAX_LISTED` characters, and how many there are more."""
    ends = np.cumsum([len(item) + len(separator) for item in items])
    first = items[: max(1, min(MAX_NAMED, int(np.searchsorted(ends, MAX_LISTED))))]
    more = [f"and {len(items) - len(first)} more"] if len(first) < len(items) else []
    return separator.join([*first, *more])


def _fingerprint(root: Path, names: Sequence[str]) -> str:
    lines = b"".join(os.fsencode(f"{name}\0{(root / name).stat().st_size}\n") for name in names)
    return fingerprint(np.frombuffer(lines, np.uint8))
