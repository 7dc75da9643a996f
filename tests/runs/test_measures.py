from __future__ import annotations

import numpy as np
import pytest

from ganzoo.runs.measures import distance, diversity, features, mean_distance


def test_samples_are_compared_within_their_class() -> None:
    random = np.random.default_rng(0)
    classes = np.arange(40) % 2
    real = random.standard_normal((40, 3)) + 9 * classes[:, None]
    alike = np.where(classes[:20, None] == 1, 9.0, 0.0) + np.zeros((20, 3))
    assert diversity(alike, real, classes) == 0
    assert diversity(real[:20], real, classes) == pytest.approx(1, abs=0.2)
    assert mean_distance(real[:1], classes[:1]) == 0
    assert diversity(alike, np.zeros((40, 3)), classes) == 1, (
        "data without differences have no diversity to compare with"
    )


def test_the_energy_distance_agrees_with_its_definition() -> None:
    random = np.random.default_rng(0)
    one, other = random.standard_normal((5, 2)), random.standard_normal((7, 2)) + 1
    norms = [np.linalg.norm(a[:, None] - b, axis=2).mean() for a, b in ((one, other), (one, one), (other, other))]
    assert distance(one, other) == pytest.approx((2 * norms[0] - norms[1] - norms[2]) / (2 * norms[0]))
    assert distance(one, one) == pytest.approx(0)
    assert distance(np.zeros((3, 2)), np.ones((4, 2))) == pytest.approx(1)


def test_large_samples_are_reduced_to_some_of_their_values() -> None:
    assert features(np.zeros((2, 3, 64, 64), np.float32)).shape == (2, 4096)
    assert features(np.zeros((2, 1, 28, 28), np.uint8)).shape == (2, 784)
