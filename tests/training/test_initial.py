"""Trained weights that a training begins with, and layers that are not trained."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

import ganzoo
from ganzoo.data import Data
from ganzoo.generators.weights import Model, save_weights
from ganzoo.parts import augmentable, bce
from ganzoo.parts.networks import Networks
from ganzoo.registry.registry import registry
from ganzoo.training.initial import Initial, begin, chosen_layers, layers_of, read_initial
from ganzoo.training.loop import Training
from ganzoo.util.errors import GanzooError
from tests.support import differing, images, parent_for, run_iterations, small_training, snapshot

WIDE = {"generator.widths": (16, 16), "discriminator.widths": (16, 16)}


@pytest.fixture(scope="module")
def trained(tiny: Data) -> Model:
    """A generator and a discriminator with batch normalisation, after three iterations."""
    training = small_training("simple", tiny, seed=1, iterations=3, **WIDE)
    run_iterations(training)
    return training.model()


def tensors(training: Training, part: str = "networks") -> dict[str, Tensor]:
    found = training.state().items()
    return {name.removeprefix(f"{part}."): each.clone() for name, each in found if name.startswith(f"{part}.")}


def tensors_of(model: Model) -> dict[str, Tensor]:
    return {name: each.clone() for name, each in model.networks.state_dict().items()}


# Trained weights.


def test_a_training_begins_with_the_averaged_generator_and_the_discriminator(tiny: Data, trained: Model) -> None:
    training = small_training("simple", tiny, seed=2, init=trained, **WIDE)
    assert differing(tensors(training), tensors_of(trained)) == []
    average = {f"generator.{name}": each for name, each in tensors(training, "average").items()}
    assert differing(average, {k: v for k, v in tensors_of(trained).items() if k.startswith("generator")}) == []
    assert tensors(training, "optimizer") == {}, "optimizers are new"
    assert training.generator(torch.zeros(2, 8)).equal(trained.networks.generator(torch.zeros(2, 8)))
    assert training.beginning.lines == [
        "Begins with the weights of simple in the given weights: 16 of 16 tensors of the generator, 1,568 of 1,568 "
        "parameters; 6 of 6 tensors of the discriminator, 1,329 of 1,329 parameters"
    ]


def test_the_weights_that_are_given_do_not_change(tiny: Data, trained: Model) -> None:
    before = tensors_of(trained)
    run_iterations(small_training("simple", tiny, init=trained, iterations=2, **WIDE))
    assert differing(tensors_of(trained), before) == []


def test_layers_of_another_size_stay_as_they_are(trained: Model) -> None:
    """The image is larger, so the last layer of G and the first of D differ, of which biases or weights would fit."""
    larger = images(1, 12, 12)
    new, begun = (tensors(small_training("simple", larger, **WIDE, **given)) for given in ({}, {"init": trained}))
    others = ["discriminator.1.bias", "discriminator.1.weight", "generator.6.bias", "generator.6.weight"]
    assert differing(begun, tensors_of(trained)) == others
    assert differing({name: begun[name] for name in others}, {name: new[name] for name in others}) == []
    (line,) = small_training("simple", larger, init=trained, **WIDE).beginning.lines
    assert (
        "14 of 16 tensors of the generator, 480 of 2,928 parameters (not generator.6.weight, generator.6.bias)" in line
    )
    assert "4 of 6 tensors of the discriminator, 289 of 2,609 parameters (not discriminator.1.weight, " in line
    assert line.endswith("4 other tensors of the file are not used")


def test_counters_of_a_normalisation_that_does_not_fit_stay_too(tiny: Data, trained: Model) -> None:
    narrow = small_training("simple", tiny, init=trained, **{**WIDE, "generator.widths": (16, 24)})
    state = tensors(narrow)
    assert state["generator.1.num_batches_tracked"] == 6, "two passes in each of three iterations"
    assert state["generator.4.num_batches_tracked"] == 0


def test_weights_of_another_gan_are_taken_where_they_fit(tiny: Data, trained: Model) -> None:
    training = small_training("lsgan", tiny, init=trained, generator="dense", discriminator="dense", **WIDE)
    assert differing(tensors(training), tensors_of(trained)) == []


def test_another_range_of_images_is_said(tiny: Data, trained: Model) -> None:
    (line,) = small_training("simple", tiny, init=trained, pixel_range="unit", **WIDE).beginning.lines
    assert line.endswith("; they were trained with pixel_range=signed, and this is unit")


def test_weights_of_which_nothing_fits_are_refused(tiny: Data, trained: Model) -> None:
    sizes = {"generator.width": 4, "discriminator.width": 4, "batch_size": 4}
    with pytest.raises(GanzooError, match=r"of simple, fits the networks of dcgan: .* leave out --init, or train"):
        ganzoo.train("dcgan", images(1, 8, 8), init=trained, **sizes)


def test_int8_weights_have_no_discriminator(tmp_path: Path, tiny: Data, trained: Model) -> None:
    save_weights(path := tmp_path / "x.safetensors", trained, quantized=True, discriminator=False)
    new, begun = (small_training("simple", tiny, **WIDE, **given) for given in ({}, {"init": path}))
    changed = differing(tensors(begun), tensors(new))
    assert changed and all(name.startswith("generator.") for name in changed)
    assert "the discriminator stays random, since the file has none" in begun.beginning.lines[0]


def test_the_same_file_is_read_in_all_processes(
    tmp_path: Path, trained: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained.save(path := tmp_path / "x.safetensors")
    initial = read_initial(str(path))
    assert (initial.source, initial.sha256) == (str(path), hashlib.sha256(path.read_bytes()).hexdigest())

    class OtherRanks:
        def on_rank_zero(self, function: Callable[[], Any]) -> Any:
            return [str(path), "0" * 64]

    monkeypatch.setattr("ganzoo.training.initial.current_ranks", OtherRanks)
    with pytest.raises(GanzooError, match="is another file in rank 0"):
        read_initial(str(path))


def test_weights_that_are_not_finite_are_refused(tiny: Data, trained: Model) -> None:
    broken = replace(trained, networks=small_training("simple", tiny, **WIDE).nets)
    with torch.no_grad():
        broken.networks.generator[0].bias[0] = torch.nan
    with pytest.raises(GanzooError, match=r"'generator\.0\.bias' in the given weights is not finite"):
        small_training("simple", tiny, init=broken, **WIDE)


def test_something_else_than_weights_is_refused(tiny: Data, trained: Model) -> None:
    with pytest.raises(GanzooError, match=r"init is a Networks; give a path or name, or what ganzoo\.load returns"):
        small_training("simple", tiny, init=trained.networks)


def test_the_networks_of_a_parent_are_left_alone(tiny: Data) -> None:
    small = {f"{part}.widths": (16,) for part in ("parent.generator", "parent.discriminator")}
    options = {"iterations": 1, "parent.latent_dim": 8, **small}
    recipe = small_training("privileged-v1-ann", tiny, parent_training="joint", **options).recipe
    one, other = (parent_for(replace(recipe), data) for data in (tiny, images(1, 8, 8)))
    first = small_training("privileged-v1-ann", tiny, parent=one)
    run_iterations(first, 1)
    second = tensors(small_training("privileged-v1-ann", tiny, parent=other, init=first.model()))
    parent = other.networks.generator.state_dict()
    assert differing({name: second[f"generator.parent.{name}"] for name in parent}, parent) == []
    own = {name: each for name, each in tensors(first).items() if name.startswith("discriminator.")}
    assert differing({name: second[name] for name in own}, own) == []


# Layers that are not trained.


def test_frozen_layers_and_their_statistics_stay(tiny: Data, trained: Model) -> None:
    """FreezeD (Mo et al., 2020): the first layers of D; here also the first of G, with its batch normalisation."""
    freeze = ["discriminator.0", "generator.0-1"]
    training = small_training("simple", tiny, init=trained, freeze=freeze, iterations=3, **WIDE)
    before = tensors(training)
    run_iterations(training)
    changed = differing(tensors(training), before)
    fixed = {"discriminator.1.", "generator.0.", "generator.1."}
    assert sorted(before.keys() - set(changed)) == sorted(
        name for name in before if any(name.startswith(each) for each in fixed)
    )
    average = tensors(training, "average")
    assert average["0.weight"].equal(before["generator.0.weight"])
    frozen = [*training.nets.generator[:2].parameters(), *training.nets.discriminator[1].parameters()]
    assert all(weight.grad is None and not weight.requires_grad for weight in frozen)
    assert [len(weights) for weights in training.weights.values()] == [6, 4]
    assert training.beginning.lines[1:] == [
        "Not trained: 2 of 5 layers of the generator (0, 1), 176 of 1,568 parameters",
        "Not trained: 1 of 3 layers of the discriminator (1), 1,040 of 1,329 parameters",
    ]


@pytest.mark.parametrize("number", [0, 1, 2])
def test_resuming_freezes_again_and_changes_no_bit(tiny: Data, trained: Model, number: int) -> None:
    freeze = ["discriminator.1", "generator.0-1"]
    whole = small_training("simple", tiny, init=trained, freeze=freeze, iterations=3, **WIDE)
    run_iterations(whole, number)
    checkpoint = snapshot(whole)
    resumed = Training(whole.recipe, tiny, whole.device, initial=Initial(freeze=freeze))
    resumed.load(checkpoint, "the checkpoint")
    assert run_iterations(resumed) == run_iterations(whole)
    assert differing(resumed.state(), whole.state()) == []


class Blocks(nn.Module):
    """Layers of several kinds: with a parameter of its own, with a spectral norm, and within a block."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.first = spectral_norm(nn.Linear(4, 4, bias=False))
        self.block = nn.Sequential(nn.Linear(4, 4), nn.Dropout(), nn.BatchNorm1d(4))
        self.blocks = spectral_norm(nn.Linear(4, 1))


