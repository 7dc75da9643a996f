"""MNIST and its drop-in replacements: 28x28 grey pixels, ten classes, files in LeCun's IDX format."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganzoo.data import Data, Request
from ganzoo.data.download import download
from ganzoo.util.errors import GanzooError
from ganzoo.util.files import expand_user
from ganzoo.util.optional import needs

DIGITS = tuple("0123456789")
GARMENTS = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
HIRAGANA = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")

MNIST_LICENCE = "CC BY-SA 3.0, (c) Yann LeCun and Corinna Cortes, derived from NIST data"

MAX_ITEMS = 60_000


def mnist(request: Request) -> Data:
    """Handwritten digits, 60,000 and 10,000 for testing, 28x28 grey; downloaded.

    Source: LeCun, Cortes & Burges, 1998.

    Returns:
        Samples uint8 ``(N, 1, 28, 28)`` in 0..255, labels 0..9.

    Raises:
        GanzooError: the name has an argument; the files are broken, or missing and cannot be downloaded.
    """
    return _load(request, "MNIST", DIGITS, MNIST_LICENCE)


def fashion_mnist(request: Request) -> Data:
    """Photographs of clothes, 60,000 and 10,000 for testing, 28x28 grey; downloaded.

    Source: Xiao, Rasul & Vollgraf, 2017. Returns and raises as :func:`mnist`.
    """
    return _load(request, "FashionMNIST", GARMENTS, "MIT, (c) 2017 Zalando SE")


def kmnist(request: Request) -> Data:
    """Cursive Japanese characters (Kuzushiji), 60,000 and 10,000 for testing, 28x28 grey; downloaded.

    Source: Clanuwat et al., 2018. Returns and raises as :func:`mnist`.
    """
    return _load(request, "KMNIST", HIRAGANA, "CC BY-SA 4.0, KMNIST dataset (CODH), adapted from Kuzushiji dataset")


def _load(request: Request, kind: str, classes: tuple[str, ...], licence: str) -> Data:
    """Read torchvision's folder of this kind of MNIST, gzipped or not, which may be read-only."""
    request.refuse_argument()
    folder = expand_user(request.directory) / kind / "raw"
    stem = "t10k" if request.split == "test" else "train"
    paths = [folder / f"{stem}-{file}-ubyte" for file in ("images-idx3", "labels-idx1")]
    paths = [path if path.is_file() else path.with_name(f"{path.name}.gz") for path in paths]
    if missing := [path.name for path in paths if not path.is_file()]:
        with needs():
            from torchvision import datasets
        source = getattr(datasets, kind)
        sums = dict(source.resources)
        download({name: sums[name] for name in missing}, source.mirrors, folder)
    images, labels = read_idx(paths[0], (28, 28)), read_idx(paths[1], ())
    if len(images) != len(labels):
        raise GanzooError(f"{folder} holds {len(images)} images but {len(labels)} labels; replace the two files")
    if labels.max() >= len(classes):
        raise GanzooError(f"{paths[1]} holds the label {labels.max()}, good ones are 0..9; replace the file")
    return Data(
        name=request.name, samples=images[:, None], labels=labels.astype(np.int64), classes=classes, licence=licence
    )


def read_idx(path: Path, item: tuple[int, ...]) -> NDArray[np.uint8]:
    """Read a file of unsigned bytes in LeCun's IDX format, gzipped if its name ends in ``.gz``.

    The header is not trusted: it has to state the expected shape, and the file has to have the size that follows.

    Args:
        path: the file.
        item: shape of each item; ``()`` for labels.

    Returns:
        A writable array ``(N, *item)``, N in 1..60,000.

    Raises:
        GanzooError: the file cannot be read, or is anything else.
    """
    header = struct.Struct(f">{2 + len(item)}I")
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            head = file.read(header.size)
            if len(head) < header.size:
                raise ValueError("it ends within its header")
            magic, count, *shape = header.unpack(head)
            if magic != 0x0801 + len(item):
                raise ValueError(f"magic number {magic}, not {0x0801 + len(item)}")
            if tuple(shape) != item or not 1 <= count <= MAX_ITEMS:
                raise ValueError(f"{count} items of shape {tuple(shape)}, not 1..{MAX_ITEMS} of {item}")
            size = count * math.prod(item)
            body = file.read(size + 1)  # one byte more, to see whether the file is longer
        if len(body) != size:
            raise ValueError(f"{'more' if len(body) > size else 'fewer'} than the announced {size} bytes")
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise GanzooError(f"{path} is not a whole IDX file: {error}; replace it, or delete it to download it") from None
    return np.frombuffer(body, np.uint8).reshape(count, *item).copy()
