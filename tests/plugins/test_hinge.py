from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganzoo.data import Data
from ganzoo.generators.weights import load
from ganzoo.registry.recipe import resolve
from ganzoo.registry.registry import registry
from ganzoo.testing import check
from ganzoo.training.device import choose_device
from ganzoo.training.loop import Training
from tests.support import Bowl, differing, images, losses_of, run_iterations, small_training, snapshot

CONV = {"discriminator": "spectral-dcgan", "discriminator.width": 4}


def test_the_losses_are_those_of_the_paper() -> None:
    torch.manual_seed(0)
    real, z, G, D = torch.randn(64, 2), torch.randn(64, 2), nn.Linear(2, 2), Bowl()
    of_D, of_G = losses_of(registry().part("trainer", "hinge"), G, D, real, z)
    real_logits, fake_logits = D(real), D(G(z))
    assert ((real_logits > 1).any(), (real_logits < 1).any()) == (True, True), "both sides of the hinge are met"
    expected = (
        torch.where(real_logits < 1, 1 - real_logits, 0).mean()
        + torch.where(fake_logits > -1, 1 + fake_logits, 0).mean()
    )
    torch.testing.assert_close(of_D, expected)
    torch.testing.assert_close(of_G, -fake_logits.mean())


@pytest.mark.parametrize("parts", [{"discriminator.widths": (16,)}, CONV], ids=["dense", "conv"])
def test_every_layer_has_the_spectral_norm_one(parts: dict[str, Any]) -> None:
    narrow = {
        "generator.widths": (16,),
        "batch_size": 8,
        "latent_dim": 8,
        "iterations": 20,
        "lr": 2e-4,
        "lr_schedule": "constant",
    }
    training = Training(
        resolve(registry().gan("hinge"), parts | narrow), images(1, 28, 28), choose_device("cpu", "fp32")
    )
    run_iterations(training)
    D = training.nets.discriminator.eval()
    layers = [layer for layer in D.modules() if isinstance(layer, nn.Linear | nn.Conv2d)]
    assert len(layers) >= 2
    ones = pytest.approx([1] * len(layers), abs=0.15)  # power iteration lags a little behind weights that change
    assert [norm_of(layer.weight) for layer in layers] == ones
    assert [norm_of(layer.parametrizations.weight.original) for layer in layers] != ones


def norm_of(weight: Tensor) -> float:
    return torch.linalg.svdvals(weight.detach().flatten(1))[0].item()


def test_a_weights_file_and_a_checkpoint_hold_the_power_iteration(tiny: Data, tmp_path: Path) -> None:
    whole, first, second = (small_training("hinge", tiny, iterations=4) for _ in range(3))
    run_iterations(first, 2)
    halfway = snapshot(first)
    assert [name for name in halfway if name.endswith("parametrizations.weight.0._u")]
    second.load(halfway, "the checkpoint")
    run_iterations(whole)
    run_iterations(second)
    assert differing(whole.state(), second.state()) == []
    model = whole.model()
    model.save(tmp_path / "w.safetensors")
    samples = torch.rand(5, 1, 8, 8)
    D = model.networks.discriminator.eval()
    assert torch.equal(load(tmp_path / "w.safetensors").networks.discriminator(samples), D(samples))


def test_an_update_of_the_generator_does_not_change_the_discriminator() -> None:
    check("hinge", settings=CONV | {"generator": "dcgan", "generator.width": 4})
