from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from ganzoo_plugins.r3gan import quarter_cosine
from ganzoo_plugins.r3gan.published import Block, Discriminator, Double, Generator, Halve
from torch import nn

import ganzoo
from ganzoo.export import TOLERANCE, export
from ganzoo.generators.pretrained import index
from ganzoo.parts.task import Task
from ganzoo.registry.recipe import resolve
from ganzoo.registry.registry import registry
from ganzoo.testing import check
from ganzoo.training.device import choose_device
from ganzoo.training.loop import Training
from ganzoo.util.errors import GanzooError
from tests.support import Bowl, images, losses_of, run_iterations

NARROW: dict[str, Any] = {"generator.width": 8, "discriminator.width": 8}
RESIDUAL = {"generator": "residual", "discriminator": "residual"} | NARROW
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm)


def task(size: int = 28, channels: int = 1, **changes: Any) -> Task:
    return replace(Task(shape=(channels, size, size), range=(-1.0, 1.0), latent_dim=8), **changes)


def weights_of(net: nn.Module) -> int:
    return sum(weight.numel() for weight in net.parameters())


# The losses.


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


def test_the_penalty_and_the_learning_rate_fall_as_published() -> None:
    recipe = resolve(registry().gan("r3gan"), {"iterations": 100}, preset="published")
    found = [recipe.values_at("trainer", iteration)["penalty"] for iteration in (1, 51)]
    assert found == pytest.approx([0.05, 0.0275])
    assert recipe.values_at("optimizer", 51)["beta2"] == pytest.approx(0.945)
    assert recipe.values_at("augmentation", 51)["p"] == pytest.approx(0.275)
    assert recipe.ema_at(1) == 0
    half_life = math.log(0.5) / math.log(0.99993)  # iterations
    assert 512 * half_life == pytest.approx(5e6, rel=0.02)  # images
    assert math.log(0.5) / math.log(recipe.ema_at(51)) == pytest.approx(half_life / 2)
    assert 2e-4 * quarter_cosine(1) == pytest.approx(5e-5)
    assert recipe.schedules[recipe.loop.lr_schedule](0.5) == pytest.approx((1 + 1 / 4) / 2)


# The published networks.


def test_the_published_sizes_have_the_published_number_of_weights() -> None:
    recipe = resolve(registry().gan("r3gan"), preset="published")
    with torch.device("meta"):
        G, D = (recipe.call(part, task(32, 3, latent_dim=64)) for part in ("generator", "discriminator"))
    block = 768 * 1536 + 1536 + 9 * 16 * 1536 + 1536 + 1536 * 768
    assert weights_of(G) == 8 * block + 64 * 768 + 768 * 16 + 3 * 768
    assert weights_of(D) == 8 * block + 3 * 768 + 16 * 768 + 768
    labels_of_G, labels_of_D = 10 * 64 + 64 * 768, 768 * 768 - 768 + 10 * 768  # of the published, conditional ones
    assert round((weights_of(G) + labels_of_G) / 1e6, 1) == 20.8
    assert round((weights_of(D) + labels_of_D) / 1e6, 1) == 21.3
    groups = {layer.groups for layer in G.modules() if isinstance(layer, nn.Conv2d)}
    assert groups == {1, 96}, "the cardinality"


def test_sizes_beyond_32_pixels_have_half_the_channels() -> None:
    with torch.device("meta"):
        G = resolve(registry().gan("r3gan"), {"generator.width": 768}).call("generator", task(64, 3))
    widths = [layer.branch[0].in_channels for layer in G.modules() if isinstance(layer, Block)]
    assert widths == [768, 768, 768, 768, 384]


def test_a_block_is_an_inverted_bottleneck() -> None:
    torch.manual_seed(0)
    block = Block(16, 16, 4)
    for layer in (block.branch[0], block.branch[2], block.branch[4]):
        nn.init.normal_(layer.weight, std=0.2)
    first, second, last = block.branch[0], block.branch[2], block.branch[4]
    x = torch.randn(2, 16, 5, 6)
    inner = F.leaky_relu(F.conv2d(x, first.weight, first.bias), 0.2)
    halves = [F.conv2d(inner[:, at : at + 16], second.weight[at : at + 16], padding=1) for at in (0, 16)]
    inner = F.leaky_relu(torch.cat(halves, 1) + second.bias[:, None, None], 0.2)
    torch.testing.assert_close(block(x), x + F.conv2d(inner, last.weight))
    assert last.bias is None


def test_a_block_begins_as_published() -> None:
    torch.manual_seed(0)
    block, scale = Block(64, 16, 16), 1.387 * 16**-0.25
    assert float(block.branch[0].weight.detach().std()) == pytest.approx(scale / math.sqrt(64), rel=0.05)
    assert float(block.branch[2].weight.detach().std()) == pytest.approx(scale / math.sqrt(16 * 9), rel=0.05)
    features = torch.randn(2, 64, 4, 4)
    assert torch.equal(block(features), features), "it passes on what it gets"


def test_the_filters_are_those_of_the_published_resampling() -> None:
    torch.manual_seed(0)
    x, line = torch.randn(2, 3, 4, 6), torch.tensor([1.0, 3.0, 3.0, 1.0])
    kernel = torch.outer(line, line).expand(3, 1, 4, 4) / 64
    torch.testing.assert_close(Double()(x), F.conv_transpose2d(x, 4 * kernel, stride=2, padding=1, groups=3))
    torch.testing.assert_close(Halve()(x), F.conv2d(x, kernel, stride=2, padding=1, groups=3))