@pytest.fixture
def blocks() -> Networks:
    return Networks(nn.Linear(2, 4), Blocks(), latent_dim=2)


def test_layers_are_those_with_parameters_in_the_order_of_their_definition(blocks: Networks) -> None:
    assert [(layer.network, layer.name, layer.kind, layer.size) for layer in layers_of(blocks)] == [
        ("generator", "", "Linear", 12),
        ("discriminator", "", "Blocks", 1),
        ("discriminator", "first", "Linear", 16),
        ("discriminator", "block.0", "Linear", 20),
        ("discriminator", "block.2", "BatchNorm1d", 8),
        ("discriminator", "blocks", "Linear", 5),
    ]


@pytest.mark.parametrize(
    ("freeze", "expected"),
    [
        (["discriminator.0"], [""]),
        (["discriminator.1-2"], ["first", "block.0"]),
        (["discriminator.block"], ["block.0", "block.2"]),
        (["discriminator.block.2", "discriminator.first"], ["first", "block.2"]),
        (["discriminator.blocks", "discriminator.3-4"], ["block.2", "blocks"]),
    ],
)
def test_layers_are_named_by_place_or_name(blocks: Networks, freeze: list[str], expected: list[str]) -> None:
    assert [layer.name for layer in chosen_layers(list(layers_of(blocks)), blocks, freeze)] == expected


