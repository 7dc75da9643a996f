"""Several digits in one image: a classifier of digits can count the modes that a generator covers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzoo.data import Data, Request, fingerprint
from ganzoo.data.embedded import mnist_10k

DIGITS = {"stacked-mnist": 3, "stacked2": 2}
"""Digits in an image."""
SAMPLES = {"train": 128, "test": 26}  # of each mode
SEEDS = {"train": 0, "test": 1}


def stacked_mnist(request: Request) -> Data:
    """Three digits of mnist-10k as red, green and blue: 1,000 modes, 128,000 and 26,000 for testing, 28x28 RGB.

    The digits of each image are drawn from a fixed seed; all modes are equally likely. The test split is drawn from
    the test split of mnist-10k. Source: Metz et al., 2017; sizes as in Lin et al. (PacGAN), 2018.

    Returns:
        Samples uint8 ``(N, 3, 28, 28)`` in 0..255, composed when they are read; labels 0..999, the number that the
        three digits form.

    Raises:
        GanzooError: the name has an argument.
    """
    return _stacked(request)


def stacked2(request: Request) -> Data:
    """Two digits of mnist-10k as red and green, without blue: 100 modes, 12,800 and 2,600 for testing, 28x28 RGB.

    Made like stacked-mnist, with the labels 0..99. Returns and raises as :func:`stacked_mnist`.
    """
    return _stacked(request)


def _stacked(request: Request) -> Data:
    request.refuse_argument()
    digits = mnist_10k(replace(request, name="mnist-10k"))
    assert digits.labels is not None
    count = DIGITS[request.name]
    size = (SAMPLES[request.split] * 10**count, count)
    chosen = np.random.default_rng(SEEDS[request.split]).integers(len(digits), size=size)
    planes = np.concatenate([digits.samples[:, 0], np.zeros((1, *digits.shape[1:]), np.uint8)])
    empty = np.full((len(chosen), 3 - count), len(digits))
    return Data(
        name=request.name,
        samples=Stacked(planes, np.concatenate([chosen, empty], axis=1)),
        labels=mode(digits.labels[chosen]),
        classes=tuple(f"{number:0{count}}" for number in range(10**count)),
        sha256=fingerprint(digits.samples, chosen),
        licence=digits.licence,
    )


def mode(digits: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """The mode of each row of digits ``(N, n)``: the number that they form, ``(N,)`` in 0..10**n - 1."""
    modes: NDArray[np.int64] = (digits @ 10 ** np.arange(digits.shape[1])[::-1]).astype(np.int64)
    return modes


class Stacked:
    """RGB images that are composed of planes when a batch of them is read.

    Args:
        planes: uint8 ``(M, height, width)``.
        triples: indices of the planes of each image, ``(N, 3)``.
    """

    dtype: np.dtype[Any] = np.dtype(np.uint8)

    def __init__(self, planes: NDArray[np.uint8], triples: NDArray[np.int64]) -> None:
        self.shape = (*triples.shape, *planes.shape[1:])
        self._planes, self._triples = planes, triples

    def __len__(self) -> int:
        return len(self._triples)

    def __getitem__(self, index: Any) -> NDArray[np.uint8]:
        images: NDArray[np.uint8] = self._planes[self._triples[index]]
        return images
