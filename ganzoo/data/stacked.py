"""Several digits in one image: modes that can be counted, because each digit can be read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzoo.data import Data, Request, fingerprint
from ganzoo.data.embedded import mnist_10k

DIGITS = {"stacked-mnist": 3, "stacked2": 2}
"""How many digits there are in an image."""
SAMPLES = {"train": 128, "test": 26}  # of each mode
SEEDS = {"train": 0, "test": 1}


def stacked_mnist(request: Request) -> Data:
    """Three digits of mnist-10k as red, green and blue: 1,000 modes, 128,000 and 26,000 for testing, 28x28 RGB.

    Which digits meet is drawn once, from a fixed seed; all modes are equally likely. The test part is drawn from the
    test part of mnist-10k. Source: Metz et al., 2017; numbers of images as in Lin et al. (PacGAN), 2018.

    Returns:
        Samples uint8 ``(N, 3, 28, 28)`` in 0..255, composed when they are read; labels 0..999, the digits side by side.

    Raises:
        GanzooError: the request carries an argument.
    """
    return _stacked(request)


def stacked2(request: Request) -> Data:
    """Two digits of mnist-10k as red and green, without blue: 100 modes, 12,800 and 2,600 for testing, 28x28 RGB.

    The small cousin of stacked-mnist, made in the same way.

    Returns:
        Samples uint8 ``(N, 3, 28, 28)`` in 0..255, composed when they are read; labels 0..99, the digits side by side.

    Raises:
        GanzooError: the request carries an argument.
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
    """The modes ``(N,)`` of digits ``(N, n)``: the number that they are side by side, below 10**n."""
    numbers: NDArray[np.int64] = (digits @ 10 ** np.arange(digits.shape[1])[::-1]).astype(np.int64)
    return numbers


class Stacked:
    """Images of three planes, which stay apart until a batch of them is asked for.

    Args:
        planes: uint8 ``(M, height, width)``.
        triples: which of them make an image, ``(N, 3)``.
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
