"""Reduce the 10,000 official test images to the 5,000 that the scores of the shipped weights were measured on.

    python docs/claims/measured_images.py mnist --data-dir ~/.cache/ganzoo --out measured
    ganzoo evaluate simple --data mnist --data-dir measured

The 5,000 are the official ones without 500 of each class, in the official order. ``measured-images/mnist.txt`` and
``measured-images/fashion-mnist.txt`` hold the first 8 hexadecimal digits of the SHA-256 of the pixels of each.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import shutil
import struct
import sys
from pathlib import Path

import numpy as np

from ganzoo.data import Data, load, subset
from ganzoo.util.errors import GanzooError

FOLDERS = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST"}
SHA256 = {
    "mnist": "3d36c3a40d7336f4026c43a44241eced387f6c5680bbd3dc2bce136f4dc4d6cc",
    "fashion-mnist": "326f8729bb7c930bb1b1efe70dfcb77f8ff4ac2d1dbd3e79e89de36dff650a3b",
}
"""``ganzoo.data.fingerprint`` of the 5,000 images and labels, as evaluations print it."""


def hashes(data: Data) -> list[str]:
    """The first 8 hexadecimal digits of the SHA-256 of the pixels of each image."""
    return [hashlib.sha256(image.tobytes()).hexdigest()[:8] for image in data.samples[:]]


def published(name: str) -> set[str]:
    """The hashes of the 5,000 images."""
    return set((Path(__file__).parent / "measured-images" / f"{name}.txt").read_text("ascii").split())


def select(data: Data) -> Data:
    """Those of the test images that the scores were measured on.

    Raises:
        GanzooError: they are not all there.
    """
    wanted = published(data.name)
    chosen = subset(data, np.flatnonzero([each in wanted for each in hashes(data)]))
    if chosen.sha256 != SHA256[data.name]:
        raise GanzooError(f"{len(chosen):,} images of the test split of {data.name} match, and not the right 5,000")
    return chosen


def write(data: Data, path: Path, source: Path) -> None:
    """Write the test split as IDX files, and copy the training split."""
    assert data.labels is not None
    path.mkdir(parents=True, exist_ok=True)
    count = len(data)
    images = struct.pack(">4I", 0x803, count, *data.shape[1:]) + data.samples[:].tobytes()
    labels = struct.pack(">2I", 0x801, count) + data.labels.astype(np.uint8).tobytes()
    for name, content in (("images-idx3", images), ("labels-idx1", labels)):
        (path / f"t10k-{name}-ubyte.gz").write_bytes(gzip.compress(content, mtime=0))
    for file in source.glob("train-*-ubyte*"):
        shutil.copyfile(file, path / file.name)


def main(*arguments: str) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", choices=sorted(SHA256))
    parser.add_argument("--data-dir", type=Path, default=Path("~/.cache/ganzoo").expanduser(), help="official files")
    parser.add_argument("--out", type=Path, required=True, help="folder to write, for ganzoo evaluate --data-dir")
    given = parser.parse_args(arguments or None)
    below = Path(FOLDERS[given.data]) / "raw"
    try:
        load(given.data, directory=given.data_dir)
        data = select(load(given.data, split="test", directory=given.data_dir))
    except GanzooError as error:
        sys.exit(f"Error: {error}")
    write(data, given.out / below, given.data_dir / below)
    print(f"{given.out / below}: {len(data):,} test images, SHA-256 {data.sha256}")


if __name__ == "__main__":
    main()
