"""Compiled rounds. Most tests trace a round and play its graphs without compiling them: that takes no compiler, and the
bits are those of a round that is played."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import Any

import pytest
import torch

from ganzoo.data import Data, load
from ganzoo.device import choose
from ganzoo.device.compiling import CompiledRounds
from ganzoo.device.tracing import TracedRound
from ganzoo.losses import bce
from ganzoo.settings import resolve
from ganzoo.spec import GanzooError
from ganzoo.testing import small
from ganzoo.training import Training, untrained_parent
from ganzoo.zoo import zoo

from .support import begin, differing, play, snapshot
from .test_training import VARIED


@pytest.fixture
def uncompiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TracedRound, "compile", lambda self: None)
    monkeypatch.setattr("ganzoo.device.needs_compiler", lambda device: None)


def compiled(training: Training) -> bool:
    return isinstance(training._rounds.play, CompiledRounds) and isinstance(training._rounds.play._round, TracedRound)


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize("case", VARIED)
def test_traced_rounds_are_those_that_are_played_bit_for_bit(tiny: Data, case: str) -> None:
    gan, settings = VARIED[case]
    plain, traced = begin(gan, tiny, rounds=5, **settings), begin(gan, tiny, rounds=5, compile=True, **settings)
    assert play(traced) == play(plain)
    assert compiled(traced)
    assert differing(traced.state(), plain.state()) == []


@pytest.mark.parametrize("gan", zoo().gans)
def test_every_gan_of_the_zoo_can_be_traced(gan: str, uncompiled: None) -> None:
    recipe = resolve(zoo().gan(gan), {"batch": 8, "loop.rounds": 3})
    data = small(load(recipe.gan.data))

    def training() -> Training:
        torch.manual_seed(1)
        parent = untrained_parent(recipe, data) if recipe.loop.schedule == "sequential" else None
        device = choose("cpu", "fp32", compile=True)
        return Training(recipe, data, device, parent=parent.alone().freeze() if parent else None)

    traced, plain = training(), training()
    plain._rounds.play = plain._play
    assert play(traced) == play(plain)
    assert compiled(traced)
    assert differing(traced.state(), plain.state()) == []


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("rounds", [1, 4])
def test_resuming_compiled_rounds_changes_no_bit(tiny: Data, rounds: int, precision: str) -> None:
    how = {"rounds": 7, "compile": True, "precision": precision, "discriminator.dropout": 0.3}
    whole, first, second = (begin("simple", tiny, **how) for _ in range(3))
    play(first, rounds)
    second.load(snapshot(first), "the checkpoint")
    play(second)
    play(whole)
    assert compiled(second)
    assert differing(whole.state(), second.state()) == []


@pytest.mark.usefixtures("uncompiled")
def test_tracing_reads_no_batch_twice_and_leaves_none_out(tiny: Data) -> None:
    training = begin("wgan-gp", tiny, rounds=3, compile=True, critic_steps=2)
    play(training)
    assert training.feed.draws == 9


def game(trainer: Any, data: Data, **settings: Any) -> Training:
    return begin(replace(zoo().gan("simple"), name="mine", trainer=trainer), data, rounds=4, **settings)


@pytest.mark.usefixtures("uncompiled")
def test_a_trainer_that_reads_numbers_is_played_with_one_warning(tiny: Data) -> None:
    def trainer(nets: Any, draw: Any) -> Any:
        real, z = draw()
        sign = 1 if real.mean().item() > 0 else -1
        yield nets.discriminator, sign * bce(nets.discriminator(real), 1)
        yield nets.generator, bce(nets.discriminator(nets.generator(z)), 1)

    training, plain = game(trainer, tiny, compile=True), game(trainer, tiny)
    with pytest.warns(UserWarning, match="rounds are not compiled, but played: RuntimeError: It appears") as warned:
        assert play(training) == play(plain)
    assert len(warned) == 1
    assert differing(training.state(), plain.state()) == []


@pytest.mark.usefixtures("uncompiled")
def test_an_error_of_the_trainer_is_its_own(tiny: Data) -> None:
    def broken(nets: Any, draw: Any) -> Any:
        raise LookupError("there is nothing here")
        yield

    def stale(nets: Any, draw: Any) -> Any:
        real, z = draw()
        too_early = bce(nets.discriminator(nets.generator(z)), 1)
        yield nets.discriminator, bce(nets.discriminator(real), 1)
        yield nets.generator, too_early

    with pytest.warns(UserWarning, match="LookupError"), pytest.raises(LookupError, match="nothing here"):
        next(game(broken, tiny, compile=True))
    with pytest.warns(UserWarning, match="rounds are not"), pytest.raises(RuntimeError, match="inplace operation"):
        next(game(stale, tiny, compile=True))
    with pytest.raises(GanzooError, match="a round of mine has no moves"):
        next(game(lambda nets, draw: iter(()), tiny, compile=True))


def test_what_is_compiled_wrongly_is_played_with_a_warning(
    tiny: Data, monkeypatch: pytest.MonkeyPatch, uncompiled: None
) -> None:
    def compile(self: TracedRound) -> None:
        self._round.register_forward_hook(lambda *args: ({name: loss + 0.01 for name, loss in args[2][0].items()}, {}))

    monkeypatch.setattr(TracedRound, "compile", compile)
    training, plain = begin("simple", tiny, rounds=3, compile=True), begin("simple", tiny, rounds=3)
    with pytest.warns(UserWarning, match=r"played: RuntimeError: .* would differ by 0\.00\d+ of the largest"):
        assert play(training) == play(plain)


@pytest.mark.skipif(not shutil.which("g++"), reason="there is no C++ compiler")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_compiled_rounds_are_nearly_those_that_are_played(tiny: Data, precision: str) -> None:
    """With all that could go wrong: normalisation, an exact penalty, noise of three kinds, several moves."""
    how = {"rounds": 4, "precision": precision, "smoothing": 0.1, "discriminator.dropout": 0.2, "generator_steps": 2}
    plain, first, second = begin("simple", tiny, **how), *(begin("simple", tiny, **how, compile=True) for _ in range(2))
    for mine, theirs in zip(played := play(first), play(plain), strict=True):
        assert mine == pytest.approx(theirs, rel=1e-3 if precision == "fp32" else 2e-2)
    assert compiled(first)
    play(second, 2)
    resumed = begin("simple", tiny, **how, compile=True)
    resumed.load(snapshot(second), "the checkpoint")
    assert play(resumed) == played[2:]
    assert differing(resumed.state(), first.state()) == []
