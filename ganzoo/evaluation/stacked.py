"""Modes of stacked digits: each channel is read by the extractor for digits (Srivastava et al., 2017)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzoo.data import Data, load
from ganzoo.data.stacked import DIGITS, SAMPLES, mode
from ganzoo.evaluation.classes import reverse_kl, shares
from ganzoo.evaluation.discriminator import judged
from ganzoo.evaluation.extractors import Extractor, Images, shipped
from ganzoo.evaluation.record import Evaluation, means, spreads
from ganzoo.evaluation.reference import batches
from ganzoo.evaluation.samples import Generator, Source


def protocol(name: str) -> int:
    """How many samples of that data set are looked at: 26 for each mode, as VEEGAN and PacGAN have it."""
    return SAMPLES["test"] * int(10 ** DIGITS[name])


def modes(digits: NDArray[np.integer[Any]]) -> dict[str, float]:
    """Modes of digits ``(N, n)``, each 0..9.

    Returns:
        ``modes``: of 10**n = K, those that occur; ``reverse_kl``: KL of their shares from equal ones, in nats. By
        chance, N samples of equally likely modes have about (K - 1) / (2 N), which is 0.019 in the protocol. Less is a
        mistake.
    """
    count = 10 ** digits.shape[1]
    found = shares(mode(digits), count)
    return {"modes": float((found > 0).sum()), "reverse_kl": reverse_kl(found, np.full(count, 1 / count))}


def read(extractor: Extractor, images: Iterable[Images], count: int = 3) -> NDArray[np.int64]:
    """The digits ``(N, count)`` in the first channels of images uint8 ``(N, 3, H, W)``, in batches; no class is too
    uncertain."""
    planes = (batch[:, :count].reshape(-1, 1, *batch.shape[2:]) for batch in images)
    digits: NDArray[np.int64] = extractor.see(planes).logits.argmax(axis=1).reshape(-1, count)
    return digits


def evaluate_stacked(
    source: Source, data: Data, blocks: Sequence[range], *, directory: str | None = None
) -> Evaluation:
    """All figures of stacked digits; ``data`` is the training part."""
    extractor = shipped("mnist")
    test = load(data.name, split="test", directory=directory)
    number = len(blocks[0])
    count = DIGITS[data.name]
    drawn = [modes(read(extractor, source.draw(block, data.shape), count)) for block in blocks]
    found, remark = judged(source.model, data, directory) if isinstance(source, Generator) else ({}, "")
    return Evaluation(
        source=str(source.path),
        generator=source.about(),
        data={"name": test.name, "split": "test", "number": len(test), "sha256": test.sha256},
        extractor={"name": extractor.name, "sha256": extractor.sha256, "accuracy": extractor.accuracy},
        number=number,
        seeds=[(block.start, block.stop - 1) for block in blocks] if isinstance(source, Generator) else [],
        score="modes",
        figures=means(drawn) | found,
        spread=spreads(drawn),
        references={"real": modes(read(extractor, batches(test, np.arange(min(number, len(test)))), count))},
        classes={},
        notes=[remark] if remark else [],
    )
