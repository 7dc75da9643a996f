"""Your own images, from a folder."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ganzoo.data import Data, Request, Samples, fingerprint
from ganzoo.util.errors import GanzooError
from ganzoo.util.optional import needs

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
DEFAULT_SIZE = 32
LARGEST_SIZE = 4096
MAX_MEMORY = 2**30  # bytes of decoded images; of more, each batch is decoded when it is read
MAX_NAMED = 20  # broken files in a warning

log = logging.getLogger("ganzoo")
_T = TypeVar("_T")


def folder(request: Request) -> Data:
    """Your own images, as folder:PATH; sub-folders are classes; cut square and scaled.

    The largest centred square of each image is scaled to ``size x size`` pixels (32 by default), after its EXIF
    orientation is applied and transparency is laid over white. All images become grey if every file is stored as grey
    (a palette of greys included), else RGB. Of several frames the first counts.

    Grey of more than 8 bits is scaled by the bit depth of the folder: the largest value of all such files, rounded up
    to 8, 10, 12, 14 or 16 bits; one line says which. Of 16-bit colour the upper 8 bits count.

    Ignored: files without the suffix of an image, and names that start with a dot. Skipped, with a warning that names
    them: broken files, more than 64 million pixels, floating-point pixels, grey values outside 0..65535, and grey of
    more than 8 bits in which 0 is white.

    Images that would take more than 1 GiB of memory stay in their files, and each batch is decoded when it is read.
    Then ``sha256`` is that of the relative names and sizes of the files.

    Returns:
        Samples uint8 ``(N, 1 or 3, size, size)`` in 0..255, sorted by their relative names. With sub-folders, labels
        in the order of the sorted folder names.

    Raises:
        GanzooError: there is no such folder, or no readable image in it; images are both in sub-folders and next to
            them; the size is not within 1..4096; the test split is requested; Pillow is missing. Later, when a batch
            is decoded: a file cannot be read any more.
    """
    with needs():
        from ganzoo.data import decode
    request.refuse_test()
    size = DEFAULT_SIZE if request.size is None else request.size
    if not 1 <= size <= LARGEST_SIZE:
        raise GanzooError(f"images cannot be scaled to size {size}; use one of 1..{LARGEST_SIZE}")
    root = Path(request.argument).expanduser()
    if not request.argument or not root.is_dir():
        raise GanzooError(f"there is no folder {request.argument!r}; name one that exists: --data folder:PATH")

    broken: dict[Path, str] = {}
    stored = _each(_images(root), decode.inspect, broken)
    shape = (1 if all(each.grey for each in stored.values()) else 3, size, size)
    read = partial(decode.square, shape=shape, bits=decode.bit_depth(stored.values()))
    lazy = len(stored) * math.prod(shape) > MAX_MEMORY
    decoded = {} if lazy else _each(stored, read, broken)
    paths = list(stored if lazy else decoded)
    names = [path.relative_to(root).as_posix() for path in paths]

    if broken:
        reasons = [f"{path} ({reason.splitlines()[0]:.200})" for path, reason in list(broken.items())[:MAX_NAMED]]
        reasons += [f"and {len(broken) - MAX_NAMED} more"] if len(broken) > MAX_NAMED else []
        log.warning("skipped %d of %d images: %s", len(broken), len(broken) + len(paths), "; ".join(reasons))
    if not paths:
        raise GanzooError(f"{root} holds no readable image; put some there, with one of {' '.join(SUFFIXES)}")

    samples: Samples = Files(paths, shape, read) if lazy else np.stack(list(decoded.values()))
    labels, classes = _classes(names)
    return Data(
        name=request.name,
        samples=samples,
        labels=labels,
        classes=classes,
        sha256=_fingerprint(root, names) if lazy else "",
    )


class Files:
    """Samples that stay in their files until a batch of them is read.

    Args:
        paths: N image files.
        shape: of a sample.
        read: decodes one file into uint8 of this shape.
    """

    dtype: np.dtype[Any] = np.dtype(np.uint8)

    def __init__(
        self, paths: Sequence[Path], shape: tuple[int, ...], read: Callable[[Path], NDArray[np.uint8]]
    ) -> None:
        self.shape = (len(paths), *shape)
        self._paths, self._read = paths, read

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: Any) -> NDArray[np.uint8]:
        places = np.arange(len(self))[index]
        batch = np.empty((places.size, *self.shape[1:]), self.dtype)
        for image, place in zip(batch, places.flat, strict=True):
            path = self._paths[place]
            try:
                image[:] = self._read(path)
            except Exception as error:  # Pillow raises many kinds, some of them undocumented
                raise GanzooError(f"cannot read {path}: {error}; remove it and run the same command again") from error
        return batch.reshape(*places.shape, *self.shape[1:])


def _images(root: Path) -> list[Path]:
    """Files with the suffix of an image, sorted by relative name; either all or none of them in sub-folders."""
    paths = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES}
    visible = [name for name in sorted(paths) if not any(part.startswith(".") for part in name.split("/"))]
    images = [name for name in visible if paths[name].is_file()]
    outside = [name for name in images if "/" not in name]
    if 0 < len(outside) < len(images):
        raise GanzooError(
            f"{root} holds images both in sub-folders, which are classes, and next to them, such as {outside[0]}; "
            "move these into a sub-folder"
        )
    return [paths[name] for name in images]


def _each(paths: Iterable[Path], read: Callable[[Path], _T], broken: dict[Path, str]) -> dict[Path, _T]:
    """``read(path)`` by path; for a file that cannot be read, the reason is added to ``broken``."""
    good = {}
    for path in paths:
        try:
            good[path] = read(path)
        except Exception as error:  # Pillow raises many kinds, some of them undocumented
            broken[path] = str(error) or type(error).__name__
    return good


def _classes(names: Sequence[str]) -> tuple[NDArray[np.int64] | None, tuple[str, ...]]:
    """Labels and class names by the first folder in each relative name; ``None`` and ``()`` without folders."""
    folders = [name.partition("/")[0] for name in names if "/" in name]
    if not folders:
        return None, ()
    labels = {name: label for label, name in enumerate(sorted(set(folders)))}
    return np.array([labels[name] for name in folders], np.int64), tuple(labels)


def _fingerprint(root: Path, names: Sequence[str]) -> str:
    lines = b"".join(os.fsencode(f"{name}\0{(root / name).stat().st_size}\n") for name in names)
    return fingerprint(np.frombuffer(lines, np.uint8))
