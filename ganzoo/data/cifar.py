"""CIFAR-10 in its binary version. The better known Python version consists of pickles, which can run code."""

from __future__ import annotations

import tarfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np
from numpy.typing import NDArray

from ganzoo.data import Data, Request
from ganzoo.data.download import download
from ganzoo.util.errors import GanzooError
from ganzoo.util.files import expand_user

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

FOLDER = "cifar-10-batches-bin"
ARCHIVE = "cifar-10-binary.tar.gz"
ARCHIVE_MD5 = "c32a1d4ab5d03f1284b67883e8d87530"
MIRROR = "https://www.cs.toronto.edu/~kriz/"

RECORD = 1 + 3 * 32 * 32  # bytes: the label, then the red, the green and the blue plane
MAX_RECORDS = 10_000


def cifar10(request: Request) -> Data:
    """Photographs of animals and vehicles, 50,000 and 10,000 for testing, 32x32 RGB; downloaded.

    Source: Krizhevsky, 2009. Reads the unpacked folder ``cifar-10-batches-bin``, or else ``cifar-10-binary.tar.gz``.

    Returns:
        Samples uint8 ``(N, 3, 32, 32)`` in 0..255, labels 0..9.

    Raises:
        GanzooError: the name has an argument; the files are broken, or missing and cannot be downloaded.
    """
    request.refuse_argument()
    root = expand_user(request.directory)
    names = ["test_batch.bin"] if request.split == "test" else [f"data_batch_{number}.bin" for number in range(1, 6)]
    unpacked = all((root / FOLDER / name).is_file() for name in names)
    source = root / (FOLDER if unpacked else ARCHIVE)
    if not (source.is_dir() or source.is_file()):  # a pipe would stop the reader
        download({ARCHIVE: ARCHIVE_MD5}, [MIRROR], root)
    try:
        batches = _read_folder(source, names) if unpacked else _read_archive(source, names)
    except (OSError, EOFError, ValueError, tarfile.TarError, zlib.error) as error:
        raise GanzooError(f"{source} is not CIFAR-10: {error}; replace it, or delete it to download it") from None
    records = np.concatenate([batches[name] for name in names])
    return Data(
        name=request.name,
        samples=records[:, 1:].reshape(-1, 3, 32, 32),
        labels=records[:, 0].astype(np.int64),
        classes=CLASSES,
    )


def _read_folder(folder: Path, names: list[str]) -> dict[str, NDArray[np.uint8]]:
    batches = {}
    for name in names:
        with (folder / name).open("rb") as file:
            batches[name] = _records(name, file)
    return batches


def _read_archive(archive: Path, names: list[str]) -> dict[str, NDArray[np.uint8]]:
    """Read the batches within the archive; nothing is unpacked to the disk."""
    batches = {}
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            name = PurePosixPath(member.name).name
            if name in names and (file := tar.extractfile(member)):
                batches[name] = _records(name, file)
    if missing := set(names) - set(batches):
        raise ValueError(f"it lacks {', '.join(sorted(missing))}")
    return batches


def _records(name: str, file: IO[bytes]) -> NDArray[np.uint8]:
    """Records ``(N, 3073)``; at most 10,000 of them are read, whatever the size of the file."""
    content = file.read(MAX_RECORDS * RECORD + 1)
    if not content or len(content) % RECORD:
        raise ValueError(f"{name} is not made of 1..{MAX_RECORDS} records of {RECORD} bytes")
    records = np.frombuffer(content, np.uint8).reshape(-1, RECORD)
    if (label := records[:, 0].max()) >= len(CLASSES):
        raise ValueError(f"{name} holds the label {label}, good ones are 0..{len(CLASSES) - 1}")
    return records
