from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ganzoo.export import TOLERANCE, export
from ganzoo.parts.task import Task
from ganzoo.registry.recipe import resolve
from ganzoo.registry.registry import registry
from ganzoo.testing import check
from ganzoo.training.device import choose_device
from ganzoo.training.loop import Training
from ganzoo.util.errors import GanzooError
from tests.support import Bowl, images, losses_of, run_iterations

CONV = {"generator": "residual", "discriminator": "residual", "generator.width": 8, "discriminator.width": 8}
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm)


def task(size: int = 28, channels: int = 1) -> Task:
    return Task(shape=(channels, size, size), range=(-1.0, 1.0), latent_dim=8)


def test_the_losses_are_those_of_the_paper() -> None:
    torch.manual_seed(0)
    real, z, G, D = torch.randn(6, 2), torch.randn(6, 2), nn.Linear(2, 2), Bowl()
    of_D, of_G = losses_of(registry().part("trainer", "relativistic"), G, D, real, z, penalty=3.0)
    fake = G(z)
    game = torch.log1p(torch.exp(-(D(real) - D(fake)))).mean()
    penalties = 3 / 2 * (D.squared_norms(real).mean() + D.squared_norms(fake).mean())
    torch.testing.assert_close(of_D, game + penalties)
    torch.testing.assert_close(of_G, F.softplus(-(D(fake) - D(real))).mean())


def test_a_constant_added_to_the_discriminator_changes_nothing() -> None:
    class Shifted(Bowl):
        def forward(self, samples: torch.Tensor) -> torch.Tensor:
            return super().forward(samples) + 5

    torch.manual_seed(0)
    real, z, G = torch.randn(6, 2), torch.randn(6, 2), nn.Linear(2, 2)
    play_ = registry().part("trainer", "relativistic")
    for one, other in zip(losses_of(play_, G, Bowl(), real, z), losses_of(play_, G, Shifted(), real, z), strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("preset", [None, "conv"])
def test_there_is_no_normalisation_anywhere(preset: str | None) -> None:
    recipe = resolve(registry().gan("r3gan"), preset=preset)
    for part in ("generator", "discriminator"):
        assert not [layer for layer in recipe.call(part, task()).modules() if isinstance(layer, NORMS)]


@pytest.mark.parametrize(("size", "channels"), [(28, 1), (32, 3), (56, 3)])
def test_residual_networks_fit_the_image(size: int, channels: int) -> None:
    recipe = resolve(registry().gan("r3gan"), CONV)
    G, D = (recipe.call(part, task(size, channels)) for part in ("generator", "discriminator"))
    made = G(torch.randn(3, 8))
    assert made.shape == (3, channels, size, size)
    assert 0.01 < float(made.detach().std()) < 0.9, "the signal neither dies nor saturates before any training"
    assert D(made).shape == (3, 1)


def test_a_block_begins_by_passing_on_what_it_gets() -> None:
    from ganzoo_plugins.r3gan.networks import Residual

    features = torch.randn(2, 16, 4, 4)
    assert torch.equal(Residual(16)(features), features)


def test_images_of_other_sizes_are_refused() -> None:
    with pytest.raises(GanzooError, match="a residual generator fits images whose sides"):
        resolve(registry().gan("r3gan"), CONV).call("generator", task(30))


def test_residual_networks_keep_the_contract() -> None:
    check("r3gan", settings=CONV)


def test_an_exported_residual_generator_makes_the_same(tmp_path: Path) -> None:
    recipe = resolve(registry().gan("r3gan"), CONV | {"batch_size": 4, "latent_dim": 8, "iterations": 2})
    training = Training(recipe, images(3, 32, 32), choose_device("cpu", "fp32"))
    run_iterations(training)
    report = export(training.model(), tmp_path / "g.onnx")
    assert max(report.batches.values()) <= TOLERANCE
