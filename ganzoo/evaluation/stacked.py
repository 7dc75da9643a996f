"""Modes of stacked digits: the extractor for digits classifies each channel (Srivastava et al., 2017)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzoo.data.stacked import DIGITS, SAMPLES, mode
from ganzoo.evaluation.classes import frequencies, reverse_kl
from ganzoo.evaluation.extractors import Extractor, Images, pretrained
from ganzoo.evaluation.record import Result
from ganzoo.evaluation.reference import Splits, image_batches
from ganzoo.evaluation.sources import Source


def protocol_size(name: str) -> int:
    """Number of samples of a data set of stacked digits: 26 for each mode, as in VEEGAN and PacGAN."""
    return SAMPLES["test"] * int(10 ** DIGITS[name])


def digit_metrics(digits: NDArray[np.integer[Any]]) -> dict[str, float]:
    """Metrics of digits ``(N, n)``, each 0..9.

    Returns:
        ``modes``: how many of the K = 10**n modes occur; ``reverse_kl``: KL of their frequencies from equal ones, in
        nats; for N samples of equally likely modes about (K - 1) / (2 N), 0.019 in the protocol.
    """
    count = 10 ** digits.shape[1]
    found = frequencies(mode(digits), count)
    return {"modes": float((found > 0).sum()), "reverse_kl": reverse_kl(found, np.full(count, 1 / count))}


def classify_digits(extractor: Extractor, batches: Iterable[Images], count: int = 3) -> NDArray[np.int64]:
    """The most probable digits ``(N, count)`` in the first channels of batches uint8 ``(N, 3, H, W)``."""
    planes = (images[:, :count].reshape(-1, 1, *images.shape[2:]) for images in batches)
    digits: NDArray[np.int64] = extractor.extract(planes).logits.argmax(axis=1).reshape(-1, count)
    return digits


def evaluate_stacked(source: Source, splits: Splits, blocks: Sequence[range]) -> Result:
    """All metrics of stacked digits, and of as many images of the test split."""
    extractor = pretrained("mnist")
    train, test = splits
    assert test is not None
    rows = np.arange(min(len(blocks[0]), len(test)))

    def metrics(batches: Iterable[Images]) -> dict[str, float]:
        return digit_metrics(classify_digits(extractor, batches, DIGITS[train.name]))

    found = [metrics(source.batches(block, train.shape)) for block in blocks]
    return Result(found, "modes", {"real": metrics(image_batches(test, rows))}, extractor)
