from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from ganzoo.data import Data
from ganzoo.parts.networks import Networks, load_state, state_tensors
from ganzoo.training.ema import EMA
from ganzoo.util.errors import GanzooError
from tests.support import parent_for, run_iterations, small_training


def dense() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 2))


class Twice(nn.Module):
    """The same network under two names, and an empty buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.one = dense()
        self.other = self.one
        self.register_buffer("fitted", torch.empty(0))


def test_a_tensor_in_several_places_is_saved_once() -> None:
    names = list(state_tensors(Twice()))
    assert names == ["fitted", *(f"one.{name}" for name in dense().state_dict())]


def test_a_child_is_saved_with_its_parent_once(tiny: Data) -> None:
    training = small_training("privileged-v1-ann", tiny, parent_training="joint")
    tensors = [tensor.data_ptr() for tensor in state_tensors(training.nets).values()]
    assert len(tensors) == len(set(tensors))
    assert len(tensors) == len({tensor.data_ptr() for tensor in training.nets.state_dict().values()})


def test_an_empty_buffer_takes_the_shape_of_what_comes() -> None:
    source, target = Twice(), Twice()
    source.fitted = torch.ones(4, 5)
    load_state(target, state_tensors(source), "the file")
    assert torch.equal(target.fitted, source.fitted)
    assert torch.equal(target.other[0].weight, source.one[0].weight)
    target.fitted.zero_()
    assert source.fitted.all(), "in memory of its own"


@pytest.mark.parametrize(
    ("removed", "added", "message"),
    [
        (["one.0.bias", "one.2.bias"], {}, r"it lacks 'one.0.bias' \(and 1 more\)"),
        (["one.2.bias"], {}, "it lacks 'one.2.bias'$"),
        ([], {"x": (1,), "y": (1,), "z": (1,)}, r"the network has no 'x' \(and 2 more\)"),
        ([], {"one.0.weight": (7, 2)}, r"'one.0.weight' has the shape \(7, 2\), expected \(3, 2\)"),
        ([], {"one.0.weight": (2, 3)}, r"'one.0.weight' has the shape \(2, 3\), expected \(3, 2\)"),
    ],
)
def test_what_does_not_fit_is_named(removed: list[str], added: dict[str, tuple[int, ...]], message: str) -> None:
    tensors = {name: tensor for name, tensor in state_tensors(Twice()).items() if name not in removed}
    tensors |= {name: torch.zeros(shape) for name, shape in added.items()}
    with pytest.raises(GanzooError, match=f"the file does not fit: {message}"):
        load_state(Twice(), tensors, "the file")


def test_a_frozen_parent_stays_as_it_is_whoever_asks_for_training_mode() -> None:
    """Otherwise the statistics of its batch normalisation would drift while the child is trained."""
    parent = Networks(dense(), dense(), latent_dim=2).freeze()
    child = Networks(nn.Sequential(parent.generator, dense()), dense(), parent, latent_dim=2).train()
    assert not parent.generator[1].training
    assert not parent.discriminator[1].training
    assert child.generator[1][1].training
    assert not any(weight.requires_grad for weight in parent.parameters())
    assert list(child.trainable()) == ["generator", "discriminator"]
    assert len(child.parameters_of("generator")) == len(list(dense().parameters()))


def test_a_free_parent_plays_with_its_child_but_moves_on_its_own() -> None:
    parent = Networks(dense(), dense(), latent_dim=2)
    child = Networks(nn.Sequential(parent.generator, dense()), dense(), parent, latent_dim=2).train()
    assert list(child.trainable()) == ["generator", "discriminator", "parent.generator", "parent.discriminator"]
    assert parent.generator[1].training
    weights = [id(weight) for name in child.trainable() for weight in child.parameters_of(name)]
    assert len(weights) == len(set(weights)) == len(list(child.parameters())), "each weight is updated by one network"


def test_the_average_follows_weights_and_statistics() -> None:
    network = dense()
    average = EMA(network, decay=0.5)
    before = {name: tensor.clone() for name, tensor in state_tensors(average.network).items()}
    with torch.no_grad():
        for tensor in state_tensors(network).values():
            tensor.add_(1)
    average.update(iteration=1)
    decay = 2 / 11  # early iterations are forgotten faster
    for name, tensor in state_tensors(average.network).items():
        change = 1 - decay if tensor.is_floating_point() else 1
        torch.testing.assert_close(tensor, before[name] + change, check_dtype=False)
    average.update(iteration=1000)
    for name, tensor in state_tensors(average.network).items():
        change = 1 - decay / 2 if tensor.is_floating_point() else 1
        torch.testing.assert_close(tensor, before[name] + change, check_dtype=False)


def test_a_long_average_takes_in_every_eighth_round_and_loses_nothing_by_it() -> None:
    network = nn.Linear(1, 1, bias=False)
    average = EMA(network, decay=0.999)
    torch.nn.init.zeros_(network.weight)
    torch.nn.init.zeros_(average.network.weight)
    exact, updates = 0.0, 0
    for iterations in range(1, 4001):
        torch.nn.init.constant_(network.weight, iterations / 4000)
        before = average.network.weight.clone()
        average.update(iterations)
        updates += not torch.equal(before, average.network.weight)
        decay = min(0.999, (1 + iterations) / (10 + iterations))
        exact = decay * exact + (1 - decay) * iterations / 4000
    assert updates == 889 + 4000 // 8 - 889 // 8
    assert abs(average.network.weight.item() - exact) < 1e-3


def test_a_parent_trained_first_does_not_change(tiny: Data) -> None:
    first = small_training("privileged-v1-ann", tiny, parent_training="joint")  # for its recipe
    parent = parent_for(first.recipe, tiny)
    before = {name: tensor.clone() for name, tensor in state_tensors(parent.networks).items()}
    child = small_training("privileged-v1-ann", tiny, iterations=3, parent=parent)
    run_iterations(child)
    assert all(torch.equal(tensor, before[name]) for name, tensor in state_tensors(parent.networks).items())
    averaged = state_tensors(child.ema.network.get_submodule("parent"))
    assert all(torch.equal(tensor, before[f"generator.{name}"]) for name, tensor in averaged.items())


@pytest.mark.parametrize("made", [None, 3, nn.Linear, "dense"])
def test_what_is_no_module_is_refused(made: Any) -> None:
    for generator, discriminator in ((made, nn.Identity()), (nn.Identity(), made)):
        with pytest.raises(GanzooError, match=r"a maker has to return a torch.nn.Module; this \w+ is a \w+"):
            Networks(generator, discriminator, latent_dim=2)
