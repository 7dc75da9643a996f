from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from ganzoo.data import Data, Request, toys

MIXTURES = {
    "ring8": (toys.ring8, toys.RING8, 8),
    "grid25": (toys.grid25, toys.GRID25, 25),
    "clouds4": (toys.clouds4, toys.CLOUDS4, 4),
    "corner49": (toys.corner49, toys.CORNER49, 1),
}
TOYS = [toys.ring8, toys.grid25, toys.clouds4, toys.corner49, toys.circle]


@pytest.mark.parametrize("name", MIXTURES)
def test_no_mode_is_missing_or_counted_twice(name: str) -> None:
    load, mixture, modes = MIXTURES[name]
    assert len(np.unique(mixture.centres.round(6), axis=0)) == modes
    points = load(Request(name=name)).samples
    distances = np.linalg.norm(points[:, None] - mixture.centres, axis=2)
    shares = np.bincount(distances.argmin(axis=1), minlength=modes) / len(points)
    np.testing.assert_allclose(shares, 1 / modes, rtol=0.1)


@pytest.mark.parametrize("name", MIXTURES)
def test_modes_have_the_stated_standard_deviation(name: str) -> None:
    load, mixture, modes = MIXTURES[name]
    data = load(Request(name=name))
    labels = np.zeros(len(data), int) if data.labels is None else data.labels
    noise = data.samples - mixture.centres[labels]
    assert noise.std() == pytest.approx(mixture.sigma, rel=0.01)
    assert np.abs(noise.mean(axis=0)).max() < 0.03 * mixture.sigma
    assert (data.labels is None) == (modes == 1) == (data.classes == ())


def test_the_share_of_the_ring_within_3_sigma() -> None:
    points = toys.ring8(Request(name="ring8")).samples
    nearest = np.linalg.norm(points[:, None] - toys.RING8.centres, axis=2).min(axis=1)
    assert (nearest < 3 * toys.RING8.sigma).mean() == pytest.approx(1 - np.exp(-4.5), abs=0.002)


def test_the_mean_squared_distance_of_the_corner_from_its_centre() -> None:
    points = toys.corner49(Request(name="corner49")).samples
    assert ((points - 0.8) ** 2).sum(axis=1).mean() == pytest.approx(0.1225, rel=0.01)


def test_the_circle_has_no_gaps() -> None:
    offsets = toys.circle(Request(name="circle")).samples - 0.5
    np.testing.assert_allclose(np.linalg.norm(offsets, axis=1), 0.3, atol=1e-6)
    counts, _ = np.histogram(np.arctan2(offsets[:, 1], offsets[:, 0]), bins=20, range=(-np.pi, np.pi))
    np.testing.assert_allclose(counts / counts.mean(), 1, atol=0.1)


@pytest.mark.parametrize("load", TOYS)
def test_toys_repeat_and_their_parts_differ(load: Callable[[Request], Data]) -> None:
    train, again, test = (load(Request(name="toy", split=split)) for split in ("train", "train", "test"))
    assert train.sha256 == again.sha256 != test.sha256
    assert len(train) == len(test) == 50_000
    assert train.samples.dtype == np.float32
