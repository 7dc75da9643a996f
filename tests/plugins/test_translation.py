"""pix2pix and CycleGAN: their losses by hand, their networks at any size, and the pool of generated images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ganzoo_plugins.translation.networks import Patches, Pool, ResNet, UNet
from torch import Tensor, nn

from ganzoo.data import Data
from ganzoo.export import check as check_file
from ganzoo.export import export
from ganzoo.generators.onnx_session import Sampler
from ganzoo.parts.networks import Networks
from ganzoo.parts.task import Task
from ganzoo.registry.recipe import resolve
from ganzoo.registry.registry import registry
from ganzoo.testing import check, start_training
from ganzoo.training.loop import Training
from ganzoo.util.errors import GanzooError
from tests.support import differing, run_iterations, snapshot
from tests.support.translation import PAIRS, pictures

UNPAIRED = Data(name="sets", samples=pictures(40, (3, 16, 16)), conditions=pictures(30, (3, 16, 16), 1), paired=False)
SMALL: dict[str, dict[str, Any]] = {
    "pix2pix": {
        "generator.width": 8,
        "generator.depth": 3,
        "generator.dropout": 0.0,
        "discriminator.width": 8,
        "iterations": 4,
        "batch_size": 4,
    },
    "cyclegan": {
        "generator.width": 8,
        "generator.blocks": 1,
        "discriminator.width": 8,
        "discriminator.pool": 6,
        "iterations": 4,
        "batch_size": 4,
    },
}
DATA = {"pix2pix": PAIRS, "cyclegan": UNPAIRED}


def training_of(name: str, **settings: Any) -> Training:
    return start_training(resolve(registry().gan(name), SMALL[name] | settings), DATA[name])


def losses(
    name: str, nets: Networks, batch: tuple[Tensor, ...], **settings: Any
) -> list[tuple[nn.Module, Tensor, dict[str, Any]]]:
    """What the trainer yields on one batch, without an update; images are not mirrored."""
    updates = registry().part("trainer", name)(nets, lambda: batch, mirror=False, **settings)
    return [(network, loss, *logged) if logged else (network, loss, {}) for network, loss, *logged in updates]


def task(given: int = 1, made: int = 3, side: int = 16) -> Task:
    return Task(shape=(made, side, side), range=(-1.0, 1.0), latent_dim=0, condition=(given, side, side))


def made_by(name: str, part: str, **settings: Any) -> Callable[..., nn.Module]:
    recipe = resolve(registry().gan(name), settings)
    return lambda each: recipe.call(part, each)


# pix2pix


def entropy(logits: Tensor, target: float) -> Tensor:
    probability = torch.sigmoid(logits)
    return -(target * probability.log() + (1 - target) * (1 - probability).log()).mean()


def test_the_losses_of_pairs_are_those_of_the_paper() -> None:
    training = training_of("pix2pix")
    nets, (real, given) = training.nets, training.batches.next()
    z = torch.zeros(4, 0)
    (D, of_D, logged), (G, of_G, distance) = losses("pix2pix", nets, (real, z, given), l1=30.0, adversarial=2.0)
    assert (nets.discriminator, nets.generator) == (D, G)
    fake = G(z, given)
    assert D(fake, given).shape == (4, 64), "a logit for each patch"
    torch.testing.assert_close(of_D, entropy(D(real, given), 1) + entropy(D(fake, given), 0))
    torch.testing.assert_close(of_G, 2 * entropy(D(fake, given), 1) + 30 * (fake - real).abs().mean())
    torch.testing.assert_close(distance["l1"], (fake - real).abs().mean())
    assert 0 <= float(logged["discriminator_accuracy"]) <= 1


def test_the_generator_is_trained_against_the_updated_discriminator() -> None:
    training = training_of("pix2pix", **{"trainer.mirror": False, "trainer.adversarial": 2.0})
    updates = training.updates(training.batches.fetch)
    module, loss, _ = next(updates)
    training.update(module, loss)
    _, of_G, _ = next(updates)
    training.batches.drawn = 0
    real, given = training.batches.next()
    G, D = training.nets.generator, training.nets.discriminator
    fake = G(torch.zeros(4, 0), given)
    torch.testing.assert_close(of_G, 2 * entropy(D(fake, given), 1) + 100 * (fake - real).abs().mean())


def test_without_an_adversary_the_generator_alone_is_updated() -> None:
    training = training_of("pix2pix", adversarial=0.0)
    before = snapshot(training)
    assert [set(each) for each in run_iterations(training)] == [{"generator"}] * 4
    assert not [name for name in differing(before, training.state()) if name.startswith("networks.discriminator")]


def test_no_loss_at_all_is_refused() -> None:
    with pytest.raises(GanzooError, match="l1=0 and adversarial=0 leave no loss"):
        run_iterations(training_of("pix2pix", adversarial=0.0, l1=0.0))


# CycleGAN


def test_the_losses_of_two_sets_are_those_of_the_paper() -> None:
    training = training_of("cyclegan")
    nets, (b, a) = training.nets, training.batches.next()
    z, G, D = torch.zeros(4, 0), nets.generator, nets.discriminator
    (first, of_G, logged), (second, of_D, _) = losses("cyclegan", nets, (b, z, a), cycle=3.0, identity=2.0)
    assert (first, second) == (G, D)
    made_b, made_a = G(z, a), G.back(b)

    def l1(one: Tensor, other: Tensor) -> Tensor:
        return (one - other).abs().mean()

    adversarial = (D.samples(made_b) - 1).square().mean() + (D.conditions(made_a) - 1).square().mean()
    cycle = l1(G.back(made_b), a) + l1(G(z, made_a), b)
    identity = l1(G(z, b), b) + l1(G.back(a), a)
    torch.testing.assert_close(of_G, adversarial + 3 * cycle + 2 * identity)
    torch.testing.assert_close(logged["cycle"], cycle)
    right = (D.samples(b) - 1).square().mean() + (D.conditions(a) - 1).square().mean()
    wrong = D.samples(made_b).square().mean() + D.conditions(made_a).square().mean()
    torch.testing.assert_close(of_D, (right + wrong) / 2, msg="the pool is not full, so it returns the new images")


def test_both_generators_learn_in_one_update() -> None:
    training = training_of("cyclegan")
    before = snapshot(training)
    run_iterations(training, 1)
    changed = differing(before, training.state())
    for network in ("generator.there", "generator.back", "discriminator.samples", "discriminator.conditions"):
        assert any(name.startswith(f"networks.{network}.net") for name in changed)


def test_identity_needs_equal_channels() -> None:
    grey = replace(UNPAIRED, conditions=pictures(30, (1, 16, 16)), sha256="")
    recipe = resolve(registry().gan("cyclegan"), SMALL["cyclegan"])
    with pytest.raises(GanzooError, match="identity=5 compares images of equal channels, and these have 1 and 3; set"):
        run_iterations(start_training(recipe, grey))
    run_iterations(start_training(resolve(registry().gan("cyclegan"), SMALL["cyclegan"] | {"identity": 0}), grey))


def test_a_pool_returns_old_images_half_of_the_time() -> None:
    torch.manual_seed(0)
    pool = Pool(5, (1, 1, 1))
    stored: list[float] = []
    swaps = 0
    for start in range(1, 800, 4):
        images = torch.arange(start, start + 4.0).reshape(4, 1, 1, 1)
        for new, returned in zip(images.flatten().tolist(), pool(images).flatten().tolist(), strict=True):
            if len(stored) < 5:
                assert returned == new
                stored.append(new)
            elif returned != new:
                stored[stored.index(returned)] = new
                swaps += 1
        assert pool.images.flatten().tolist()[: len(stored)] == stored
    assert int(pool.stored) == 5
    assert 340 < swaps < 450, "of 795"


def test_a_pool_of_nothing_returns_what_it_gets() -> None:
    images = torch.rand(3, 1, 2, 2)
    assert Pool(0, (1, 2, 2))(images) is images


def test_a_full_pool_resumes_to_the_bit() -> None:
    whole, first, second = (training_of("cyclegan") for _ in range(3))
    run_iterations(first, 3)
    assert int(first.nets.discriminator.sample_pool.stored) == 6
    second.load(snapshot(first), "the checkpoint")
    run_iterations(second)
    run_iterations(whole)
    assert differing(whole.state(), second.state()) == []


# Networks


@pytest.mark.parametrize("doubling", ["nearest", "transposed"])
@pytest.mark.parametrize("norm", ["instance", "batch", "pixel"])
def test_a_u_net_takes_any_size(norm: str, doubling: str) -> None:
    make = made_by("pix2pix", "generator", **{"generator.norm": norm, "doubling": doubling, "generator.width": 4})
    G = make(task()).eval()
    for height, width in [(16, 16), (33, 47), (1, 5), (16, 1)]:
        assert G(torch.zeros(2, 0), torch.rand(2, 1, height, width)).shape == (2, 3, height, width)


def reached(net: Callable[[Tensor], Tensor], side: int, multiple: int) -> int:
    """How far from a column of an image its changes are seen."""
    image = torch.rand(1, 1, 1, side, dtype=torch.float64)
    made, distances = net(image), []
    for column in range(side // 2, side // 2 + multiple):
        other = image.clone()
        other[..., column] += 0.1
        seen = (net(other) != made).flatten(0, 2).any(0).nonzero().flatten() - column
        distances += [-int(seen.min()), int(seen.max())]
    return max(distances)


def positive(net: nn.Module) -> nn.Module:
    """The same network with weights for which no rectifier hides anything."""
    for weight in net.parameters():
        weight.data.abs_()
    return net.double().eval()


@pytest.mark.parametrize("doubling", ["nearest", "transposed"])
@pytest.mark.parametrize("depth", [1, 2, 4])
def test_the_reach_of_a_u_net_is_exact(depth: int, doubling: Any) -> None:
    G: Any = positive(
        UNet(1, 1, width=2, depth=depth, norm="pixel", doubling=doubling, dropout=0.0, last=nn.Identity())
    )
    assert G.multiple == 2**depth
    assert reached(lambda image: G(torch.zeros(1, 0), image), 160, G.multiple) == G.reach


@pytest.mark.parametrize("doubling", ["nearest", "transposed"])
@pytest.mark.parametrize(("halvings", "blocks"), [(1, 1), (1, 4), (2, 2)])
def test_the_reach_of_a_residual_network_is_exact(halvings: int, blocks: int, doubling: str) -> None:
    sizes: dict[str, Any] = {"width": 2, "halvings": halvings, "blocks": blocks, "doubling": doubling}
    G: Any = positive(ResNet(1, 1, **sizes, norm="pixel", last=nn.Identity()))
    assert reached(G, 160, G.multiple) == G.reach


@pytest.mark.parametrize("name", ["pix2pix", "cyclegan"])
def test_tiles_make_the_same_where_no_layer_looks_at_the_whole_image(name: str) -> None:
    training = training_of(name, **{"generator.norm": "pixel"})
    run_iterations(training)
    model = training.model()
    given = pictures(1, (DATA[name].conditions.shape[1], 83, 59))  # type: ignore[union-attr]
    np.testing.assert_allclose(model.translated(given, tile=16), model.translated(given), atol=1e-5)
    assert training_of(name).model().metadata.reach is None, "instance normalisation looks at all of it"


@pytest.mark.parametrize(
    ("kernel", "halvings", "field", "side"),
    [(4, 1, 16, 64), (4, 2, 34, 96), (4, 3, 70, 128), (3, 1, 12, 64), (3, 2, 26, 96), (3, 3, 54, 128)],
)
def test_patches_have_the_published_sizes_with_kernels_of_4(kernel: int, halvings: int, field: int, side: int) -> None:
    D = positive(Patches(1, width=2, halvings=halvings, norm="pixel", kernel=kernel))
    image = torch.rand(1, 1, side, side, dtype=torch.float64, requires_grad=True)
    logits = D(image)
    patches = side // 2**halvings - 2 * (kernel - 3)
    assert logits.shape == (1, patches**2)
    middle = logits.unflatten(1, (patches, patches))[0, patches // 2, patches // 2]
    (gradient,) = torch.autograd.grad(middle, image)
    assert int((gradient[0, 0] != 0).any(0).sum()) == field


@pytest.mark.parametrize("name", ["pix2pix", "cyclegan"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"condition": ()}, "makes images from images, and this data set has no such conditions; try --data fluent32"),
        ({"condition": (3,)}, "makes images from images"),
        ({"num_classes": 4}, "makes images from images alone, and this data set also has labels"),
        ({"condition": (1, 8, 16)}, "makes images as large as it is given, and this data set has 16x16 from 8x16"),
    ],
)
def test_other_data_are_refused(name: str, change: dict[str, Any], message: str) -> None:
    for part in ("generator", "discriminator"):
        with pytest.raises(GanzooError, match=message):
            made_by(name, part)(replace(task(), **change))


def test_small_images_are_no_patches() -> None:
    for kernel, halvings, least in ((4, 3, 24), (3, 4, 32)):
        settings = {"discriminator.halvings": halvings, "discriminator.kernel": kernel}
        with pytest.raises(
            GanzooError,
            match=rf"halvings={halvings} needs sides of at least {least}, not 16; set discriminator\.halvings lower",
        ):
            made_by("pix2pix", "discriminator", **settings)(task())
        smaller = made_by("pix2pix", "discriminator", **settings | {"discriminator.halvings": halvings - 1})(task())
        smaller(torch.rand(1, 3, 16, 16), torch.rand(1, 1, 16, 16))


# Both


@pytest.mark.parametrize("name", ["pix2pix", "cyclegan"])
def test_they_keep_the_contract(name: str) -> None:
    check(name, settings={key: value for key, value in SMALL[name].items() if "." in key})


@pytest.mark.parametrize("name", ["pix2pix", "cyclegan"])
def test_an_exported_file_makes_the_same_at_odd_sizes(name: str, tmp_path: Path) -> None:
    training = training_of(name)
    run_iterations(training)
    model, path = training.model(), tmp_path / "x.onnx"
    export(model, path)
    assert check_file(path).free
    sampler = Sampler(path)
    channels = model.metadata.condition[0]
    for count, height, width in [(1, 16, 16), (2, 33, 47), (3, 65, 20), (1, 29, 40)]:
        given = pictures(count, (channels, height, width), height)
        made = sampler.sample(count, conditions=given)
        assert made.shape == (count, 3, height, width)
        np.testing.assert_allclose(made, model.sample(count, conditions=given), atol=1e-5)


def test_the_way_back_is_exported_by_its_name(tmp_path: Path) -> None:
    training = training_of("cyclegan")
    run_iterations(training)
    model, path = training.model(), tmp_path / "back.onnx"
    export(model, path, entry="generator.back")
    assert check_file(path).entry == "generator.back"


def test_the_way_back_is_a_setting_of_sampling(tmp_path: Path) -> None:
    model, path = training_of("cyclegan").model(), tmp_path / "back.onnx"
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 33, 21), np.uint8)
    made = model.with_settings(back=True).translated(images)
    np.testing.assert_allclose(made, model.call("generator.back", images), atol=1e-5)
    assert np.abs(made - model.translated(images)).max() > 1e-2
    export(model.with_settings(back=True), path)
    np.testing.assert_allclose(Sampler(path).translated(images), made, atol=1e-5)


def test_the_way_back_as_a_setting_needs_equal_channels() -> None:
    recipe = resolve(registry().gan("cyclegan"), SMALL["cyclegan"] | {"identity": 0})
    model = start_training(recipe, replace(UNPAIRED, conditions=pictures(30, (1, 16, 16), 1), sha256="")).model()
    with pytest.raises(GanzooError, match="back=true needs conditions and samples of the same channels"):
        model.with_settings(back=True).translated(np.zeros((1, 1, 16, 16), np.uint8))
