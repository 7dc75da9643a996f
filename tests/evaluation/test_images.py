"""Metrics of real digits, of blurred ones, of some classes and of noise, with the pretrained extractor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ganzoo.evaluation import evaluate, extractors
from ganzoo.evaluation import images as subject
from ganzoo.evaluation.extractors import Extractor
from ganzoo.evaluation.images import image_metrics
from ganzoo.evaluation.reference import Reference, Splits, uniform_noise
from tests.support import run_iterations, small_training

NUMBER = 2000


@pytest.fixture(scope="module")
def measured(digits: Extractor, real: Reference) -> Callable[[np.ndarray], dict[str, float]]:
    def measure(samples: np.ndarray, labels: np.ndarray | None = None) -> dict[str, float]:
        return image_metrics(digits, digits.extract([samples]), real, labels)[0]

    return measure


def training_digits(real: Reference) -> np.ndarray:
    return np.asarray(real.splits.train.samples[real.order[:NUMBER]])


def test_metrics_of_known_images(real: Reference, measured: Callable[..., dict[str, float]]) -> None:
    """The extractor's hash is pinned, so these are constants; the margins are for other processors."""
    train = training_digits(real)
    assert real.splits.train.labels is not None
    known = real.splits.train.labels[real.order]
    blurred = F.avg_pool2d(torch.from_numpy(train).float(), 3, stride=1, padding=1).round().byte().numpy()
    random = np.concatenate(list(uniform_noise(NUMBER, (1, 28, 28))))
    found = {
        "real": measured(train, known[:NUMBER]),
        "no 0": measured(np.asarray(real.splits.train.samples[real.order[known != 0][:NUMBER]])),
        "blurred": measured(blurred),
        "noise": measured(random),
    }
    distances = {name: row["mnist-fd"] for name, row in found.items()}
    assert distances == {
        "real": pytest.approx(0.65, abs=0.15),
        "no 0": pytest.approx(6.0, rel=0.15),
        "blurred": pytest.approx(61, rel=0.05),
        "noise": pytest.approx(155, rel=0.02),
    }
    kernels = [row["mnist-kd"] for row in found.values()]
    assert kernels == sorted(kernels)
    assert kernels[0] < 0.01
    assert found["real"]["mnist-score"] == pytest.approx(9.58, abs=0.1)
    assert found["real"]["mnist-score"] < 10, "exp H of ten classes"
    assert found["real"]["coverage"] == pytest.approx(1 - 2**-5, abs=0.025)
    assert found["real"]["label_accuracy"] > 0.99
    assert found["real"]["neighbour_accuracy"] == pytest.approx(0.53, abs=0.04)
    assert found["noise"]["coverage"] < 0.01
    assert found["noise"]["class_kl"] > 1
    assert found["no 0"]["class_kl"] == pytest.approx(np.log(10 / 9), abs=0.01)
    assert found["real"]["copies"] > 0.9, "they are training images"
    assert found["blurred"]["copies"] < 0.1


def test_test_digits_are_no_copies(digits: Extractor, real: Reference) -> None:
    found, classes = image_metrics(digits, real.reference, real, None)
    assert (found["nearer"], found["copies"]) == (pytest.approx(0.5, abs=0.01), pytest.approx(0.01, abs=0.005))
    assert list(classes) == list("0123456789")
    assert sum(classes.values()) == pytest.approx(1)


def test_the_metrics_of_inception_have_the_usual_names(digits: Extractor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another network stands in for Inception, which takes long and has to be downloaded."""
    stand_in = replace(digits, name="inception", classes=(), shape=None, accuracy=None)
    monkeypatch.setattr(extractors, "inception", lambda: stand_in)
    training = small_training("cgan", "mnist-10k", iterations=1)
    run_iterations(training)
    found, own = (evaluate(training.model(), number=50, features=features) for features in ("inception", "own"))
    assert found.score == "fid"
    assert found.metrics["fid"] == pytest.approx(own.metrics["mnist-fd"])
    assert found.metrics.keys() >= {"kid", "inception-score", "precision", "coverage", "discriminator_auc"}
    assert not found.metrics.keys() & {"class_kl", "label_accuracy", "confidence", "nearer", "copies"}
    assert "generated" not in found.classes


def test_images_of_one_class(real: Reference, measured: Callable[..., dict[str, float]]) -> None:
    assert real.splits.train.labels is not None
    ones = np.asarray(real.splits.train.samples[real.splits.train.labels == 1])[:500]
    found = measured(ones, np.full(500, 7))
    assert found["class_kl"] == pytest.approx(np.log(10), abs=0.1)
    assert found["mnist-score"] == pytest.approx(1, abs=0.1)
    assert found["label_accuracy"] < 0.01
    assert found["coverage"] < 0.2


def test_without_a_test_split_the_training_images_are_halved(digits: Extractor, real: Reference) -> None:
    some = real.train.part(slice(NUMBER))
    splits = Splits(real.splits.train, None)
    alone = replace(real, splits=splits, order=real.order[:NUMBER], train=some, reference=some)
    found, _ = subject._real_metrics(digits, alone, 100)
    assert found["mnist-fd"] < 2
    assert found["label_accuracy"] > 0.99
    assert "copies" not in found
