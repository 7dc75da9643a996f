"""Learning rates that the caller or a scheduler sets are kept, and all others follow the recipe."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest
import torch

from ganzoo.data import Data
from ganzoo.training.loop import Training
from ganzoo.util.errors import GanzooError
from tests.support import small_training

KEPT = "set by hand or by a scheduler, so lr_schedule=linear"


def rate_of(training: Training, network: str = "generator") -> float:
    return float(training.optimizers[network].param_groups[0]["lr"])


def training_of(data: Data, **settings: Any) -> Training:
    return small_training("simple", data, **{"iterations": 4, "lr": 0.5} | settings)


def test_a_rate_that_is_set_by_hand_stays(tiny: Data, caplog: pytest.LogCaptureFixture) -> None:
    training = training_of(tiny)
    rates = []
    for done in training:
        rates.append((rate_of(training), rate_of(training, "discriminator")))
        if done.number == 2:
            training.optimizers["generator"].param_groups[0]["lr"] = 0.01
    assert rates == [(0.5, 0.5), (0.375, 0.375), (0.01, 0.25), (0.01, 0.125)]
    assert [KEPT in record.getMessage() for record in caplog.records] == [True]


def test_a_scheduler_of_torch_decides(tiny: Data, caplog: pytest.LogCaptureFixture) -> None:
    training = training_of(tiny, ttur=2.0)
    schedulers = [
        torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.1) for optimizer in training.optimizers.values()
    ]
    rates = []
    for _ in training:
        rates.append((rate_of(training), rate_of(training, "discriminator")))
        for scheduler in schedulers:
            scheduler.step()
    assert rates == [pytest.approx(each) for each in ((0.5, 1.0), (0.5, 1.0), (0.05, 0.1), (0.05, 0.1))]
    assert [record.getMessage().split("'")[0] for record in caplog.records] == ["the generator", "the discriminator"]
    assert "lr_schedule=linear and ttur=2" in caplog.text


def test_nothing_is_said_where_the_recipe_changes_no_rate(tiny: Data, caplog: pytest.LogCaptureFixture) -> None:
    training = training_of(tiny, lr_schedule="constant")
    scheduler = torch.optim.lr_scheduler.ExponentialLR(training.optimizers["generator"], 0.5)
    rates = []
    for _ in training:
        rates.append(rate_of(training))
        scheduler.step()
    assert rates == [0.5, 0.25, 0.125, 0.0625]
    assert caplog.records == []


def test_a_scheduler_trains_as_the_recipe_does_with_the_same_rates(tiny: Data) -> None:
    ours, theirs = training_of(tiny), training_of(tiny, lr_schedule="constant")
    schedulers = [
        torch.optim.lr_scheduler.LambdaLR(optimizer, lambda done: 1 - done / 4)
        for optimizer in theirs.optimizers.values()
    ]
    for one, other in zip(ours, theirs, strict=True):
        assert one.losses == other.losses
        for scheduler in schedulers:
            scheduler.step()


def test_a_resumed_training_has_the_rate_of_its_iteration(tiny: Data) -> None:
    first, second = training_of(tiny), training_of(tiny)
    assert len(list(islice(first, 2))) == 2
    second.load(first.state(), "the checkpoint")
    assert rate_of(second) == 0.25
    next(second)
    assert rate_of(second) == 0.25


def test_another_optimizer_trains_the_network(tiny: Data) -> None:
    training = training_of(tiny)
    next(training)
    weights = training.weights["generator"]
    before = [weight.detach().clone() for weight in weights]
    training.optimizers["generator"] = torch.optim.SGD(weights, lr=0.0)
    next(training)
    assert all(torch.equal(weight, old) for weight, old in zip(weights, before, strict=True))


@pytest.mark.parametrize("wrong", ["weights", "kind"])
def test_an_optimizer_of_other_weights_is_refused(tiny: Data, wrong: str) -> None:
    training = training_of(tiny)
    if wrong == "weights":
        training.optimizers["generator"] = torch.optim.SGD(training.weights["discriminator"], lr=0.1)
    else:
        training.optimizers["generator"] = torch.nn.Linear(1, 1)  # type: ignore[assignment]
    message = "does not hold the weights of the generator" if wrong == "weights" else "is a Linear, not an optimizer"
    with pytest.raises(GanzooError, match=message):
        next(training)
