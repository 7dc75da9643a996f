from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from ganzoo.data import load
from ganzoo.evaluation.discriminator import auc, judged, judgement, scores
from tests.support import begin, play


def scored(seed: int, shift: float, count: int = 400) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, 1, count).round(1)  # rounded, so that there are ties


REAL, FAKE, TRAIN = scored(0, 0.6), scored(1, -0.2, 300), scored(2, 0.9)


def test_the_area_under_the_curve_is_that_of_scikit_learn() -> None:
    truth = np.repeat([1, 0], [400, 300])
    assert auc(REAL, FAKE) == pytest.approx(roc_auc_score(truth, np.concatenate([REAL, FAKE])), abs=1e-12)
    assert (auc(REAL, REAL), auc(REAL + 9, REAL), auc(REAL - 9, REAL)) == (0.5, 1, 0)


def test_five_numbers() -> None:
    found = judgement(REAL, FAKE, TRAIN)
    assert found.real == (REAL > 0).mean()
    assert found.fake == (FAKE <= 0).mean()
    assert found.balanced == (found.real + found.fake) / 2
    assert found.gap == pytest.approx(TRAIN.mean() - REAL.mean())
    assert found.threshold == 0


def test_a_constant_does_not_change_what_a_critic_is_worth() -> None:
    one, other = (judgement(REAL + add, FAKE + add, TRAIN + add, critic=True) for add in (0, 1000))
    assert one[:5] == pytest.approx(other[:5])
    assert other.threshold == pytest.approx(one.threshold + 1000)
    assert one.balanced == pytest.approx(0.65, abs=0.06)
    assert judgement(REAL + 1000, FAKE + 1000, TRAIN, critic=False).balanced == 0.5


@pytest.mark.parametrize(("gan", "thresholds"), [("simple", [0.0]), ("wgan", []), ("cgan", [0.0])])
def test_the_discriminator_of_a_model(gan: str, thresholds: Sequence[float]) -> None:
    training = begin(gan, "mnist-10k", iterations=2)
    play(training)
    model = training.model()
    model.networks.eval()
    data = load("mnist-10k")
    found, remark = judged(model, data)
    assert not remark
    assert all(0 <= found[f"discriminator_{name}"] <= 1 for name in ("real", "fake", "balanced", "auc"))
    assert (found["discriminator_threshold"] == 0) == bool(thresholds)
    samples = model.draw(300)
    labels = model.labels(300)
    np.testing.assert_allclose(
        scores(model, samples, labels)[:5],
        scores(model, samples[:5], None if labels is None else labels[:5]),
        atol=1e-5,
    )


def test_a_discriminator_of_data_without_a_test_part_is_not_judged() -> None:
    training = begin("simple", "emoji32", iterations=1)
    play(training)
    found, remark = judged(training.model(), load("emoji32"))
    assert (found, "no test part" in remark) == ({}, True)