@pytest.mark.parametrize(
    ("freeze", "message"),
    [
        ("critic.0", "--freeze critic.0: there is no such network; it begins with generator or discriminator"),
        ("discriminators", "there is no such network"),
        ("discriminator.5", "the discriminator has the layers 0 to 4"),
        ("discriminator.3-2", "the discriminator has the layers 0 to 4"),
        ("discriminator.bloc", "the discriminator has no layers of that name; give their places, such as"),
        ("discriminator.block.1", "the discriminator has no layers of that name"),
        ("discriminator.", "freezes the whole discriminator"),
        ("discriminator", "freezes the whole discriminator, whose updates would change nothing; freeze some of its 5"),
        ("discriminator.0-4", "freezes the whole discriminator"),
        ("generator.0", "freezes the whole generator"),
        ("discriminator.0 discriminator.1-4", "--freeze discriminator.1-4 freezes the whole discriminator"),
        ("discriminator.0-1 discriminator.first", "--freeze discriminator.first freezes nothing that is not frozen"),
    ],
)
def test_layers_that_cannot_be_frozen(blocks: Networks, freeze: str, message: str) -> None:
    with pytest.raises(GanzooError) as caught:
        chosen_layers(list(layers_of(blocks)), blocks, freeze.split())
    assert message in str(caught.value)


