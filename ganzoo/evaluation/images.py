"""Generated images against real ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ganzoo.data import Data
from ganzoo.evaluation.classes import reverse_kl, shares
from ganzoo.evaluation.discriminator import judged
from ganzoo.evaluation.extractors import Extractor, Seen, extractor_for
from ganzoo.evaluation.fidelity import available, fidelity
from ganzoo.evaluation.manifold import compared, manifold, nearest, neighbour_accuracy
from ganzoo.evaluation.record import Evaluation, means, spreads
from ganzoo.evaluation.reference import Real, noise, real_images
from ganzoo.evaluation.samples import Generator, Source

PAIRS = 2000  # samples of either kind in the nearest-neighbour test


def evaluate_images(
    source: Source,
    data: Data,
    blocks: Sequence[range],
    *,
    features: str = "own",
    extractor: str | None = None,
    directory: str | None = None,
) -> Evaluation:
    """All figures of images.

    Args:
        source: what is evaluated.
        data: the training part of the data set that it is compared with.
        blocks: numbers of the samples that are drawn, for each repetition.
        features, extractor: see :func:`ganzoo.evaluation.extractors.extractor_for`.
        directory: where files of data sets lie.
    """
    available()
    number = len(blocks[0])
    network = extractor_for(data, features, extractor)
    # First, since what does not fit should be told before real images are looked at.
    seen = [network.see(source.draw(block, data.shape)) for block in blocks]
    real = real_images(data, network, directory, most=number if features == "inception" else None)
    drawn = [figures(network, one, real, source.labels(block)) for one, block in zip(seen, blocks, strict=True)]
    true = _true(network, real, number)
    random = figures(network, network.see(noise(number, data.shape)), real, None)
    ours, notes = means([found for found, _ in drawn]), []
    if real.test is None:
        notes.append(
            f"{data.name} has no test part: samples are compared with the training images, and real ones are one half "
            "of these against the other"
        )
    if isinstance(source, Generator):
        found, remark = judged(source.model, data, directory)
        ours |= found
        notes += [remark] if remark else []
    test = real.test or data
    return Evaluation(
        source=str(source.path),
        generator=source.about(),
        data={
            "name": test.name,
            "split": "train" if real.test is None else "test",
            "number": len(test),
            "sha256": test.sha256,
        },
        extractor={"name": network.name, "sha256": network.sha256, "accuracy": network.accuracy},
        number=number,
        seeds=[(block.start, block.stop - 1) for block in blocks] if isinstance(source, Generator) else [],
        score=network.score,
        figures=ours,
        spread=spreads([found for found, _ in drawn]),
        references={"real": true[0], "noise": random[0]},
        classes={name: row for name, (_, row) in {"generated": drawn[0], "real": true, "noise": random}.items() if row},
        notes=notes,
    )


def figures(
    extractor: Extractor, seen: Seen, real: Real, labels: NDArray[np.int64] | None
) -> tuple[dict[str, float], dict[str, float]]:
    """All that images tell through an extractor, and the shares of their classes.

    Args:
        extractor: that has seen them.
        seen: the images.
        real: what they are compared with.
        labels: the classes that they were made for.
    """
    name = extractor.name
    scores = fidelity(seen, real.reference)
    space = manifold(seen.features, real.reference.features)
    inception = name == "inception"
    found = {
        extractor.score: scores.frechet,
        "kid" if inception else f"{name}-kd": scores.kernel,
        "inception-score" if inception else f"{name}-score": scores.inception_score,
        "precision": scores.precision,
        "recall": scores.recall,
        "density": space.density,
        "coverage": space.coverage,
        "neighbour_accuracy": neighbour_accuracy(seen.features[:PAIRS], real.reference.features[:PAIRS]),
    }
    if real.distances is not None:
        near = compared(nearest(seen.features, real.train.features), real.distances)
        found |= {"nearer": near.nearer, "copies": near.copies}
    if not extractor.classes:
        return found, {}
    count = len(extractor.classes)
    classes = seen.logits.argmax(axis=1)
    mine, theirs = (shares(each, count) for each in (classes, real.reference.logits.argmax(axis=1)))
    found["class_kl"] = reverse_kl(mine, theirs)
    found["confidence"] = float(_probabilities(seen.logits).max(axis=1).mean())
    if labels is not None and extractor.classes == real.data.classes:
        found["label_accuracy"] = float((classes == labels).mean())
    return found, dict(zip(extractor.classes, mine.tolist(), strict=True))


def _true(extractor: Extractor, real: Real, number: int) -> tuple[dict[str, float], dict[str, float]]:
    """The figures of training images, as many as there are generated ones, or a half of them against the other."""
    first, others = slice(number), real.reference
    if real.test is None:
        half = len(real.order) // 2
        first, others = slice(half), _part(real.train, slice(half, None))
    known = real.data.labels
    return figures(
        extractor,
        _part(real.train, first),
        replace(real, reference=others, distances=None),
        None if known is None else known[real.order[first]],
    )


def _part(seen: Seen, part: slice) -> Seen:
    return Seen(seen.features[part], seen.logits[part])


def _probabilities(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
