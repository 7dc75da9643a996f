"""Metrics of generated images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ganzoo.evaluation.classes import frequencies, reverse_kl
from ganzoo.evaluation.extractors import Extractor, Features
from ganzoo.evaluation.fidelity import fidelity, require_torch_fidelity
from ganzoo.evaluation.manifold import copy_metrics, density_coverage, nearest_distances, nearest_neighbour_accuracy
from ganzoo.evaluation.record import Result
from ganzoo.evaluation.reference import Reference, Splits, reference_features, uniform_noise
from ganzoo.evaluation.sources import Source

PAIRS = 2000  # samples of each kind in the nearest-neighbour test


def evaluate_images(source: Source, splits: Splits, blocks: Sequence[range], extractor: Extractor) -> Result:
    """All metrics of images, of real images and of noise.

    Args:
        source: generator or files.
        splits: the real images.
        blocks: seeds of each repetition.
        extractor: network whose features are compared.
    """
    require_torch_fidelity()
    number, shape = len(blocks[0]), splits.train.shape
    # first, so that a source that does not fit is refused before the real images are processed
    generated = [extractor.extract(source.batches(block, shape)) for block in blocks]
    max_train = number if extractor.name == "inception" else None
    real = reference_features(splits, extractor, max_train)
    found = [
        image_metrics(extractor, features, real, source.labels(block))
        for features, block in zip(generated, blocks, strict=True)
    ]
    references = {
        "real": _real_metrics(extractor, real, number),
        "noise": image_metrics(extractor, extractor.extract(uniform_noise(number, shape)), real, None),
    }
    note = (
        f"{splits.train.name} has no test split: generated images are compared with the training images, and the "
        "column real compares one half of these with the other"
    )
    without_classes = (
        f"the extractor {extractor.name} has no classes: no {extractor.name}-score, class_kl, confidence and "
        "label_accuracy"
    )
    return Result(
        [metrics for metrics, _ in found],
        extractor.score,
        {name: metrics for name, (metrics, _) in references.items()},
        extractor,
        {name: classes for name, (_, classes) in {"generated": found[0], **references}.items() if classes},
        [*([note] if splits.test is None else []), *([without_classes] if not real.train.logits.shape[1] else [])],
    )


def image_metrics(
    extractor: Extractor, generated: Features, real: Reference, labels: NDArray[np.int64] | None
) -> tuple[dict[str, float], dict[str, float]]:
    """All metrics of images, and their class frequencies.

    Args:
        extractor: that computed the features.
        generated: features of N images.
        real: features of real images.
        labels: requested classes of the images, ``(N,)``.
    """
    name = extractor.name
    features, reference = generated.features, real.reference.features
    inception = name == "inception"
    names = {
        "frechet": extractor.score,
        "kernel": "kid" if inception else f"{name}-kd",
        "inception_score": "inception-score" if inception else f"{name}-score",
    }
    metrics = {names.get(key, key): value for key, value in fidelity(generated, real.reference).items()}
    metrics |= density_coverage(features, reference)
    metrics["neighbour_accuracy"] = nearest_neighbour_accuracy(features[:PAIRS], reference[:PAIRS])
    if real.distances is not None:
        metrics |= copy_metrics(nearest_distances(features, real.train.features), real.distances)
    if not extractor.classes:
        return metrics, {}
    classes, real_classes = (each.logits.argmax(axis=1) for each in (generated, real.reference))
    shares, real_shares = (frequencies(each, len(extractor.classes)) for each in (classes, real_classes))
    metrics["class_kl"] = reverse_kl(shares, real_shares)
    metrics["confidence"] = float(_softmax(generated.logits).max(axis=1).mean())
    if labels is not None and extractor.classes == real.splits.train.classes:
        metrics["label_accuracy"] = float((classes == labels).mean())
    return metrics, dict(zip(extractor.classes, shares.tolist(), strict=True))


def _real_metrics(extractor: Extractor, real: Reference, number: int) -> tuple[dict[str, float], dict[str, float]]:
    """Metrics of ``number`` training images; without a test split, of one half of them against the other."""
    rows, reference = slice(number), real.reference
    if real.splits.test is None:
        half = len(real.order) // 2
        rows, reference = slice(half), real.train.part(slice(half, None))
    labels = real.splits.train.labels
    return image_metrics(
        extractor,
        real.train.part(rows),
        replace(real, reference=reference, distances=None),
        None if labels is None else labels[real.order[rows]],
    )


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
