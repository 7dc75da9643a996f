"""A user's own images, from a folder."""

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
MOST_MEMORY = 2**30  # bytes of decoded images; where they would take more, each batch is decoded when it is asked for

log = logging.getLogger("ganzoo")
_T = TypeVar("_T")


def folder(request: Request) -> Data:
    """Your own images, as folder:PATH; sub-folders are classes; cut square and scaled.

    Of each image the largest centred square is scaled to ``size x size`` (32 unless the request says otherwise), after
    its EXIF orientation was applied and what is transparent was laid over white. All become grey if every file is
    stored as grey, else RGB. Files without an image's suffix, and whatever has a name that starts with a dot, are
    ignored; broken images, and those of more than 64 million pixels, are skipped with a warning that names them.

    Images that would take more than 1 GiB of memory stay in their files and are decoded batch by batch; then
    ``sha256`` is not of the pixels but of the files' relative names and sizes.

    Returns:
        Samples uint8 ``(N, 1 or 3, size, size)`` in 0..255, in the order of the sorted relative names; where there are
        sub-folders, labels in the order of their sorted names.

    Raises:
        GanzooError: there is no such folder, or no readable image in it; images lie both in sub-folders and beside
            them; the size is not within 1..4096; a test part is asked for; Pillow is missing. Later, when a batch is
            decoded: a file broke.
    """
    with needs():
        from ganzoo.data import decode as pictures
    request.refuse_test()
    size = DEFAULT_SIZE if request.size is None else request.size
    if not 1 <= size <= LARGEST_SIZE:
        raise GanzooError(f"images cannot be scaled to size {size}; use one of 1..{LARGEST_SIZE}")
    root = Path(request.argument).expanduser()
    if not request.argument or not root.is_dir():
        raise GanzooError(f"there is no folder {request.argument!r}; name one behind the colon: --data folder:PATH")

    broken: dict[Path, str] = {}
    grey = _each(_candidates(root), pictures.is_grey, broken)
    shape = (1 if all(grey.values()) else 3, size, size)
    decode = partial(pictures.square, shape=shape)
    lazily = len(grey) * math.prod(shape) > MOST_MEMORY
    decoded = {} if lazily else _each(grey, decode, broken)
    paths = list(grey if lazily else decoded)
    names = [path.relative_to(root).as_posix() for path in paths]

    if broken:
        reasons = "; ".join(f"{path} ({reason})" for path, reason in broken.items())
        log.warning("skipped %d of %d images: %s", len(broken), len(broken) + len(paths), reasons)
    if not paths:
        raise GanzooError(f"{root} holds no readable image; put some there, with one of {' '.join(SUFFIXES)}")

    samples: Samples = Files(paths, shape, decode) if lazily else np.stack(list(decoded.values()))
    labels, classes = _classes(names)
    return Data(
        name=request.name,
        samples=samples,
        labels=labels,
        classes=classes,
        sha256=_fingerprint(root, names) if lazily else "",
    )


class Files:
    """Samples that stay in their files until a batch of them is asked for."""

    dtype: np.dtype[Any] = np.dtype(np.uint8)

    def __init__(
        self, paths: Sequence[Path], shape: tuple[int, ...], decode: Callable[[Path], NDArray[np.uint8]]
    ) -> None:
        self.shape = (len(paths), *shape)
        self._paths = paths
        self._decode = decode

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: Any) -> NDArray[np.uint8]:
        places = np.arange(len(self))[index]
        batch = np.empty((places.size, *self.shape[1:]), self.dtype)
        for image, place in zip(batch, places.flat, strict=True):
            path = self._paths[place]
            try:
                image[:] = self._decode(path)
            except Exception as error:  # Pillow raises many kinds, some of them undocumented
                raise GanzooError(f"cannot read {path}: {error}; remove it and run the same command again") from error
        return batch.reshape(*places.shape, *self.shape[1:])


def _candidates(root: Path) -> list[Path]:
    """The images by their names, in the order of their relative names; either all or none of them in sub-folders."""
    paths = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES}
    seen = [name for name in sorted(paths) if not any(part.startswith(".") for part in name.split("/"))]
    images = [name for name in seen if paths[name].is_file()]
    beside = [name for name in images if "/" not in name]
    if 0 < len(beside) < len(images):
        raise GanzooError(
            f"{root} holds images both in sub-folders, which are classes, and beside them, such as {beside[0]}; "
            "move these into a sub-folder"
        )
    return [paths[name] for name in images]


def _each(paths: Iterable[Path], read: Callable[[Path], _T], broken: dict[Path, str]) -> dict[Path, _T]:
    """What reading the files gives; the reasons of those that cannot be read are added to ``broken``."""
    good = {}
    for path in paths:
        try:
            good[path] = read(path)
        except Exception as error:  # Pillow raises many kinds, some of them undocumented
            broken[path] = str(error)
    return good


def _classes(names: Sequence[str]) -> tuple[NDArray[np.int64] | None, tuple[str, ...]]:
    """Labels and class names by the first folder in each relative name; without folders, neither."""
    folders = [name.partition("/")[0] for name in names if "/" in name]
    if not folders:
        return None, ()
    labels = {name: label for label, name in enumerate(sorted(set(folders)))}
    return np.array([labels[name] for name in folders], np.int64), tuple(labels)


def _fingerprint(root: Path, names: Sequence[str]) -> str:
    lines = b"".join(os.fsencode(f"{name}\0{(root / name).stat().st_size}\n") for name in names)
    return fingerprint(np.frombuffer(lines, np.uint8))
