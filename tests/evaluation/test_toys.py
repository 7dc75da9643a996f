"""Known metrics of perfect and of broken generators."""

from __future__ import annotations

import numpy as np
import pytest

from ganzoo.data import load
from ganzoo.data.toys import CORNER49, GRID25, RING8, Mixture
from ganzoo.evaluation.toys import METRICS, circle_metrics, gaussian_metrics, mixture_metrics
from ganzoo.evaluation.vectors import POINTS


@pytest.mark.parametrize(("name", "mixture", "kl"), [("ring8", RING8, 0.0014), ("grid25", GRID25, 0.0049)])
def test_a_perfect_generator(name: str, mixture: Mixture, kl: float) -> None:
    """A share of 1 - exp(-4.5) of high quality, and the KL that 2,500 draws have by chance."""
    samples = np.asarray(load(name, split="test").samples)[:50_000]
    found = [mixture_metrics(part, mixture) for part in np.split(samples, 20)]
    assert all(len(part) == POINTS for part in np.split(samples, 20))
    assert np.mean([each["high_quality"] for each in found]) == pytest.approx(1 - np.exp(-4.5), abs=0.002)
    assert np.mean([each["reverse_kl"] for each in found]) == pytest.approx(kl, rel=0.35)
    assert {each["modes"] for each in found} == {len(mixture.centres)}


def test_a_generator_that_dropped_modes() -> None:
    found = mixture_metrics(RING8.centres[[0, 0, 0, 1]], RING8)
    assert found == {"modes": 2, "high_quality": 1, "reverse_kl": pytest.approx(np.log(8) - 0.5623, abs=1e-4)}
    assert mixture_metrics(np.zeros((5, 2)), RING8) == {"modes": 0, "high_quality": 0, "reverse_kl": np.inf}


def test_the_ring_has_eight_modes_and_one_of_seven_is_refused() -> None:
    assert len(np.unique(RING8.centres.round(9), axis=0)) == 8
    angles = np.linspace(0, 2 * np.pi, 8)  # the last is the first
    with pytest.raises(ValueError, match="two of the 8 centres are equal"):
        mixture_metrics(np.zeros((5, 2)), Mixture(np.stack([np.cos(angles), np.sin(angles)], axis=1), 0.01))


def test_the_gaussian_in_the_corner() -> None:
    perfect = gaussian_metrics(np.asarray(load("corner49", split="test").samples)[:2500], CORNER49)
    assert perfect["msdcc"] == pytest.approx(49 * 0.05**2, rel=0.01)
    assert perfect["dbc"] == pytest.approx(49 * 0.05**2 / 2500, rel=0.5)
    collapsed = gaussian_metrics(np.full((10, 49), 1.0), CORNER49)
    assert collapsed == {"msdcc": pytest.approx(49 * 0.04), "dbc": pytest.approx(49 * 0.04)}


def test_the_circle() -> None:
    perfect = circle_metrics(np.asarray(load("circle", split="test").samples)[:2500])
    assert perfect["distance"] < 1e-6
    assert perfect["reverse_kl"] == pytest.approx(35 / (2 * 2500), rel=0.5)
    inside = circle_metrics(np.full((10, 2), 0.5))
    assert inside["distance"] == pytest.approx(0.3)
    assert inside["reverse_kl"] == pytest.approx(np.log(36))


def test_the_data_sets_with_metrics_are_registered() -> None:
    for name, measure in METRICS.items():
        assert measure(np.asarray(load(name).samples)[:100])
