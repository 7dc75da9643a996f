from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

import ganzoo
from ganzoo.data import load
from ganzoo.evaluation.discriminator import auc, discriminator_metrics, evaluate_discriminator, logits
from ganzoo.evaluation.reference import load_splits
from ganzoo.generators.weights import load as load_weights
from ganzoo.generators.weights import save_weights
from ganzoo.registry.registry import registry
from tests.support import run_iterations, small_training


def random_logits(seed: int, shift: float, count: int = 400) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, 1, count).round(1)  # rounded, so that there are ties


REAL, FAKE, TRAIN = random_logits(0, 0.6), random_logits(1, -0.2, 300), random_logits(2, 0.9)


def test_the_area_under_the_curve_is_that_of_scikit_learn() -> None:
    truth = np.repeat([1, 0], [400, 300])
    assert auc(REAL, FAKE) == pytest.approx(roc_auc_score(truth, np.concatenate([REAL, FAKE])), abs=1e-12)
    assert (auc(REAL, REAL), auc(REAL + 9, REAL), auc(REAL - 9, REAL)) == (0.5, 1, 0)


@pytest.mark.parametrize(("real", "fake"), [(np.nan, 0), (0, np.nan), (np.nan, np.nan)])
def test_logits_that_are_nan_have_no_metrics(real: float, fake: float) -> None:
    first, second = np.append(REAL, real), np.append(FAKE, fake)
    assert math.isnan(auc(first, second))
    assert all(map(math.isnan, discriminator_metrics(first, second, TRAIN)))
    assert auc(np.append(REAL, np.inf), np.append(FAKE, -np.inf)) > auc(REAL, FAKE)


def test_a_discriminator_with_logits_of_nan_has_no_metrics() -> None:
    training = small_training("simple", "mnist-10k", iterations=1)
    run_iterations(training)
    model = training.model()
    with torch.no_grad():
        next(model.networks.discriminator.parameters()).fill_(float("nan"))
    found = evaluate_discriminator(model, load_splits(load("mnist-10k")))
    assert found == ({}, ["no metrics of the discriminator: its logits hold nan; evaluate earlier weights"])


def test_a_discriminator_of_pairs_is_judged_by_comparisons_alone() -> None:
    """Adding a constant to its logits does not change a relativistic loss, so no threshold has a meaning."""
    training = small_training("r3gan", "mnist-10k", iterations=2, generator="dense", discriminator="dense")
    run_iterations(training)
    model, splits = training.model(), load_splits(load("mnist-10k"))
    model.networks.eval()
    found, notes = evaluate_discriminator(model, splits)
    assert set(found) == {"discriminator_auc", "discriminator_gap"}
    assert len(notes) == 1
    assert "share of pairs of a real and a generated image that it orders correctly" in notes[0]
    model.networks.discriminator.register_forward_hook(lambda module, inputs, logits: logits + 100)
    shifted, _ = evaluate_discriminator(model, splits)
    assert shifted == pytest.approx(found, abs=1e-3)


def test_the_metrics_of_logits() -> None:
    found = discriminator_metrics(REAL, FAKE, TRAIN)
    assert found.real == (REAL > 0).mean()
    assert found.fake == (FAKE <= 0).mean()
    assert found.balanced == (found.real + found.fake) / 2
    assert found.gap == pytest.approx(TRAIN.mean() - REAL.mean())
    assert found.threshold == 0


def test_the_metrics_of_a_critic_do_not_depend_on_a_constant() -> None:
    one, other = (discriminator_metrics(REAL + add, FAKE + add, TRAIN + add, critic=True) for add in (0, 1000))
    assert one[:5] == pytest.approx(other[:5])
    assert other.threshold == pytest.approx(one.threshold + 1000)
    assert one.balanced == pytest.approx(0.65, abs=0.06)
    assert discriminator_metrics(REAL + 1000, FAKE + 1000, TRAIN, critic=False).balanced == 0.5


@pytest.mark.parametrize(("gan", "thresholds"), [("simple", [0.0]), ("wgan", []), ("cgan", [0.0])])
def test_the_discriminator_of_a_model(gan: str, thresholds: Sequence[float]) -> None:
    training = small_training(gan, "mnist-10k", iterations=2)
    run_iterations(training)
    model = training.model()
    model.networks.eval()
    found, notes = evaluate_discriminator(model, load_splits(load("mnist-10k")))
    assert not notes
    assert all(0 <= found[f"discriminator_{name}"] <= 1 for name in ("real", "fake", "balanced", "auc"))
    assert (found["discriminator_threshold"] == 0) == bool(thresholds)
    samples = model.sample(300)
    labels = model.labels(300)
    np.testing.assert_allclose(
        logits(model, samples, labels)[:5],
        logits(model, samples[:5], None if labels is None else labels[:5]),
        atol=1e-5,
    )


def test_a_discriminator_of_more_than_the_image_has_no_metrics() -> None:
    class Judge(nn.Linear):
        def forward(self, samples: Tensor, z: Tensor) -> Tensor:
            return super().forward(samples.flatten(1)) + z.sum(1, keepdim=True)

    def trainer(nets: Any, draw: Any) -> Iterator[Any]:
        real, z = draw()
        yield nets.discriminator, nets.discriminator(real, z).mean()

    gan = replace(registry().gan("simple"), discriminator=lambda task: Judge(784, 1), trainer=trainer, settings={})
    training = ganzoo.train(gan, batch_size=4, iterations=1, device="cpu", precision="fp32")
    run_iterations(training)
    found = evaluate_discriminator(training.model(), load_splits(load("mnist-10k")))
    assert found == ({}, ["no metrics of the discriminator, which judges more than the image, such as its latent"])


def test_a_discriminator_needs_a_test_split() -> None:
    training = small_training("simple", "emoji32", iterations=1)
    run_iterations(training)
    found = evaluate_discriminator(training.model(), load_splits(load("emoji32")))
    assert found == ({}, ["no metrics of the discriminator: emoji32 has no test split"])


def test_a_file_with_the_generator_alone_has_no_metrics_of_the_discriminator(tmp_path: Path) -> None:
    training = small_training("simple", "mnist-10k", iterations=1)
    run_iterations(training)
    save_weights(tmp_path / "x.safetensors", training.model(), quantized=True, discriminator=False)
    found = evaluate_discriminator(load_weights(tmp_path / "x.safetensors"), load_splits(load("mnist-10k")))
    assert found == ({}, ["no metrics of the discriminator: the weights hold the generator alone"])
