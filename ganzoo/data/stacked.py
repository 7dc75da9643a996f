"""Three digits in one image: modes that can be counted, because each digit can be read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzoo.data import Data, Request, fingerprint
from ganzoo.data.shipped import mnist_10k

NAME = "stacked-mnist"
COUNTS = {"train": 128_000, "test": 26_000}
SEEDS = {"train": 0, "test": 1}
MODES = 1000


def stacked_mnist(request: Request) -> Data:
    """Three digits of mnist-10k as red, green and blue: 1,000 modes, 128,000 and 26,000 for testing, 28x28 RGB.

    Which digits meet is drawn once, from a fixed seed; all modes are equally likely. The test part is drawn from the
    test part of mnist-10k. Source: Metz et al., 2017; numbers of images as in Lin et al. (PacGAN), 2018.

    Returns:
        Samples uint8 ``(N, 3, 28, 28)`` in 0..255, composed when they are read; labels 0..999, the digits side by side.

    Raises:
        GanzooError: the request carries an argument.
    """
    request.refuse_argument()
    digits = mnist_10k(replace(request, name="mnist-10k"))
    assert digits.labels is not None
    triples = np.random.default_rng(SEEDS[request.split]).integers(len(digits), size=(COUNTS[request.split], 3))
    return Data(
        name=request.name,
        samples=Stacked(digits.samples[:, 0], triples),
        labels=mode(digits.labels[triples]),
        classes=tuple(f"{number:03}" for number in range(MODES)),
        sha256=fingerprint(digits.samples, triples),
        licence=digits.licence,
    )


def mode(digits: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """The modes ``(N,)`` 0..999 of digits ``(N, 3)``."""
    numbers: NDArray[np.int64] = (digits @ np.array([100, 10, 1])).astype(np.int64)
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
