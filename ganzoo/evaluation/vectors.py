"""Generated vectors: points whose truth is known, and targets of a regression."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ganzoo.data import Data, load
from ganzoo.evaluation.record import Evaluation, Figures, means, spreads
from ganzoo.evaluation.regression import errors, least_squares
from ganzoo.evaluation.samples import Generator, Source
from ganzoo.evaluation.toys import KNOWN
from ganzoo.util.errors import GanzooError

POINTS = 2500  # of the protocol of VEEGAN and PacGAN


def evaluate_vectors(
    source: Source, data: Data, blocks: Sequence[range], *, directory: str | None = None
) -> Evaluation:
    """All figures of vectors; ``data`` is the training part.

    Raises:
        GanzooError: the truth behind the data is not known, or the source makes something else.
    """
    test = load(data.name, split="test", directory=directory)
    if data.conditions is not None:
        return _regression(source, data, test, blocks)
    if data.name not in KNOWN:
        raise GanzooError(
            f"nothing is known of {data.name} that vectors could be measured by; known are {', '.join(KNOWN)} and "
            "regressions"
        )
    measure = KNOWN[data.name]
    drawn = [measure(np.concatenate(list(source.draw(block, data.shape)))) for block in blocks]
    number = len(blocks[0])
    random = np.random.default_rng(0)
    spread = data.samples[:].std(axis=0)
    gaussian = data.samples[:].mean(axis=0) + spread * random.standard_normal((number, *data.shape))
    references = {"real": measure(test.samples[:number]), "one Gaussian": measure(gaussian)}
    return _record(source, test, blocks, drawn, references, next(iter(drawn[0])))


def _regression(source: Source, data: Data, test: Data, blocks: Sequence[range]) -> Evaluation:
    """One draw for each row of the test part; rows that are asked for beyond these do not exist."""
    assert data.conditions is not None
    assert test.conditions is not None
    if not isinstance(source, Generator) or source.model.header["condition_dim"] != data.conditions.shape[1]:
        raise GanzooError(f"{source.path} is told no inputs of {data.name}; evaluate a GAN that was trained on it")
    rows = min(len(test), len(blocks[0]))
    blocks = [range(block.start, block.start + rows) for block in blocks]
    targets, inputs = test.samples[:rows], test.conditions[:rows]

    def drawn(block: range) -> NDArray[np.float32]:
        return np.concatenate(list(source.model.sample_iter(seeds=block, conditions=inputs)))

    known = least_squares(data.conditions, data.samples[:], inputs)
    references = {
        "least squares": errors(known, targets),
        "the mean": errors(np.broadcast_to(data.samples[:].mean(axis=0), targets.shape), targets),
    }
    return _record(source, test, blocks, [errors(drawn(block), targets) for block in blocks], references, "mae")


def _record(
    source: Source,
    test: Data,
    blocks: Sequence[range],
    drawn: Sequence[Figures],
    references: dict[str, dict[str, float]],
    score: str,
) -> Evaluation:
    return Evaluation(
        source=str(source.path),
        generator=source.about(),
        data={"name": test.name, "split": "test", "number": len(test), "sha256": test.sha256},
        extractor=None,
        number=len(blocks[0]),
        seeds=[(block.start, block.stop - 1) for block in blocks] if isinstance(source, Generator) else [],
        score=score,
        figures=means(drawn),
        spread=spreads(drawn),
        references=references,
        classes={},
        notes=[],
    )
