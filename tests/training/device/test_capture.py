"""Capturing an iteration, with a capture that calls what it has captured: what a CUDA graph does, on any machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import pytest
import torch

from ganzoo.data import Data
from ganzoo.parts.losses import bce, without_grad
from ganzoo.registry.registry import registry
from ganzoo.training.device import Device
from ganzoo.training.device.capture import WARM_UP, CapturedIterations
from ganzoo.training.device.cuda_graph import make_capturable
from ganzoo.training.device.types import Results
from ganzoo.training.loop import Training
from tests.support import differing, run_iterations, small_training, snapshot
from tests.training.test_loop import VARIED


class FakeCapture:
    """Captures by keeping the call."""

    def __init__(self, waits: tuple[str, ...] = (), refuses: str | None = None) -> None:
        self.waits, self.refuses, self.captured = waits, refuses, 0

    @contextmanager
    def warm_up(self) -> Iterator[list[str]]:
        yield list(self.waits)

    def uncaptured(self) -> Any:
        return nullcontext()

    def __call__(self, iterate: Callable[[], Results]) -> Callable[[], Results]:
        if self.refuses:
            raise RuntimeError(f"{self.refuses}\nand more lines")
        self.captured += 1
        return with_fixed_results(iterate)


def with_fixed_results(iterate: Callable[[], Results]) -> Callable[[], Results]:
    """Results in the same tensors each time, as a graph has them."""
    fixed: list[Results] = []

    def replay() -> Results:
        results = iterate()
        if not fixed:
            fixed.append(tuple({name: value.clone() for name, value in part.items()} for part in results))  # type: ignore[arg-type]
        for fixed_part, part in zip(fixed[0], results, strict=True):
            for name, value in part.items():
                fixed_part[name].copy_(value)
        return fixed[0]

    return replay


def captured(training: Training, capture: FakeCapture) -> Training:
    training._run = CapturedIterations(training.iterate, training.batches.fetch, capture)
    return training


@pytest.mark.parametrize("case", VARIED)
def test_captured_iterations_have_the_same_bits(tiny: Data, case: str) -> None:
    gan, settings = VARIED[case]
    iterations = WARM_UP + 4
    plain, again = (
        small_training(gan, tiny, iterations=iterations, **settings),
        small_training(gan, tiny, iterations=iterations, **settings),
    )
    capture = FakeCapture()
    kept = list(captured(again, capture))  # read after the last replay has overwritten the fixed tensors
    assert [{name: loss.item() for name, loss in one.losses.items()} for one in kept] == run_iterations(plain)
    assert differing(again.state(), plain.state()) == []
    assert capture.captured == 1


def test_resuming_forgets_a_capture_and_changes_no_bit(tiny: Data) -> None:
    plain = small_training("simple", tiny, iterations=9)
    run_iterations(plain, 2)
    checkpoint = snapshot(plain)
    run_iterations(plain)
    again = captured(small_training("simple", tiny, iterations=9), FakeCapture())
    run_iterations(again, 5)
    again.load(checkpoint, "the checkpoint")
    run_iterations(captured(again, FakeCapture()))
    assert differing(again.state(), plain.state()) == []


@pytest.mark.parametrize(
    ("capture", "message"),
    [
        (FakeCapture(waits=("plugin.py:7",)), "run one by one: they wait for the device at plugin.py:7"),
        (FakeCapture(refuses="operation not permitted"), "run one by one: operation not permitted$"),
    ],
)
def test_what_cannot_be_captured_runs_eagerly_with_one_warning(tiny: Data, capture: FakeCapture, message: str) -> None:
    plain, again = (
        small_training("simple", tiny, iterations=6),
        captured(small_training("simple", tiny, iterations=6), capture),
    )
    with pytest.warns(UserWarning, match=message) as caught:
        assert run_iterations(again) == run_iterations(plain)
    assert len(caught) == 1
    assert differing(again.state(), plain.state()) == []


def test_a_round_that_draws_more_and_more_is_not_captured(tiny: Data) -> None:
    calls: list[int] = []

    def eager(nets: Any, draw: Any) -> Iterator[Any]:
        calls.append(1)
        for _ in calls:
            real, z = draw()
            yield (
                nets.discriminator,
                bce(nets.discriminator(real), 1) + bce(nets.discriminator(without_grad(nets.generator, z)), 0),
            )

    capture = FakeCapture()
    gan = replace(registry().gan("simple"), name="mine", trainer=eager)
    with pytest.warns(UserWarning, match=r"a varying number of batches: \[1, 2, 3\]"):
        run_iterations(captured(small_training(gan, tiny, iterations=6), capture))
    assert capture.captured == 0


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop", "sgd"])
def test_a_learning_rate_on_the_device_is_followed(tiny: Data, optimizer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def prepare(_: Device, one: torch.optim.Optimizer) -> None:
        make_capturable(one, torch.device("cpu"))
        if optimizer == "rmsprop":
            one.param_groups[0]["capturable"] = False  # not available on a CPU

    plain = small_training("simple", tiny, iterations=4, optimizer=optimizer)
    monkeypatch.setattr(Device, "prepare_optimizer", prepare)
    again = small_training("simple", tiny, iterations=4, optimizer=optimizer)
    places = [one.param_groups[0]["lr"] for one in again.optimizers.values()]
    for first, second in zip(run_iterations(again), run_iterations(plain), strict=True):
        assert first == pytest.approx(second, rel=1e-4)
    rates = [one.param_groups[0]["lr"] for one in again.optimizers.values()]
    assert all(place is rate for place, rate in zip(places, rates, strict=True))
    assert rates == pytest.approx([one.param_groups[0]["lr"] for one in plain.optimizers.values()])
