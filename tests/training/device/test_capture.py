"""Recording an iteration, with a recorder that calls what it has recorded: what a CUDA graph does, on any machine."""

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
from ganzoo.training.device.capture import REHEARSALS, Iterations
from ganzoo.training.device.cuda_graph import Outputs, make_capturable
from ganzoo.training.loop import Training
from tests.support import begin, differing, play, snapshot
from tests.training.test_loop import VARIED


class Calls:
    """Records by keeping the call."""

    def __init__(self, waits: tuple[str, ...] = (), refuses: str | None = None) -> None:
        self.waits, self.refuses, self.recorded = waits, refuses, 0

    @contextmanager
    def rehearse(self) -> Iterator[list[str]]:
        yield list(self.waits)

    def aside(self) -> Any:
        return nullcontext()

    def __call__(self, play: Callable[[], Outputs]) -> Callable[[], Outputs]:
        if self.refuses:
            raise RuntimeError(f"{self.refuses}\nand more lines")
        self.recorded += 1
        return play_from_the_start(play)


def play_from_the_start(play: Callable[[], Outputs]) -> Callable[[], Outputs]:
    """Outputs in the same tensors each time, as a graph has them."""
    places: list[Outputs] = []

    def replay() -> Outputs:
        made = play()
        if not places:
            places.append(tuple({name: value.clone() for name, value in part.items()} for part in made))  # type: ignore[arg-type]
        for fixed_part, part in zip(places[0], made, strict=True):
            for name, value in part.items():
                fixed_part[name].copy_(value)
        return places[0]

    return replay


def recorded(training: Training, record: Calls) -> Training:
    training._iterations = Iterations(training._play, training.feed.fetch, record)
    return training


@pytest.mark.parametrize("case", VARIED)
def test_recorded_rounds_are_the_same_bit_for_bit(tiny: Data, case: str) -> None:
    gan, settings = VARIED[case]
    iterations = REHEARSALS + 4
    plain, again = (
        begin(gan, tiny, iterations=iterations, **settings),
        begin(gan, tiny, iterations=iterations, **settings),
    )
    record = Calls()
    kept = list(recorded(again, record))  # read after the last iteration, when a recording's own places are overwritten
    assert [{name: loss.item() for name, loss in one.losses.items()} for one in kept] == play(plain)
    assert differing(again.state(), plain.state()) == []
    assert record.recorded == 1


def test_resuming_forgets_a_recording_and_changes_no_bit(tiny: Data) -> None:
    plain = begin("simple", tiny, iterations=9)
    play(plain, 2)
    checkpoint = snapshot(plain)
    play(plain)
    again = recorded(begin("simple", tiny, iterations=9), Calls())
    play(again, 5)
    again.load(checkpoint, "the checkpoint")
    play(recorded(again, Calls()))
    assert differing(again.state(), plain.state()) == []


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (Calls(waits=("plugin.py:7",)), "played one by one: it waits for the device at plugin.py:7"),
        (Calls(refuses="operation not permitted"), "played one by one: operation not permitted$"),
    ],
)
def test_what_cannot_be_recorded_is_played_with_one_warning(tiny: Data, record: Calls, message: str) -> None:
    plain, again = begin("simple", tiny, iterations=6), recorded(begin("simple", tiny, iterations=6), record)
    with pytest.warns(UserWarning, match=message) as caught:
        assert play(again) == play(plain)
    assert len(caught) == 1
    assert differing(again.state(), plain.state()) == []


def test_a_round_that_draws_more_and_more_is_not_recorded(tiny: Data) -> None:
    played: list[int] = []

    def eager(nets: Any, draw: Any) -> Iterator[Any]:
        played.append(1)
        for _ in played:
            real, z = draw()
            yield (
                nets.discriminator,
                bce(nets.discriminator(real), 1) + bce(nets.discriminator(without_grad(nets.generator, z)), 0),
            )

    record = Calls()
    gan = replace(registry().gan("simple"), name="mine", trainer=eager)
    with pytest.warns(UserWarning, match=r"another number of batches each time: \[1, 2, 3\]"):
        play(recorded(begin(gan, tiny, iterations=6), record))
    assert record.recorded == 0


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop", "sgd"])
def test_a_rate_on_the_device_is_followed(tiny: Data, optimizer: str) -> None:
    plain, again = (begin("simple", tiny, iterations=4, optimizer=optimizer) for _ in range(2))
    for one in again.optimizers.values():
        make_capturable(one, torch.device("cpu"))
        if optimizer == "rmsprop":
            one.param_groups[0]["capturable"] = False  # it has no such form on a CPU
    places = [one.param_groups[0]["lr"] for one in again.optimizers.values()]
    for first, second in zip(play(again), play(plain), strict=True):
        assert first == pytest.approx(second, rel=1e-4)
    rates = [one.param_groups[0]["lr"] for one in again.optimizers.values()]
    assert all(place is rate for place, rate in zip(places, rates, strict=True))
    assert rates == pytest.approx([one.param_groups[0]["lr"] for one in plain.optimizers.values()])
