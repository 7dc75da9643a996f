from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from ganzoo.data import Data
from ganzoo.parts.networks import state_tensors
from ganzoo.parts.task import Task
from ganzoo.registry.recipe import resolve
from ganzoo.registry.registry import registry
from ganzoo.training.device import choose_device
from ganzoo.training.loop import Training
from ganzoo.util.errors import GanzooError
from tests.support import differing, images, parent_for, run_iterations, small_training, snapshot

WIDTHS = {f"{owner}{part}.widths": (16,) for owner in ("", "parent.") for part in ("generator", "discriminator")}
JOINT = WIDTHS | {"parent_training": "joint"}


def start_after_its_parent(data: Data, name: str = "privileged-v1-ann", **settings: Any) -> Training:
    """A child over a parent that stays as it is."""
    parent = parent_for(resolve(registry().gan(name), WIDTHS | {"latent_dim": 8, "parent.latent_dim": 8}), data)
    own = {key: value for key, value in (WIDTHS | settings).items() if not key.startswith("parent.")}
    return small_training(name, data, parent=parent, **own)


def trained(training: Training) -> dict[str, torch.Tensor]:
    run_iterations(training)
    return snapshot(training)


def test_jointly_four_networks_are_updated(tiny: Data) -> None:
    training = small_training("privileged-v1-ann", tiny, iterations=1, **JOINT)
    before = {name: [w.clone() for w in weights] for name, weights in training.weights.items()}
    assert set(before) == {"generator", "discriminator", "parent.generator", "parent.discriminator"}
    (losses,) = run_iterations(training)
    assert set(losses) == set(before)
    for name, weights in training.weights.items():
        assert not any(torch.equal(a, b) for a, b in zip(before[name], weights, strict=True)), name


def test_a_parent_need_not_have_been_saved(tiny: Data) -> None:
    """The model of a training can be a parent, and its training continues independently."""
    first = small_training("simple", tiny, iterations=3)
    run_iterations(first, 2)
    before = snapshot(first)
    child = small_training("privileged-v1-ann", tiny, iterations=1, parent=first.model())
    assert set(run_iterations(child)[0]) == {"generator", "discriminator"}
    assert differing(first.state(), before) == []
    run_iterations(first)
    assert "networks.discriminator.1.weight" in differing(first.state(), before)


def test_the_parents_weights_are_updated_by_the_parent_alone(tiny: Data) -> None:
    """The child's generator contains its parent's, which the child's update does not change."""
    training = small_training("privileged-v1-ann", tiny, **JOINT)
    ids = [id(weight) for weights in training.weights.values() for weight in weights]
    assert len(ids) == len(set(ids))
    assert training.nets.generator.parent is training.nets.parent.generator


def test_a_parent_that_was_trained_first_does_not_change(tiny: Data) -> None:
    training = start_after_its_parent(tiny, iterations=3, parent_signal="failures")
    before = {name: tensor.clone() for name, tensor in state_tensors(training.nets.parent).items()}
    assert any("running_mean" in name for name in before)
    run_iterations(training)
    assert differing(state_tensors(training.nets.parent), before) == []
    assert set(training.weights) == {"generator", "discriminator"}


@pytest.mark.parametrize("parent_training", ["joint", "first"])
def test_the_offset_changes_nothing(tiny: Data, parent_training: str) -> None:
    """The published version 2 adds a number to a loss: the networks are those of version 1, bit for bit."""
    start = start_after_its_parent if parent_training == "first" else start_jointly
    none, offset = (start(tiny, iterations=3, parent_signal=signal) for signal in ("none", "offset"))
    losses = run_iterations(none), run_iterations(offset)
    assert differing(none.state(), offset.state()) == []
    assert (losses[0] == losses[1]) == (parent_training == "first"), "side by side, the loss that is shown is larger"


def start_jointly(data: Data, **settings: Any) -> Training:
    return small_training("privileged-v1-ann", data, **JOINT | settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"parent_signal": "failures"},
        {"parent_signal": "critic"},
        {"child_fake": "noise"},
        {"reconstruction": 1.0},
        {"penalty": 1.0},
    ],
)
@pytest.mark.parametrize("start", [start_after_its_parent, start_jointly])
def test_every_other_choice_has_an_effect(tiny: Data, start: Any, settings: dict[str, Any]) -> None:
    changed = differing(trained(start(tiny, iterations=2)), trained(start(tiny, iterations=2, **settings)))
    assert any(name.startswith("networks.generator.child") for name in changed)


@pytest.mark.parametrize("signal", ["failures", "critic"])
def test_a_signal_of_weight_zero_changes_nothing(tiny: Data, signal: str) -> None:
    none = start_after_its_parent(tiny, iterations=1)
    weightless = start_after_its_parent(tiny, iterations=1, parent_signal=signal, signal_weight=0.0)
    assert run_iterations(none)[0]["discriminator"] == run_iterations(weightless)[0]["discriminator"]


def test_the_child_works_on_the_parents_images(tiny: Data) -> None:
    training = start_after_its_parent(tiny, iterations=2)
    run_iterations(training)
    model = training.model()
    z = torch.randn(5, 8, generator=torch.Generator().manual_seed(0))
    generator = model.generator()
    assert torch.equal(generator(z), generator.child(generator.parent(z)))
    assert not np.allclose(model.sample(range(5)), model.sample(range(5), stage="parent"))


@pytest.mark.parametrize(("channels", "size"), [(1, 28), (3, 32), (1, 8)])
def test_convolutional_families_fit_the_image(channels: int, size: int) -> None:
    narrow = {f"{owner}{part}.width": 2 for owner in ("", "parent.") for part in ("generator", "discriminator")}
    recipe = resolve(
        registry().gan("privileged-v2-cnn"), narrow | {"batch_size": 4, "iterations": 1, "parent_training": "joint"}
    )
    training = Training(recipe, images(channels, size, size), choose_device("cpu", "fp32"))
    assert set(run_iterations(training)[0]) == set(training.weights)
    assert training.model().sample(range(3)).shape == (3, channels, size, size)


@pytest.mark.parametrize("shape", [(1, 30, 30), (1, 4, 4), (2,)])
def test_other_images_are_refused(shape: tuple[int, ...]) -> None:
    recipe = resolve(registry().gan("privileged-parent-cnn"))
    with pytest.raises(GanzooError, match="multiples of 4, from 8 on, not " + "x".join(map(str, shape))):
        recipe.call("generator", Task(shape=shape, range=(-1.0, 1.0), latent_dim=8))


def test_a_child_without_a_parent_is_refused(tiny: Data) -> None:
    with pytest.raises(GanzooError, match="refines a parent's images, and this GAN has no parent"):
        small_training("simple", tiny, generator="privileged-child-ann")
