"""Settings that follow a schedule: options of the optimizers, the average and the augmentation."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import torch

from ganzoo.data import Data
from ganzoo.registry.recipe import resolve
from ganzoo.registry.registry import registry
from ganzoo.util.errors import GanzooError
from tests.support import small_training

CHANGING = {
    "beta1": "linear:0.5..0",
    "beta2": "cosine:0.9..0.99",
    "ema": "linear:0..0.9",
    "augmentation": "diffaugment",
    "augmentation.p": "linear:0..0.4",
    "iterations": 4,
}


def options(training: Any) -> list[tuple[float, float]]:
    return [group["betas"] for optimizer in training.optimizers.values() for group in optimizer.param_groups]


def test_they_change_from_the_first_value_to_the_last(tiny: Data) -> None:
    training = small_training("simple", tiny, **CHANGING)
    expected = [(0.5, 0.9), (0.375, 0.99 - 0.09 * 0.8535534), (0.25, 0.945), (0.125, 0.99 - 0.09 * 0.1464466)]
    half_lives = [0.0, 1.644704, 3.289408, 4.934112]  # quarters of that of 0.9, in iterations
    for number, _ in enumerate(training):
        assert options(training) == [pytest.approx(expected[number])] * 2
        assert training.ema.decay == pytest.approx(0.5 ** (1 / half_lives[number]) if number else 0)
        assert training.augmented.module is not None
        assert float(training.augmented.module.p) == pytest.approx(0.1 * number)  # type: ignore[arg-type]


def test_a_constant_schedule_gives_what_a_number_gives(tiny: Data) -> None:
    one, other = (
        small_training("simple", tiny, iterations=3, beta2=beta2, ema=ema)
        for beta2, ema in ((0.9, 0.5), ("constant:0.9..0.1", "constant:0.5..0.1"))
    )
    for training in (one, other):
        list(training)
    weights, others = (training.generator.state_dict() for training in (one, other))
    for name, weight in weights.items():
        torch.testing.assert_close(weight, others[name], rtol=1e-6, atol=1e-7)


def test_resuming_gives_the_same_bits(tiny: Data) -> None:
    whole = small_training("simple", tiny, **CHANGING)
    list(whole)
    begun, resumed = (small_training("simple", tiny, **CHANGING) for _ in range(2))
    next(begun), next(begun)
    resumed.load({name: tensor.clone() for name, tensor in begun.state().items()}, "a state")
    list(resumed)
    assert options(resumed) == options(whole)
    state = whole.state()
    assert all(torch.equal(tensor, state[name]) for name, tensor in resumed.state().items())


def test_one_network_alone_may_follow_a_schedule(tiny: Data) -> None:
    settings = {"discriminator.optimizer": "adam", "discriminator.optimizer.beta2": "linear:0.8..0.9"}
    training = small_training("simple", tiny, iterations=2, **settings)
    next(training), next(training)
    found = {name: optimizer.param_groups[0]["betas"][1] for name, optimizer in training.optimizers.items()}
    assert found == {"generator": 0.999, "discriminator": pytest.approx(0.85)}


def test_the_optimizer_of_the_caller_is_left_alone(tiny: Data, caplog: pytest.LogCaptureFixture) -> None:
    training = small_training("simple", tiny, iterations=3, beta2="linear:0.9..0.99")
    next(training)
    weights = training.weights["generator"]
    training.optimizers["generator"] = torch.optim.SGD(weights, lr=0.1)
    with caplog.at_level(logging.WARNING, "ganzoo"):
        list(training)
    assert [record.getMessage() for record in caplog.records] == [
        "the generator's optimizer was replaced, so beta2 no longer changes"
    ]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"beta2": "linear:0.9..1"}, "beta2=linear:0.9..1 is out of range"),
        ({"ema": "linear:0..1"}, "ema=linear:0..1 is out of range"),
        ({"beta2": "lineal:0.9..0.99"}, "no schedule named 'lineal'; did you mean 'linear'"),
        ({"lr": "linear:1..0"}, "is not a number"),
    ],
)
def test_wrong_schedules_are_one_line(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(GanzooError, match=message):
        resolve(registry().gan("simple"), settings)


def test_options_that_an_optimizer_does_not_have_are_refused(tiny: Data) -> None:
    from ganzoo.training.learning_rates import set_options

    optimizer = small_training("simple", tiny).optimizers["generator"]
    for name in ("lr", "momentum"):
        with pytest.raises(GanzooError, match=f"the option '{name}' of this optimizer cannot change"):
            set_options(optimizer, {name: 0.5})
