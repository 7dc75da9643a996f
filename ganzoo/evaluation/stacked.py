"""Modes of stacked digits: each channel is read by the extractor for digits (Srivastava et al., 2017)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzoo.data import Data, load
from ganzoo.data.stacked import MODES, mode
from ganzoo.evaluation.classes import reverse_kl, shares
from ganzoo.evaluation.discriminator import judged
from ganzoo.evaluation.extractors import Extractor, Images, shipped
from ganzoo.evaluation.real import batches
from ganzoo.evaluation.record import Evaluation, means, spreads
from ganzoo.evaluation.sources import Generator, Source

NUMBER = 26_000  # of the protocol of VEEGAN and PacGAN


def modes(digits: NDArray[np.integer[Any]]) -> dict[str, float]:
    """Modes of digits ``(N, 3)``, each 0..9.

    Returns:
        ``modes``: of 1,000, those that occur; ``reverse_kl``: KL of their shares from equal ones, in nats. By chance,
        N samples of equally likely modes have about 999 / (2 N), which is 0.019 for 26,000. Less is a mistake.
    """
    found = shares(mode(digits), MODES)
    return {"modes": float((found > 0).sum()), "reverse_kl": reverse_kl(found, np.full(MODES, 1 / MODES))}


def read(extractor: Extractor, images: Iterable[Images]) -> NDArray[np.int64]:
    """The digits ``(N, 3)`` in the channels of images uint8 ``(N, 3, H, W)``, in batches; no class is too uncertain."""
    planes = (batch.reshape(-1, 1, *batch.shape[2:]) for batch in images)
    digits: NDArray[np.int64] = extractor.see(planes).logits.argmax(axis=1).reshape(-1, 3)
    return digits


def evaluate_stacked(
    source: Source, data: Data, blocks: Sequence[range], *, directory: str | None = None
) -> Evaluation:
    """All figures of stacked digits; ``data`` is the training part."""
    extractor = shipped("mnist")
    test = load(data.name, split="test", directory=directory)
    number = len(blocks[0])
    drawn = [modes(read(extractor, source.draw(block, data.shape))) for block in blocks]
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
        references={"real": modes(read(extractor, batches(test, np.arange(min(number, len(test))))))},
        classes={},
        notes=[remark] if remark else [],
    )