def test_what_is_inside_a_frozen_module_is_in_evaluation_mode(blocks: Networks) -> None:
    recipe = small_training("simple", images(1, 8, 8)).recipe
    begin(blocks, recipe, Initial(freeze=["discriminator.0", "discriminator.first", "discriminator.block"]))
    D = blocks.eval().train().discriminator
    modes = {name: module.training for name, module in D.named_modules()}
    assert modes["blocks"] and modes[""], "the rest of D is trained"
    assert not any(modes[name] for name in ("first", "first.parametrizations.weight.0", "block", "block.1", "block.2"))


def test_frozen_layers_are_those_of_trained_weights(tiny: Data, trained: Model) -> None:
    with pytest.raises(GanzooError, match=r"freezing generator\.0 would keep random weights for good; begin with"):
        small_training("simple", tiny, freeze="generator.0")
    with pytest.raises(GanzooError, match=r"would keep the random weights of discriminator\.1, which the given"):
        small_training("simple", images(1, 12, 12), init=trained, freeze=["discriminator.0-1"], **WIDE)


def test_an_update_of_frozen_weights_alone_is_refused(tiny: Data, trained: Model) -> None:
    def first_layer(nets: Networks, draw: Any) -> Iterator[Any]:
        real, _ = draw()
        yield nets.discriminator[1], nets.discriminator(real).mean()

    gan = replace(registry().gan("simple"), trainer=first_layer, settings={"lr": 1e-3})
    training = small_training(gan, tiny, init=trained, freeze=["discriminator.0"], **WIDE)
    with pytest.raises(GanzooError, match=r"updates discriminator\.1, of which no weight is trained; freeze less"):
        next(training)


class WithEntry(nn.Module):
    """A discriminator whose first module is where it is augmented."""

    def __init__(self) -> None:
        super().__init__()
        self.features, self.logits = nn.Sequential(nn.Flatten(), nn.Linear(64, 4)), nn.Linear(4, 1)

    @property
    def entry(self) -> nn.Module:
        return self.features

    def forward(self, samples: Tensor) -> Tensor:
        return self.logits(self.features(samples))  # type: ignore[no-any-return]


def test_a_frozen_entry_is_augmented_all_the_same(tiny: Data) -> None:
    class Counted(nn.Module):
        calls = 0

        def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
            Counted.calls += 1
            return given

    @augmentable
    def train(nets: Networks, draw: Any) -> Iterator[Any]:
        real, z = draw()
        yield nets.discriminator, bce(nets.discriminator(real), 1)
        yield nets.generator, bce(nets.discriminator(nets.generator(z)), 1)

    gan = replace(
        registry().gan("simple"),
        discriminator=lambda task: WithEntry(),
        trainer=train,
        augmentation=lambda task: Counted(),
        settings={"lr": 1e-3},
    )
    options = {"device": "cpu", "precision": "fp32", "batch_size": 4, "latent_dim": 4, "generator.widths": (8,)}
    model = ganzoo.train(gan, tiny, **options).model()
    next(ganzoo.train(gan, tiny, init=model, freeze=["discriminator.features"], **options))
    assert Counted.calls == 2
