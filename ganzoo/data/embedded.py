"""Data sets inside the package, so that a first run needs no network."""

from __future__ import annotations

from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzoo.data import Data, Request
from ganzoo.data.mnist import DIGITS, MNIST_LICENCE
from ganzoo.util.optional import needs

_FOLDER = resources.files("ganzoo.data") / "embedded"

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


FLUENT_LICENCE = "MIT (Microsoft Fluent Emoji)"
FLUENT_TRAIN, FLUENT_TEST, FLUENT_COLUMNS = 1450, 139, 40


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
    arrays = _read(stem)
    labels = arrays["labels"].astype(np.int64)
    return Data(
        name=request.name, samples=arrays["images"][:, None], labels=labels, classes=DIGITS, licence=MNIST_LICENCE
    )


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
    emoji = _read("emoji32")
    return Data(
        name=request.name,
        samples=_channels_first(emoji["images"]),
        labels=emoji["labels"].astype(np.int64),
        classes=EMOJI_CLASSES,
        licence="Apache-2.0 (Google Noto Emoji)",
    )


def fluent32(request: Request) -> Data:
    """Fluent emoji from their outlines: 1,450 pairs and 139 for testing, 32x32, grey to RGB; inside the package.

    Variants of one drawing are in one split, except that three outlines of people with white hair in the test split are
    also those of people with blond hair in training. Source: Microsoft Fluent Emoji, the styles high contrast and flat
    over white, from the npm package fluentui-emoji 1.3.0.

    Returns:
        Samples uint8 ``(N, 3, 32, 32)`` and the conditions of the same places uint8 ``(N, 1, 32, 32)``, in 0..255
        (255 is paper); no labels.

    Raises:
        GanzooError: the name has an argument.
    """
    request.refuse_argument()
    pairs = _read("fluent32")
    chosen = pairs["split"] == (request.split == "test")
    return Data(
        name=request.name,
        samples=_channels_first(pairs["b"][chosen]),
        conditions=_channels_first(pairs["a"][chosen]),
        licence=FLUENT_LICENCE,
    )


def fluent64(request: Request) -> Data:
    """1,450 Fluent emoji in colour over white and 139 for testing, 64x64 RGB; inside the package.

    They are the coloured images of fluent32 in the same splits, before those were made smaller.

    Returns:
        Samples uint8 ``(N, 3, 64, 64)`` in 0..255; no labels.

    Raises:
        GanzooError: the name has an argument, or Pillow is not installed.
    """
    request.refuse_argument()
    with needs("sample"):
        from PIL import Image
    with (_FOLDER / "fluent64.webp").open("rb") as file, Image.open(file) as sheet:
        pixels = np.asarray(sheet.convert("RGB"))
    side = pixels.shape[1] // FLUENT_COLUMNS
    cells = pixels.reshape(-1, side, FLUENT_COLUMNS, side, 3).transpose(0, 2, 1, 3, 4).reshape(-1, side, side, 3)
    first, count = (FLUENT_TRAIN, FLUENT_TEST) if request.split == "test" else (0, FLUENT_TRAIN)
    return Data(name=request.name, samples=_channels_first(cells[first : first + count]), licence=FLUENT_LICENCE)


def twemoji32(request: Request) -> Data:
    """Twemoji from Noto emoji: 1,439 pairs and 170 for testing, 32x32 RGB; inside the package.

    The conditions are the images of emoji32 without variants of skin tone, of which these are the counterparts by
    Twitter. Other variants of one emoji are in one split. ``unpaired:twemoji32`` are the same images without their
    pairs. Source: Twemoji, from the npm package emoji-datasource-twitter 16.0.0.

    Returns:
        Samples and the conditions of the same places, uint8 ``(N, 3, 32, 32)`` in 0..255; no labels.

    Raises:
        GanzooError: the name has an argument.
    """
    request.refuse_argument()
    twemoji, noto = _read("twemoji32"), _read("emoji32")
    chosen = twemoji["split"] == (request.split == "test")
    return Data(
        name=request.name,
        samples=_channels_first(twemoji["images"][chosen]),
        conditions=_channels_first(noto["images"][twemoji["emoji32"][chosen]]),
        licence="CC BY 4.0, (c) Twitter, Inc and other contributors; the conditions: Apache-2.0 (Google Noto Emoji)",
    )


def _channels_first(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Images ``(N, C, H, W)`` of ``(N, H, W, C)``, an order of the bytes in which the files are smaller."""
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2))


def _read(stem: str) -> dict[str, NDArray[Any]]:
    with (_FOLDER / f"{stem}.npz").open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
        return dict(arrays)
