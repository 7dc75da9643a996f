"""Stacked digits: the metrics of a perfect generator, the classification of channels, and evaluations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ganzoo.data import load
from ganzoo.evaluation import evaluate
from ganzoo.evaluation.extractors import Extractor
from ganzoo.evaluation.reference import image_batches
from ganzoo.evaluation.stacked import classify_digits, digit_metrics, protocol_size
from ganzoo.util.errors import GanzooError

# Digits in the training and test part of MNIST together (LeCun, Cortes & Burges, 1998).
MNIST = np.array([6903, 7877, 6990, 7141, 6824, 6313, 6876, 7293, 6825, 6958])


@pytest.mark.parametrize(("counts", "floor"), [(MNIST, 0.0238), (np.ones(10), 0.0193)], ids=["mnist", "equal"])
def test_a_perfect_generator(counts: np.ndarray, floor: float) -> None:
    """The divergence from equal frequencies by chance, and with MNIST's own frequencies."""
    random = np.random.default_rng(0)
    shape = protocol_size("stacked-mnist"), 3
    drawn = [digit_metrics(random.choice(10, size=shape, p=counts / counts.sum())) for _ in range(10)]
    assert {found["modes"] for found in drawn} == {1000}
    assert np.mean([found["reverse_kl"] for found in drawn]) == pytest.approx(floor, abs=0.0007)


def test_modes_that_are_missing() -> None:
    one = np.tile([3, 1, 4], (50, 1))
    assert digit_metrics(one) == {"modes": 1, "reverse_kl": pytest.approx(np.log(1000))}
    half = np.array([(a, b, c) for a in range(10) for b in range(10) for c in range(5)])
    assert digit_metrics(half) == {"modes": 500, "reverse_kl": pytest.approx(np.log(2))}
    assert digit_metrics(half[:, ::-1])["modes"] == 500


def test_two_digits_have_a_hundred_modes() -> None:
    """The divergence by chance is the same as with three."""
    random = np.random.default_rng(0)
    drawn = [digit_metrics(random.integers(10, size=(protocol_size("stacked2"), 2))) for _ in range(10)]
    assert {found["modes"] for found in drawn} == {100}
    assert np.mean([found["reverse_kl"] for found in drawn]) == pytest.approx(99 / 5200, rel=0.1)


def test_channels_are_classified_in_their_order(digits: Extractor) -> None:
    test = load("stacked-mnist", split="test")
    assert test.labels is not None
    found = classify_digits(digits, image_batches(test, np.arange(500)))
    known = np.stack([test.labels[:500] // 100, test.labels[:500] // 10 % 10, test.labels[:500] % 10], axis=1)
    assert found.shape == (500, 3)
    assert (found == known).mean() > 0.98


def test_stacked_digits_are_evaluated_by_their_modes(tmp_path: Path) -> None:
    images = load("stacked-mnist").samples[:200]
    np.savez(tmp_path / "x.npz", images=images)
    found = evaluate(tmp_path / "x.npz", "stacked-mnist")
    assert (found.score, found.number, found.data["number"]) == ("modes", 200, 26_000)
    assert found.metrics.keys() == found.references["real"].keys() == {"modes", "reverse_kl"}
    assert 150 < found.metrics["modes"] <= 200
    assert found.extractor is not None
    assert found.extractor["name"] == "mnist"


def test_two_stacked_digits_are_evaluated(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", images=load("stacked2").samples[:100])
    found = evaluate(tmp_path / "x.npz", "stacked2")
    assert (found.score, found.data["number"]) == ("modes", 2600)
    assert 50 < found.metrics["modes"] <= 100


def test_images_of_another_shape_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", images=load("mnist-10k").samples[:20])
    with pytest.raises(GanzooError):
        evaluate(tmp_path / "x.npz", "stacked-mnist")
