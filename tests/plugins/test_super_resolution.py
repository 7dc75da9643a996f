"""srgan and esrgan: their losses by hand, their generator at any size and in tiles, and published weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from click.testing import CliRunner
from ganzoo_plugins.super_resolution import four_halvings, load_published
from ganzoo_plugins.super_resolution.networks import DenseBlock, RRDBNet
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

import ganzoo
from ganzoo.cli import main
from ganzoo.data import Data
from ganzoo.export import check as check_file
from ganzoo.export import export
from ganzoo.generators.onnx_session import Sampler
from ganzoo.parts.task import Task
from ganzoo.registry.recipe import refuse_ignored, resolve
from ganzoo.registry.registry import registry
from ganzoo.testing import check, start_training
from ganzoo.training.loop import Training
from ganzoo.util.errors import GanzooError
from tests.support import differing, run_iterations, snapshot
from tests.support.translation import pictures

PAIRS = Data(name="pairs", samples=pictures(40, (3, 16, 16)), conditions=pictures(40, (3, 4, 4), 1))
NAMES = ("srgan", "esrgan")
SMALL: dict[str, Any] = {
    "generator.blocks": 1,
    "generator.width": 8,
    "generator.growth": 4,
    "discriminator.width": 8,
    "discriminator.units": 6,
    "iterations": 4,
    "batch_size": 4,
}


def training_of(name: str, data: Data = PAIRS, **settings: Any) -> Training:
    return start_training(resolve(registry().gan(name), SMALL | settings), data)


def losses(name: str, training: Training, **settings: Any) -> tuple[list[Any], Tensor, Tensor]:
    """What the trainer yields on one batch, without an update; and the batch."""
    real, given = training.batches.next()
    trainer = registry().part("trainer", name)
    updates = trainer(training.nets, lambda: (real, torch.zeros(4, 0), given), flips=False, **settings)
    return list(updates), real, given


def entropy(logits: Tensor, target: float) -> Tensor:
    probability = torch.sigmoid(logits)
    return -(target * probability.log() + (1 - target) * (1 - probability).log()).mean()


def content(D: Any, fake: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
    """The distances of pixels and of features."""
    levels = [(one - other).abs().mean() for one, other in zip(D.features(fake), D.features(real), strict=True)]
    assert len(levels) == 2
    return (fake - real).abs().mean(), (levels[0] + levels[1]) / 2


# Losses


def test_the_losses_of_srgan() -> None:
    training = training_of("srgan")
    ((D, of_D, _), (G, of_G, logged)), real, given = losses(
        "srgan", training, l1=2.0, adversarial=0.5, feature_matching=3.0
    )
    assert (training.nets.discriminator, training.nets.generator) == (D, G)
    fake = G(torch.zeros(4, 0), given)
    torch.testing.assert_close(of_D, entropy(D(real, given), 1) + entropy(D(fake, given), 0))
    pixels, features = content(D, fake, real)
    torch.testing.assert_close(of_G, 2 * pixels + 0.5 * entropy(D(fake, given), 1) + 3 * features)
    torch.testing.assert_close(logged["l1"], pixels.detach())


def test_the_losses_of_esrgan() -> None:
    training = training_of("esrgan")
    ((G, of_G, _), (D, of_D, _)), real, given = losses(
        "esrgan", training, l1=2.0, adversarial=0.5, feature_matching=3.0
    )
    assert (training.nets.discriminator, training.nets.generator) == (D, G), "G is updated first"
    fake = G(torch.zeros(4, 0), given)
    x, y = D(real, given), D(fake, given)
    pixels, features = content(D, fake, real)
    first, second = entropy(x - y.mean(), 0), entropy(y - x.mean(), 1)
    torch.testing.assert_close(of_G, 2 * pixels + 0.5 * (first + second) / 2 + 3 * features)
    torch.testing.assert_close(of_D, (entropy(x - y.mean(), 1) + entropy(y - x.mean(), 0)) / 2)


def test_both_halves_of_the_relativistic_loss_reach_the_generator() -> None:
    training = training_of("esrgan")
    ((G, of_G, _), _), real, given = losses("esrgan", training, adversarial=1e4, feature_matching=0.0)
    weight = training.nets.generator.conv_last.weight
    (gradient,) = torch.autograd.grad(of_G, weight)
    D = training.nets.discriminator
    fake = G(torch.zeros(4, 0), given)
    x, y = D(real).detach(), D(fake)
    (right,) = torch.autograd.grad((fake - real).abs().mean() + 1e4 * entropy(x - y.mean(), 0) / 2, weight)
    assert (gradient - right).norm() > 0.1 * gradient.norm(), "the second half counts"
    y = D(G(torch.zeros(4, 0), given))
    (right,) = torch.autograd.grad(1e4 * entropy(y - x.mean(), 1) / 2, weight)
    assert (gradient - right).norm() > 0.1 * gradient.norm(), "the first half counts"


@pytest.mark.parametrize("name", NAMES)
def test_the_first_half_trains_on_pixels_alone(name: str) -> None:
    training = training_of(name)
    assert training.recipe.values["trainer"]["adversarial"] == "first-half:0.0..0.005"
    before = snapshot(training)
    assert [set(each) for each in run_iterations(training, 2)] == [{"generator"}] * 2
    assert not [key for key in differing(before, training.state()) if key.startswith("networks.discriminator")]
    assert [set(each) for each in run_iterations(training)] == [{"generator", "discriminator"}] * 2
    ((G, of_G, _),), real, given = losses(name, training, adversarial=0.0, l1=2.0)
    torch.testing.assert_close(of_G, 2 * (G(torch.zeros(4, 0), given) - real).abs().mean())


@pytest.mark.parametrize("name", NAMES)
def test_no_loss_at_all_is_refused(name: str) -> None:
    with pytest.raises(GanzooError, match="l1=0 leaves no loss while adversarial is 0; set one of them above 0"):
        run_iterations(training_of(name, l1=0.0))


@pytest.mark.parametrize("name", NAMES)
def test_features_without_a_discriminator_are_refused(name: str) -> None:
    typed = {"adversarial": 0.0, "feature_matching": 2.0}
    with pytest.raises(GanzooError, match=r"'feature_matching' changes nothing with adversarial=0\.0; leave one of"):
        refuse_ignored(resolve(registry().gan(name), typed), typed, trained_parent=False)


@pytest.mark.parametrize("name", NAMES)
def test_a_discriminator_without_features_will_do_where_they_do_not_count(name: str) -> None:
    other = {**{key: SMALL[key] for key in SMALL if key != "discriminator.units"}, "discriminator": "patches"}
    recipe = resolve(registry().gan(name), other | {"adversarial": 0.1, "discriminator": Flat})
    with pytest.raises(GanzooError, match="needs a network with 'features', and Flat has none"):
        run_iterations(start_training(recipe, PAIRS))
    recipe = resolve(registry().gan(name), other | {"adversarial": 0.1, "discriminator": Flat, "feature_matching": 0})
    run_iterations(start_training(recipe, PAIRS))


class Flat(nn.Module):
    """A linear discriminator."""

    def __init__(self, task: Task, *, width: int = 1) -> None:
        super().__init__()
        self.net = nn.Linear(int(np.prod(task.shape)), width)

    def forward(self, samples: Tensor, *_: Tensor) -> Tensor:
        logits: Tensor = self.net(samples.flatten(1)).mean(1, keepdim=True)
        return logits


def test_the_learning_rate_is_halved_four_times() -> None:
    steps = [four_halvings(iteration / 400_000) for iteration in (49_999, 50_000, 100_000, 200_000, 300_000)]
    assert steps == [1, 1 / 2, 1 / 4, 1 / 8, 1 / 16]


# Networks


def rrdb(factor: int = 4, unshuffle: int = 1, **settings: Any) -> RRDBNet:
    sizes = {"blocks": 1, "width": 2, "growth": 2, "limits": None} | settings
    return RRDBNet(1, 1, factor=factor, unshuffle=unshuffle, **sizes)


def test_the_published_sizes_have_the_published_number_of_weights() -> None:
    with torch.device("meta"):
        net = RRDBNet(3, 3, factor=4, blocks=23, width=64, growth=32, unshuffle=1, limits=None)
    assert sum(weight.numel() for weight in net.parameters()) == 16_697_987
    preset = resolve(registry().gan("esrgan"), preset="published").values["generator"]
    assert preset == {"blocks": 23, "width": 64, "growth": 32, "unshuffle": 1}


def test_blocks_begin_with_small_weights() -> None:
    torch.manual_seed(0)
    block = DenseBlock(64, 32)
    for number in range(1, 6):
        layer: Any = block.get_submodule(f"conv{number}")
        assert float(layer.weight.detach().std()) == pytest.approx(
            0.1 * (2 / (9 * (64 + 32 * (number - 1)))) ** 0.5, rel=0.05
        )
        assert not layer.bias.any()


def test_images_have_limits_in_evaluation_mode_alone() -> None:
    net = rrdb(limits=(0.0, 1.0))
    given, z = torch.randn(2, 1, 5, 5) * 100, torch.zeros(2, 0)
    free, limited = net(z, given), net.eval()(z, given)
    torch.testing.assert_close(limited, free.clamp(0, 1))
    assert not torch.equal(limited, free)


@pytest.mark.parametrize(("factor", "unshuffle"), [(2, 1), (4, 1), (8, 1), (2, 2), (1, 4), (1, 2)])
def test_the_reach_is_that_of_the_layers(factor: int, unshuffle: int) -> None:
    net = rrdb(factor, unshuffle).double()
    for weight in net.parameters():
        weight.data.abs_()
    side, middle = 256, 128
    image = torch.rand(1, 1, 1, side, dtype=torch.float64, requires_grad=True)
    made = net(torch.zeros(1, 0), image)
    assert made.shape == (1, 1, factor, side * factor)
    far = 0
    for column in range(middle, middle + unshuffle):
        for place in range(factor * column, factor * (column + 1)):
            (gradient,) = torch.autograd.grad(made[0, 0, 0, place], image, retain_graph=True)
            seen = gradient[0, 0, 0].nonzero().flatten() - column
            far = max(far, -int(seen.min()), int(seen.max()))
    if unshuffle == 1:
        assert far == net.reach
    else:
        assert far <= net.reach < far + unshuffle


@pytest.mark.parametrize(("factor", "unshuffle"), [(4, 1), (2, 1), (2, 2)])
def test_tiles_make_the_same_as_the_whole(factor: int, unshuffle: int) -> None:
    data = replace(PAIRS, conditions=pictures(40, (3, 16 // factor, 16 // factor), 1), sha256="")
    training = training_of("esrgan", data, **{"unshuffle": unshuffle})
    nn.init.constant_(training.nets.generator.conv_last.bias, 0.5)  # so that few pixels are clamped
    run_iterations(training)
    model = training.model()
    assert (model.metadata.scale, model.metadata.multiple) == (factor, unshuffle)
    given = pictures(1, (3, 83, 59))
    whole = model.translated(given)
    assert whole.shape == (1, 3, 83 * factor, 59 * factor)
    assert whole.std() > 0.001
    np.testing.assert_allclose(model.translated(given, tile=16), whole, rtol=0, atol=2e-6)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("part", ["generator", "discriminator"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"condition": ()}, "enlarges images, and this data set has no smaller ones; try --data lowres:emoji32"),
        ({"condition": (3,)}, "enlarges images, and this data set has no smaller ones"),
        ({"num_classes": 4}, "enlarges images and takes no labels, and this data set has some"),
        ({"condition": (3, 8, 4)}, "enlarges both sides alike, and this data set has 16x16 from 8x4"),
        ({"condition": (3, 5, 5)}, "enlarges both sides alike, and this data set has 16x16 from 5x5"),
    ],
)
def test_other_data_are_refused(name: str, part: str, change: dict[str, Any], message: str) -> None:
    task = Task(shape=(3, 16, 16), range=(0.0, 1.0), latent_dim=0, condition=(3, 4, 4))
    resolve(registry().gan(name)).call(part, task)
    with pytest.raises(GanzooError, match=message):
        resolve(registry().gan(name)).call(part, replace(task, **change))


@pytest.mark.parametrize(
    ("side", "unshuffle", "factor"), [(16, 1, "1 times: a factor of 1"), (1, 1, "16 times"), (4, 3, "12 times")]
)
def test_other_factors_are_refused(side: int, unshuffle: int, factor: str) -> None:
    task = Task(shape=(3, 16, 16), range=(0.0, 1.0), latent_dim=0, condition=(3, side, side))
    with pytest.raises(GanzooError, match=f"enlarges 2, 4 or 8 times, and not {factor}"):
        resolve(registry().gan("esrgan"), {"unshuffle": unshuffle}).call("generator", task)


# Both


@pytest.mark.parametrize("name", NAMES)
def test_they_keep_the_contract(name: str) -> None:
    check(name, settings={key: value for key, value in SMALL.items() if "." in key})


@pytest.mark.parametrize("unshuffle", [1, 2])
def test_an_exported_file_makes_the_same_at_odd_sizes(unshuffle: int, tmp_path: Path) -> None:
    training = training_of("esrgan", unshuffle=unshuffle)
    run_iterations(training)
    same_when_exported(training.model(), tmp_path / "x.onnx")


def same_when_exported(model: Any, path: Path) -> None:
    export(model, path)
    assert check_file(path).free
    sampler, scale = Sampler(path), model.metadata.scale
    for count, height, width in [(1, 16, 16), (2, 13, 27), (3, 25, 1), (1, 9, 20)]:
        given = pictures(count, (3, height, width), height)
        made = sampler.sample(count, conditions=given)
        assert made.shape == (count, 3, scale * height, scale * width)
        np.testing.assert_allclose(made, model.sample(count, conditions=given), atol=1e-5)


# Published weights

Tensors = dict[str, Tensor]
BLOCKS, WIDTH, GROWTH = 2, 6, 4


def synthetic(doublings: int = 2, unshuffle: int = 1) -> Tensors:
    """Random weights under the names of BasicSR."""
    generator = torch.Generator().manual_seed(0)
    shapes = {"conv_first": (3 * unshuffle**2, WIDTH), "conv_body": (WIDTH, WIDTH), "conv_hr": (WIDTH, WIDTH)}
    shapes |= {"conv_last": (WIDTH, 3)} | {f"conv_up{one + 1}": (WIDTH, WIDTH) for one in range(doublings)}
    for block in range(BLOCKS):
        for dense in (1, 2, 3):
            for layer in range(5):
                sizes = WIDTH + layer * GROWTH, GROWTH if layer < 4 else WIDTH
                shapes[f"body.{block}.rdb{dense}.conv{layer + 1}"] = sizes
    made = {}
    for name, (inputs, outputs) in shapes.items():
        made[f"{name}.weight"] = torch.randn(outputs, inputs, 3, 3, generator=generator) * (2 / (9 * inputs)) ** 0.5
        made[f"{name}.bias"] = torch.randn(outputs, generator=generator) * 0.1
    return made


def enlarged(tensors: Tensors, images: Tensor, doublings: int = 2, unshuffle: int = 1) -> Tensor:
    """ESRGAN's generator written out, from weights under the names of BasicSR."""

    def conv(name: str, x: Tensor) -> Tensor:
        return F.conv2d(x, tensors[f"{name}.weight"], tensors[f"{name}.bias"], padding=1)

    def lrelu(x: Tensor) -> Tensor:
        return torch.where(x > 0, x, 0.2 * x)

    n, c, h, w = images.shape
    u = unshuffle
    squares = images.reshape(n, c, h // u, u, w // u, u).permute(0, 1, 3, 5, 2, 4).reshape(n, c * u * u, h // u, w // u)
    first = conv("conv_first", squares)
    x = first
    for block in range(BLOCKS):
        begin = x
        for dense in (1, 2, 3):
            name, before = f"body.{block}.rdb{dense}", x
            x1 = lrelu(conv(f"{name}.conv1", x))
            x2 = lrelu(conv(f"{name}.conv2", torch.cat([x, x1], 1)))
            x3 = lrelu(conv(f"{name}.conv3", torch.cat([x, x1, x2], 1)))
            x4 = lrelu(conv(f"{name}.conv4", torch.cat([x, x1, x2, x3], 1)))
            x = before + 0.2 * conv(f"{name}.conv5", torch.cat([x, x1, x2, x3, x4], 1))
        x = begin + 0.2 * x
    x = first + conv("conv_body", x)
    for one in range(doublings):
        x = lrelu(conv(f"conv_up{one + 1}", x.repeat_interleave(2, 2).repeat_interleave(2, 3)))
    return conv("conv_last", lrelu(conv("conv_hr", x))).clamp(0, 1)


def first_release(tensors: Tensors) -> Tensors:
    """The same under the names of the first release: all layers in one sequence, in which doublings count too."""
    ups = sum(name.startswith("conv_up") for name in tensors) // 2
    places = {"conv_first": "0", "conv_body": f"1.sub.{BLOCKS}", "conv_hr": f"{3 * ups + 2}"}
    places |= {"conv_last": f"{3 * ups + 4}"} | {f"conv_up{one + 1}": f"{3 * one + 3}" for one in range(ups)}

    def name(old: str) -> str:
        layer, _, kind = old.rpartition(".")
        if layer.startswith("body."):
            _, block, dense, conv = layer.split(".")
            return f"model.1.sub.{block}.{dense.upper()}.{conv}.0.{kind}"
        return f"model.{places[layer]}.{kind}"

    return {name(old): tensor for old, tensor in tensors.items()}


def esrgans(tensors: Tensors) -> Tensors:
    """The same under the names of ESRGAN."""
    changes = (("body.", "RRDB_trunk."), (".rdb", ".RDB"), ("conv_body", "trunk_conv"), ("conv_up", "upconv"))

    def name(old: str) -> str:
        if not old.startswith("conv_body"):
            old = old.replace("conv_hr", "HRconv")
        for before, after in changes:
            old = old.replace(before, after)
        return old.replace("conv_RRDB_trunk.", "trunk_conv.")

    return {name(old): tensor for old, tensor in tensors.items()}


def same(tensors: Tensors) -> Tensors:
    return tensors


def written(path: Path, tensors: Tensors) -> Path:
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
    return path


@pytest.mark.parametrize(("doublings", "unshuffle"), [(2, 1), (2, 2), (2, 4), (1, 1)])
@pytest.mark.parametrize("style", [first_release, esrgans, same])
def test_published_weights_make_the_same(
    style: Callable[[Tensors], Tensors], doublings: int, unshuffle: int, tmp_path: Path
) -> None:
    tensors = synthetic(doublings, unshuffle)
    renamed = style(tensors)
    assert len(renamed) == len(tensors)
    model = load_published(written(tmp_path / "x.safetensors", renamed))
    given = np.random.default_rng(0).random((2, 3, 12, 16), np.float32)
    made = model.sample(2, conditions=given)
    right = enlarged(tensors, torch.from_numpy(given), doublings, unshuffle).numpy()
    assert right.std() > 0.05
    assert made.shape == right.shape == (2, 3, 12 * 2**doublings // unshuffle, 16 * 2**doublings // unshuffle)
    np.testing.assert_allclose(made, right, atol=1e-5)


def test_the_names_are_those_that_are_published() -> None:
    tensors = synthetic()
    old, new = first_release(tensors), esrgans(tensors)
    outside = {name for name in old if ".RDB" not in name and name.endswith("weight")}
    assert outside == {f"model.{place}.weight" for place in ("0", "1.sub.2", "3", "6", "8", "10")}
    assert "model.1.sub.1.RDB3.conv5.0.bias" in old
    outside = {name.removesuffix(".weight") for name in new if ".RDB" not in name and name.endswith("weight")}
    assert outside == {"conv_first", "trunk_conv", "upconv1", "upconv2", "HRconv", "conv_last"}
    assert "RRDB_trunk.1.RDB3.conv5.bias" in new


def test_a_published_generator_is_saved_sampled_and_exported(tmp_path: Path) -> None:
    model = load_published(written(tmp_path / "real.safetensors", synthetic()))
    assert (model.metadata.gan, model.metadata.data.name, model.metadata.reach) == ("esrgan", "real", 4 + 15 * BLOCKS)
    assert model.metadata.settings["generator.growth"] == GROWTH
    model.save(tmp_path / "own.safetensors")
    again = ganzoo.load(tmp_path / "own.safetensors")
    assert again.metadata == model.metadata
    given = pictures(1, (3, 20, 33))
    np.testing.assert_array_equal(again.translated(given), model.translated(given))
    np.testing.assert_allclose(model.translated(given, tile=8), model.translated(given), rtol=0, atol=2e-6)
    same_when_exported(again, tmp_path / "x.onnx")
    Image.fromarray(given[0].transpose(1, 2, 0)).save(tmp_path / "small.png")
    command = ["sample", str(tmp_path / "own.safetensors"), "--input", str(tmp_path / "small.png"), "--tile", "16"]
    result = CliRunner().invoke(main, [*command, "-o", str(tmp_path / "large.png")])
    assert result.exit_code == 0, result.output
    with Image.open(tmp_path / "large.png") as large:
        assert large.size == (132, 80)


def test_wrappers_are_taken_off(tmp_path: Path) -> None:
    tensors = synthetic()
    averaged = {f"params_ema.module.{name}": tensor for name, tensor in tensors.items()}
    others = {f"params.module.{name}": tensor + 1 for name, tensor in tensors.items()}
    path = written(tmp_path / "x.safetensors", averaged | others)
    with pytest.warns(UserWarning, match=rf"{len(others)} tensors outside params_ema are left out"):
        model = load_published(path)
    given = np.random.default_rng(0).random((1, 3, 8, 8), np.float32)
    right = enlarged(tensors, torch.from_numpy(given)).numpy()
    np.testing.assert_allclose(model.sample(1, conditions=given), right, atol=1e-5)
    alone = written(tmp_path / "y.safetensors", {f"params.{name}": tensor for name, tensor in tensors.items()})
    np.testing.assert_array_equal(load_published(alone).sample(1, conditions=given), model.sample(1, conditions=given))


def test_half_precision_becomes_float32(tmp_path: Path) -> None:
    tensors = {name: tensor.half() for name, tensor in synthetic().items()}
    model = load_published(written(tmp_path / "x.safetensors", tensors))
    for name, weight in model.networks.generator.state_dict().items():
        assert weight.dtype == torch.float32
        assert torch.equal(weight, tensors[name].float())


def without(tensors: Tensors, *names: str) -> Tensors:
    return {name: tensor for name, tensor in tensors.items() if name not in names}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda t: {}, "it lacks the layer conv_first"),
        (lambda t: without(t, "conv_first.weight"), "it lacks the layer conv_first"),
        (lambda t: without(t, "body.1.rdb2.conv4.bias"), r"it lacks 'body\.1\.rdb2\.conv4\.bias' of 2 blocks"),
        (lambda t: without(t, "conv_hr.bias"), r"it lacks 'conv_hr\.bias'"),
        (lambda t: {name: v for name, v in t.items() if "conv_up" not in name}, "0 doublings of 3 input channels make"),
        (
            lambda t: t | {"body.3.rdb1.conv1.bias": torch.zeros(GROWTH)},
            r"it lacks 'body\.2\.rdb1\.conv1\.bias' of 3 blocks",
        ),
        (lambda t: t | {"conv_hr.bias": torch.zeros(5)}, r"'conv_hr\.bias' has the shape \(5,\), expected \(6,\)"),
        (lambda t: t | {"conv_first.weight": torch.zeros(6, 5, 3, 3)}, "2 doublings of 5 input channels make"),
        (lambda t: t | {"conv_last.weight": torch.zeros(0, 6, 3, 3)}, "make no enlarged image of 0"),
        (lambda t: t | {"conv_last.weight": torch.zeros(3)}, "it lacks the layer conv_last"),
        (lambda t: t | {"conv_up4.bias": torch.zeros(6)}, r"'conv_up4\.bias' is one too many for 2 blocks"),
        (lambda t: t | {"body.0.weight": torch.zeros(6)}, r"'body\.0\.weight' is no tensor of an RRDB network"),
        (lambda t: t | {"HRconv.bias": torch.zeros(6)}, "is there a second time under another name"),
        (lambda t: t | {"conv_hr.bias": torch.zeros(6, dtype=torch.int8)}, "holds int8, not floating point"),
        (lambda t: t | {"conv_hr.bias": torch.full((6,), torch.nan)}, "holds values that are not finite"),
        (lambda t: first_release(t) | {"model.12.weight": torch.zeros(6)}, "does not fit esrgan: "),
    ],
)
def test_other_weights_are_refused_in_one_line(change: Any, reason: str, tmp_path: Path) -> None:
    path = written(tmp_path / "x.safetensors", change(synthetic()))
    with pytest.raises(GanzooError, match=rf"^{path} does not fit esrgan: .*{reason}|{reason}") as error:
        load_published(path)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300


def test_other_files_are_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.pth").write_bytes(b"PK\x03\x04" + bytes(1000))
    for name in ("x.pth", "missing.safetensors", "."):
        with pytest.raises(GanzooError, match=r"is no readable safetensors file \(.*esrgan\.md says how to") as error:
            load_published(tmp_path / name)
        assert "\n" not in str(error.value)
