from __future__ import annotations

import pytest
import torch
from torch import nn

from ganzoo.parts.builders import activation, dense, dense_generator
from ganzoo.parts.task import Task
from ganzoo.util.errors import GanzooError
from tests.support import run_iterations, small_training


def test_dense_networks_stack_norm_and_nonlinearity() -> None:
    net = dense((2, 3, 4, 1), "leaky", "batch", dropout=0.5)
    hidden = [nn.Linear, nn.BatchNorm1d, nn.LeakyReLU, nn.Dropout]
    assert [type(layer) for layer in net] == [*hidden, *hidden, nn.Linear]
    assert isinstance(dense((2, 3, 1), norm="layer")[1], nn.LayerNorm)
    assert len(dense((2, 1), norm="batch")) == 1


@pytest.mark.parametrize(
    ("sizes", "norm", "message"), [((2, 0, 1), "none", "0 units"), ((2, 3, 1), "instance", "norm")]
)
def test_dense_networks_that_cannot_be(sizes: tuple[int, ...], norm: str, message: str) -> None:
    with pytest.raises(GanzooError, match=message):
        dense(sizes, "relu", norm)  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "kind"), [("relu", nn.ReLU), ("leaky", nn.LeakyReLU), ("tanh", nn.Tanh)])
def test_activations_have_names(name: str, kind: type[nn.Module]) -> None:
    assert isinstance(activation(name), kind)  # type: ignore[arg-type]


@pytest.mark.parametrize(("limits", "ends"), [((-1.0, 1.0), [-1, 1]), ((0.0, 1.0), [0, 1]), (None, [-99, 99])])
def test_a_generator_ends_in_the_range_of_the_task(limits: tuple[float, float] | None, ends: list[float]) -> None:
    net = dense_generator(Task(shape=(2, 3), range=limits, latent_dim=4), widths=(8,))
    assert net(torch.randn(5, 4)).shape == (5, 2, 3)
    assert net[-1](torch.tensor([-99.0, 99.0])).tolist() == pytest.approx(ends)


@pytest.mark.parametrize("gan", ["simple", "wgan", "wgan-gp", "cgan"])
def test_dense_gans_learn_vectors(gan: str) -> None:
    training = small_training(gan, "ring8", iterations=2)
    assert len(run_iterations(training)) == 2
    assert training.model().sample(range(9)).shape == (9, 2)
