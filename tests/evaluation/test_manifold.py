from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from ganzoo.evaluation import manifold as subject
from ganzoo.evaluation.manifold import (
    copy_metrics,
    density_coverage,
    kth_neighbour_distances,
    nearest_distances,
    nearest_neighbour_accuracy,
)


def points(seed: int, count: int, width: int = 6) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, width)).astype(np.float32)


REAL, GENERATED = points(0, 400), points(1, 300) * 0.8


def test_distances_are_those_of_scikit_learn() -> None:
    found = NearestNeighbors(n_neighbors=6).fit(REAL).kneighbors(REAL)[0]
    np.testing.assert_allclose(kth_neighbour_distances(REAL, 5), found[:, 5], rtol=1e-4)
    np.testing.assert_allclose(kth_neighbour_distances(REAL, 1), found[:, 1], rtol=1e-4)
    others = NearestNeighbors(n_neighbors=1).fit(REAL).kneighbors(GENERATED)[0][:, 0]
    np.testing.assert_allclose(nearest_distances(GENERATED, REAL), others, rtol=1e-4)


def test_the_definition_of_density_and_coverage() -> None:
    radii = NearestNeighbors(n_neighbors=6).fit(REAL).kneighbors(REAL)[0][:, 5]
    within = np.linalg.norm(GENERATED[:, None].astype(np.float64) - REAL, axis=2) < radii
    found = density_coverage(GENERATED, REAL)
    assert found["density"] == pytest.approx(within.sum() / (5 * 300), rel=1e-5)
    assert found["coverage"] == pytest.approx(within.any(axis=0).mean(), rel=1e-5)


def test_perfect_samples() -> None:
    found = density_coverage(points(2, 3000), points(3, 3000))
    assert found["coverage"] == pytest.approx(1 - 2**-5, abs=0.01)
    assert found["density"] == pytest.approx(1, abs=0.05)
    assert density_coverage(points(2, 500) + 100, points(3, 500)) == {"density": 0, "coverage": 0}


def test_the_size_of_blocks_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def results() -> tuple[dict[str, float], np.ndarray, float]:
        accuracy = nearest_neighbour_accuracy(GENERATED, REAL)
        return density_coverage(GENERATED, REAL), kth_neighbour_distances(REAL, 5), accuracy

    whole = results()
    monkeypatch.setattr(subject, "BLOCK", 1000)
    parts = results()
    assert whole[0] == pytest.approx(parts[0])
    assert whole[2] == pytest.approx(parts[2])
    np.testing.assert_allclose(whole[1], parts[1], rtol=1e-5)


def test_the_nearest_neighbour_test() -> None:
    assert nearest_neighbour_accuracy(points(4, 1000), points(5, 1000)) == pytest.approx(0.5, abs=0.04)
    assert nearest_neighbour_accuracy(points(4, 100), points(5, 100) + 50) == 1
    assert nearest_neighbour_accuracy(REAL + 1e-3, REAL) == 0, "copies are each other's neighbours"


def test_copies_of_training_samples() -> None:
    train, fresh = points(6, 2000), points(7, 500)
    real = nearest_distances(fresh, train)
    honest = copy_metrics(nearest_distances(points(8, 500), train), real)
    assert honest == {"nearer": pytest.approx(0.5, abs=0.07), "copies": pytest.approx(0.01, abs=0.015)}
    copies = nearest_distances(train[:500] + 1e-3, train)
    assert copy_metrics(copies, real) == {"nearer": 1, "copies": 1}
    assert np.median(copies) < 0.1 < np.median(real)
