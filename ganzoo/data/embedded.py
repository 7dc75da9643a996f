"""Data sets inside the package, so that a first run needs no network."""

from __future__ import annotations

from importlib import resources

import numpy as np
from numpy.typing import NDArray

from ganzoo.data import Data, Request
from ganzoo.data.mnist import DIGITS, MNIST_LICENCE

EMOJI_CLASSES = (
    "Activities",
    "Animals & Nature",
    "Flags",
    "Food & Drink",
    "Objects",
    "People & Body",
    "Smileys & Emotion",
    "Symbols",
    "Travel & Places",
)


def mnist_10k(request: Request) -> Data:
    """10,000 handwritten digits of MNIST, 1,000 a class, 28x28 grey; inside the package.

    The test split has 2,000 images of MNIST's test split, 200 a class. Source: LeCun, Cortes & Burges, 1998.

    Returns:
        Samples uint8 ``(N, 1, 28, 28)`` in 0..255 (0 is paper), labels 0..9.

    Raises:
        GanzooError: the name has an argument.
    """
    request.refuse_argument()
    stem = "mnist-2k-test" if request.split == "test" else "mnist-10k"
    images, labels = _arrays(stem)
    return Data(name=request.name, samples=images[:, None], labels=labels, classes=DIGITS, licence=MNIST_LICENCE)


def emoji32(request: Request) -> Data:
    """3,219 Noto emoji over white, 9 uneven classes, 32x32 RGB; inside the package.

    Source: Google Noto Emoji, from the npm package emoji-datasource-google 16.0.0.

    Returns:
        Samples uint8 ``(3219, 3, 32, 32)`` in 0..255, labels 0..8.

    Raises:
        GanzooError: the name has an argument, or the test split is requested.
    """
    request.refuse_argument()
    request.refuse_test()
    images, labels = _arrays("emoji32")
    licence = "Apache-2.0 (Google Noto Emoji)"
    return Data(name=request.name, samples=images, labels=labels, classes=EMOJI_CLASSES, licence=licence)


def _arrays(stem: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    file = resources.files("ganzoo.data") / "embedded" / f"{stem}.npz"
    with file.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
        return arrays["images"], arrays["labels"].astype(np.int64)
