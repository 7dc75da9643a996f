from __future__ import annotations

import pytest
import torch

from ganzoo.data import Data
from ganzoo.registry.registry import registry
from tests.support import run_iterations, small_training


def test_weights_of_the_critic_are_clipped_after_each_update(tiny: Data) -> None:
    training = small_training("wgan", tiny, iterations=2, clip=0.02)
    run_iterations(training)
    assert all(weight.abs().max() <= 0.02 for weight in training.nets.discriminator.parameters())
    assert any(weight.abs().max() > 0.02 for weight in training.nets.generator.parameters())


@pytest.mark.parametrize("gan", ["wgan", "wgan-gp"])
def test_the_critic_is_updated_several_times_in_an_iteration(tiny: Data, gan: str) -> None:
    training = small_training(gan, tiny, iterations=2, critic_steps=3)
    estimates = [played.metrics["wasserstein_estimate"] for played in training]
    assert training.batches.drawn == 2 * (3 + 1)
    assert all(torch.isfinite(estimate) for estimate in estimates)


def test_the_loss_of_the_clipped_critic_is_the_estimate(tiny: Data) -> None:
    (played,) = small_training("wgan", tiny, iterations=1)
    assert torch.equal(played.losses["discriminator"], -played.metrics["wasserstein_estimate"])


def test_the_penalty_holds_the_critic_to_unit_gradients(tiny: Data) -> None:
    steps = {"iterations": 60, "critic_steps": 2, "lr": 1e-2, "lr_schedule": "constant", "ema": 0}
    norms = {}
    for penalty in (0.0, 10.0):
        training = small_training("wgan-gp", tiny, penalty=penalty, **steps)
        run_iterations(training)
        real = training.batches.next()[0].requires_grad_()
        (slope,) = torch.autograd.grad(training.nets.discriminator(real).sum(), real)
        norms[penalty] = float(slope.flatten(1).norm(dim=1).mean())
    assert norms[10.0] == pytest.approx(1, abs=0.5)
    assert norms[0.0] > 2 * norms[10.0]


@pytest.mark.parametrize("name", ["wgan-gp", "cgan"])
def test_published_critics_have_no_batch_norm(name: str) -> None:
    """It would couple the samples whose gradients the penalty takes one by one."""
    published = registry().gan(name).presets["published"]
    assert published["discriminator.norm"] in ("none", "layer", "instance")
