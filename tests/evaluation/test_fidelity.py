"""The metrics agree with their definitions, computed here in another way."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from ganzoo.evaluation.extractors import Features
from ganzoo.evaluation.fidelity import fidelity, frechet_distance
from ganzoo.util.errors import GanzooError


def features_of(seed: int, count: int = 300, shift: float = 0.0, width: int = 12) -> Features:
    random = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).standard_normal((width, width))
    features = (random.standard_normal((count, width)) @ mixing + shift).astype(np.float32)
    return Features(features, random.standard_normal((count, 5)).astype(np.float32) * 3)


ONE, OTHER = features_of(0, 320, 0.4), features_of(1, 300)


def test_the_frechet_distance() -> None:
    a, b = ONE.features.astype(np.float64), OTHER.features.astype(np.float64)
    values, vectors = np.linalg.eigh(np.cov(a.T))
    root = vectors * np.sqrt(values) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ np.cov(b.T) @ root)).sum()
    expected = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(np.cov(a.T)) + np.trace(np.cov(b.T)) - 2 * cross
    assert fidelity(ONE, OTHER)["frechet"] == pytest.approx(expected, rel=1e-5)
    assert frechet_distance(ONE, OTHER) == fidelity(ONE, OTHER)["frechet"]
    assert frechet_distance(ONE, ONE) == pytest.approx(0, abs=1e-4)


def test_the_frechet_distance_of_gaussians_with_different_means() -> None:
    moved = Features(OTHER.features + 0.5, OTHER.logits)
    assert frechet_distance(moved, OTHER) == pytest.approx(12 * 0.25, rel=1e-4)


def test_the_kernel_distance_is_the_unbiased_estimate() -> None:
    one, other = features_of(0, 300, 0.4), OTHER  # all samples in each of the subsets
    a, b = one.features.astype(np.float64), other.features.astype(np.float64)

    def kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.asarray((x @ y.T / 12 + 1) ** 3)

    off = ~np.eye(300, dtype=bool)
    expected = kernel(a, a)[off].mean() + kernel(b, b)[off].mean() - 2 * kernel(a, b).mean()
    assert fidelity(one, other)["kernel"] == pytest.approx(expected, rel=1e-5)


def test_the_inception_score() -> None:
    logits = ONE.logits.astype(np.float64)[np.random.RandomState(2020).permutation(320)]  # torch-fidelity's shuffle
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    parts = [np.exp((part * np.log(part / part.mean(axis=0))).sum(axis=1).mean()) for part in np.split(p, 10)]
    assert fidelity(ONE, OTHER)["inception_score"] == pytest.approx(np.mean(parts), rel=1e-5)


def test_precision_and_recall() -> None:
    narrow = Features(OTHER.features[:100] * 0.2 + OTHER.features[:100].mean(0), OTHER.logits[:100])

    def share(points: np.ndarray, of: np.ndarray) -> float:
        """Share of points in the balls of 3 neighbours around others."""
        radii = NearestNeighbors(n_neighbors=4).fit(of).kneighbors(of)[0][:, 3]
        distances = np.linalg.norm(points[:, None].astype(np.float64) - of, axis=2)
        return float((distances <= radii).any(axis=1).mean())

    scores = fidelity(narrow, OTHER)
    assert scores["precision"] == pytest.approx(share(narrow.features, OTHER.features), abs=0.011)
    assert scores["recall"] == pytest.approx(share(OTHER.features, narrow.features), abs=0.011)
    assert scores["precision"] > 0.9 > scores["recall"]


def test_features_of_several_widths_can_be_scored_in_turn() -> None:
    for width in (3, 7, 3):
        assert frechet_distance(features_of(0, width=width), features_of(0, width=width)) < 1e-3


def test_too_few_samples_are_refused() -> None:
    with pytest.raises(GanzooError, match="19 samples are too few"):
        fidelity(features_of(0, 19), OTHER)