def test_the_generator_begins_with_z_times_a_map_and_the_discriminator_ends_with_one() -> None:
    torch.manual_seed(0)
    G, D = Generator(task(32, 3), [8] * 4, (4, 4), 16, 1), Discriminator(task(32, 3), [8] * 4, (4, 4), 16, 1)
    z = torch.randn(5, 8)
    x = torch.einsum("chw,nc->nchw", G.basis, z @ G.scales.weight.T)
    for _ in range(3):  # blocks begin as the identity
        x = Double()(x)
    x = torch.einsum("oc,nchw->nohw", G.layers[-1].weight[:, :, 0, 0], x)
    torch.testing.assert_close(G(z), x)
    h = torch.einsum("oc,nchw->nohw", D.layers[0].weight[:, :, 0, 0], x)
    for _ in range(3):
        h = Halve()(h)
    h = (h * D.last[1].weight[:, 0]).sum((2, 3)) @ D.last[3].weight.T
    torch.testing.assert_close(D(x), h)


def test_images_are_within_their_range_in_evaluation_alone() -> None:
    torch.manual_seed(0)
    G, z = Generator(task(), [8] * 3, (7, 7), 16, 1), torch.randn(9, 8)
    free = G(z)
    assert free.abs().max() > 1.5
    assert torch.equal(G.eval()(z), free.clamp(-1, 1))


def test_a_width_that_has_no_groups_is_refused() -> None:
    with pytest.raises(GanzooError, match="twice 12 channels do not divide into groups of 16; take another width"):
        resolve(registry().gan("r3gan"), {"generator.width": 12}).call("generator", task())


# Both kinds of residual networks.


@pytest.mark.parametrize("settings", [{}, RESIDUAL])
@pytest.mark.parametrize("preset", [None, "dense", "published"])
def test_there_is_no_normalisation_anywhere(preset: str | None, settings: dict[str, Any]) -> None:
    recipe = resolve(registry().gan("r3gan"), settings, preset=preset)
    for part in ("generator", "discriminator"):
        with torch.device("meta"):
            assert not [layer for layer in recipe.call(part, task()).modules() if isinstance(layer, NORMS)]


@pytest.mark.parametrize(("size", "channels"), [(28, 1), (32, 3), (56, 3)])
@pytest.mark.parametrize("settings", [NARROW, RESIDUAL])
def test_residual_networks_fit_the_image(size: int, channels: int, settings: dict[str, Any]) -> None:
    torch.manual_seed(0)
    recipe = resolve(registry().gan("r3gan"), settings)
    G, D = (recipe.call(part, task(size, channels)) for part in ("generator", "discriminator"))
    made = G(torch.randn(3, 8))
    assert made.shape == (3, channels, size, size)
    assert 0.01 < float(made.detach().std()) < 2, "the signal neither dies nor grows before any training"
    assert D(made).shape == (3, 1)


@pytest.mark.parametrize(("settings", "name"), [(NARROW, "a network of r3gan"), (RESIDUAL, "a residual generator")])
def test_images_of_other_sizes_are_refused(settings: dict[str, Any], name: str) -> None:
    with pytest.raises(GanzooError, match=f"{name} fits images whose sides"):
        resolve(registry().gan("r3gan"), settings).call("generator", task(30))


def test_vectors_need_the_dense_preset() -> None:
    points = replace(task(), shape=(2,), range=None)
    with pytest.raises(GanzooError, match="take images, and this data set has none; use r3gan --preset dense"):
        resolve(registry().gan("r3gan")).call("generator", points)
    assert resolve(registry().gan("r3gan"), preset="dense").call("generator", points)(torch.randn(3, 8)).shape == (3, 2)


@pytest.mark.parametrize("settings", [NARROW, RESIDUAL])
def test_residual_networks_keep_the_contract(settings: dict[str, Any]) -> None:
    check("r3gan", settings=settings)


@pytest.mark.parametrize("settings", [NARROW, RESIDUAL])
def test_an_exported_residual_generator_makes_the_same(tmp_path: Path, settings: dict[str, Any]) -> None:
    recipe = resolve(registry().gan("r3gan"), settings | {"batch_size": 4, "latent_dim": 8, "iterations": 2})
    training = Training(recipe, images(3, 32, 32), choose_device("cpu", "fp32"))
    run_iterations(training)
    report = export(training.model(), tmp_path / "g.onnx")
    assert max(report.batches.values()) <= TOLERANCE


def test_the_shipped_weights_are_those_of_the_dense_preset() -> None:
    model = ganzoo.load(index()["r3gan"].path("safetensors"))
    own, preset = model.recipe.flat(), resolve(registry().gan("r3gan"), preset="dense").flat()
    different = {key for key in own if own[key] != preset.get(key) and not key.startswith("augmentation")}
    assert different == {"generator.widths", "loop.iterations"}


def test_logits_are_float32_in_any_precision() -> None:
    D = Discriminator(task(32, 3), [8] * 4, (4, 4), 16, 1)
    with torch.autocast("cpu", torch.bfloat16):
        assert D(torch.randn(2, 3, 32, 32)).dtype == torch.float32
