"""Compiled iterations. Most tests trace an iteration and run its graphs without compiling them: that takes no compiler,
and the bits are those of an eager iteration."""

from __future__ import annotations

import inspect
import shutil
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import ganzoo
from ganzoo.data import Data, load
from ganzoo.parts.build import untrained_parent
from ganzoo.parts.losses import bce
from ganzoo.registry.recipe import resolve
from ganzoo.registry.registry import registry
from ganzoo.registry.values import ramp
from ganzoo.runs.progress import headline
from ganzoo.testing import first_samples
from ganzoo.training.device import choose_device
from ganzoo.training.device.compiling import CompiledIteration
from ganzoo.training.device.tracing import OptimizerStep, TracedIteration
from ganzoo.training.loop import Training
from ganzoo.util.errors import GanzooError
from tests.benchmarks.cases import CONV
from tests.benchmarks.ganzoo_loop import Configuration
from tests.benchmarks.ganzoo_loop import training as of_benchmarks
from tests.support import differing, run_iterations, small_training, snapshot
from tests.support.narrow import narrow
from tests.training.test_loop import VARIED


@pytest.fixture
def uncompiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TracedIteration, "compile", lambda self: None)
    monkeypatch.setattr("ganzoo.training.device.require_compiler", lambda device: None)


def compiled(training: Training) -> bool:
    return isinstance(compiled_iteration(training)._iterate, TracedIteration)


def compiled_iteration(training: Training) -> CompiledIteration:
    """What runs the iterations of a training that was started with ``compile=True``."""
    run = inspect.getclosurevars(training._run).nonlocals["run"]  # type: ignore[arg-type]
    assert isinstance(run, CompiledIteration)
    return run


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize("case", VARIED)
def test_traced_iterations_have_the_bits_of_eager_ones(tiny: Data, case: str) -> None:
    gan, settings = VARIED[case]
    plain, traced = (
        small_training(gan, tiny, iterations=5, **settings),
        small_training(gan, tiny, iterations=5, compile=True, **settings),
    )
    assert run_iterations(traced) == run_iterations(plain)
    assert compiled(traced)
    assert differing(traced.state(), plain.state()) == []


@pytest.mark.usefixtures("untraced")
@pytest.mark.parametrize("gan", registry().gans)
def test_every_gan_can_be_traced(gan: str, uncompiled: None) -> None:
    trainer = resolve(registry().gan(gan)).values["trainer"]
    ends = {f"trainer.{name}": changing[2] for name, value in trainer.items() if (changing := ramp(value))}
    recipe = resolve(registry().gan(gan), {"batch_size": 8, "loop.iterations": 3, **narrow(gan), **ends})
    data = first_samples(load(recipe.gan.data))

    def training() -> Training:
        torch.manual_seed(1)
        parent = untrained_parent(recipe, data) if recipe.loop.parent_training == "first" else None
        device = choose_device("cpu", "fp32", compile=True)
        return Training(recipe, data, device, parent=parent.without_parent().freeze() if parent else None)

    if recipe.period is None:
        with pytest.raises(GanzooError, match="changes with the iteration, and has no attribute period"):
            training()
        return
    traced, plain = training(), training()
    plain._run = lambda: plain.iterate(plain.batches.fetch)
    assert run_iterations(traced) == run_iterations(plain)
    assert compiled(traced)
    assert differing(traced.state(), plain.state()) == []


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("iterations", [1, 4])
def test_resuming_compiled_iterations_changes_no_bit(tiny: Data, iterations: int, precision: str) -> None:
    how = {"iterations": 7, "compile": True, "precision": precision, "discriminator.dropout": 0.3}
    whole, first, second = (small_training("simple", tiny, **how) for _ in range(3))
    run_iterations(first, iterations)
    second.load(snapshot(first), "the checkpoint")
    run_iterations(second)
    run_iterations(whole)
    assert compiled(second)
    assert differing(whole.state(), second.state()) == []


@pytest.mark.usefixtures("uncompiled")
def test_the_headline_says_that_the_first_iteration_is_compiled(tiny: Data) -> None:
    plain, slow = (headline(small_training("simple", tiny, compile=compile), Path("x")) for compile in (False, True))
    first, outline = plain.splitlines()
    assert first == "Training simple on tiny (45 samples), cpu fp32, 1 thread, seed 0, in x"
    assert outline == "5.62 batches of 8 in an epoch; parameters: generator 1,264, discriminator 1,057"
    assert slow == f"{plain}\nThe first iteration is compiled, which takes a while."


@pytest.mark.usefixtures("uncompiled")
def test_tracing_reads_no_batch_twice_and_leaves_none_out(tiny: Data) -> None:
    training = small_training("wgan-gp", tiny, iterations=3, compile=True, critic_steps=2)
    run_iterations(training)
    assert training.batches.drawn == 9


def training_with(trainer: Any, data: Data, **settings: Any) -> Training:
    return small_training(
        replace(registry().gan("simple"), name="mine", trainer=trainer), data, iterations=4, **settings
    )


@pytest.mark.usefixtures("uncompiled")
def test_a_trainer_that_reads_values_runs_eagerly_with_one_warning(tiny: Data) -> None:
    def trainer(nets: Any, draw: Any) -> Any:
        real, z = draw()
        sign = 1 if real.mean().item() > 0 else -1
        yield nets.discriminator, sign * bce(nets.discriminator(real), 1)
        yield nets.generator, bce(nets.discriminator(nets.generator(z)), 1)

    training, plain = training_with(trainer, tiny, compile=True), training_with(trainer, tiny)
    with pytest.warns(
        UserWarning, match="cannot be compiled, and run eagerly: RuntimeError: its control flow depends"
    ) as warned:
        assert run_iterations(training) == run_iterations(plain)
    assert len(warned) == 1
    assert differing(training.state(), plain.state()) == []


@pytest.mark.usefixtures("untraced")
def test_tensors_of_another_layout_compile_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gradients of the script's DCGAN are channels last where torch says that they are not; a view of them fails."""
    compile = torch.compile

    def traced_alone(part: Any, **_: Any) -> Any:
        return compile(part, backend="eager", fullgraph=True, dynamic=False)

    monkeypatch.setattr(torch, "compile", traced_alone)
    training = of_benchmarks(CONV, Configuration({"precision": "fp32", "compile": True}))
    next(training)
    assert compiled(training)


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
        next(training_with(broken, tiny, compile=True))
    with (
        pytest.warns(UserWarning, match="iterations cannot be compiled"),
        pytest.raises(RuntimeError, match="inplace operation"),
    ):
        next(training_with(stale, tiny, compile=True))
    with pytest.raises(GanzooError, match="an iteration of mine updates no network"):
        next(training_with(lambda nets, draw: iter(()), tiny, compile=True))


def negated(part: nn.Module) -> nn.Module:
    return Made(part, lambda results: [-result for result in results])


def lost(part: nn.Module) -> nn.Module:
    return Made(part, lambda results: [result * float("nan") for result in results])


class Made(nn.Module):
    """The results of a part, changed."""

    def __init__(self, part: nn.Module, change: Any) -> None:
        super().__init__()
        self.part, self.change = part, change

    def forward(self, *inputs: Any) -> Any:
        results = self.part(*inputs)
        return tuple(self.change(results)) if isinstance(results, tuple) else self.change([results])[0]


@pytest.mark.parametrize(
    ("mistake", "said"), [(negated, r"would differ by [12](\.\d)? of"), (lost, "would differ by nan of")]
)
@pytest.mark.parametrize("which", [0, 1, 2])
def test_what_is_compiled_wrongly_runs_eagerly_with_a_warning(
    tiny: Data, monkeypatch: pytest.MonkeyPatch, uncompiled: None, mistake: Any, said: str, which: int
) -> None:
    """Whether gradients of D, gradients of G, or the losses alone are wrong."""

    def compile(self: TracedIteration) -> None:
        name, part = [item for item in self._graph.named_children() if not isinstance(item[1], OptimizerStep)][which]
        setattr(self._graph, name, mistake(part))

    monkeypatch.setattr(TracedIteration, "compile", compile)
    training, plain = (
        small_training("simple", tiny, iterations=3, compile=True),
        small_training("simple", tiny, iterations=3),
    )
    with pytest.warns(UserWarning, match=f"run eagerly: RuntimeError: .* {said} the largest"):
        assert run_iterations(training) == run_iterations(plain)
    assert differing(training.state(), plain.state()) == []


def test_a_missing_copy_runs_eagerly_with_a_warning(
    tiny: Data, monkeypatch: pytest.MonkeyPatch, uncompiled: None
) -> None:
    """A compiler may leave out a product with one, but then the result is the weight itself, which is updated."""

    def compile(self: TracedIteration) -> None:
        for part in (part for part in self._graph.children() if not isinstance(part, OptimizerStep)):
            for node in part.graph.find_nodes(op="call_function", target=torch.ops.aten.mul.Tensor):
                if node.args[1] == 1.0:
                    node.replace_all_uses_with(node.args[0])
            part.recompile()

    def trainer(nets: Any, draw: Any) -> Any:
        real, z = draw()
        before = [weight.detach() * 1.0 for weight in nets.discriminator.parameters()]
        yield nets.discriminator, bce(nets.discriminator(real), 1)
        change = sum((w - b).square().sum() for w, b in zip(nets.discriminator.parameters(), before, strict=True))
        yield nets.generator, bce(nets.discriminator(nets.generator(z)), 1), {"change": change.detach()}

    monkeypatch.setattr(TracedIteration, "compile", compile)
    training = training_with(trainer, tiny, compile=True)
    with pytest.warns(UserWarning, match="takes a copy of a tensor for the tensor itself"):
        assert next(training).metrics["change"] > 0


class Counting(nn.Sequential):
    """A discriminator that counts its passes in a buffer."""

    def __init__(self, *layers: nn.Module, exchanged: bool = False) -> None:
        super().__init__(*layers)
        self.exchanged = exchanged
        self.register_buffer("passes", torch.zeros(1))

    def forward(self, samples: Any) -> Any:
        if self.exchanged:
            self.passes = self.passes + 1
        else:
            self.passes += 1
        return super().forward(samples) * self.passes.clone()


def counting(tiny: Data, **how: Any) -> Training:
    exchanged = how.pop("exchanged")

    def discriminator(task: Any) -> nn.Module:
        return Counting(nn.Flatten(), nn.Linear(64, 1), exchanged=exchanged)

    settings = {"batch_size": 8, "latent_dim": 8, "generator.widths": (16,), "iterations": 4}
    record = replace(registry().gan("simple"), name="mine", discriminator=discriminator)
    return ganzoo.train(record, tiny, device="cpu", precision="fp32", **settings, **how)


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize("exchanged", [False, True])
def test_state_has_to_be_changed_in_place(tiny: Data, exchanged: bool) -> None:
    training, plain = (counting(tiny, exchanged=exchanged, compile=compile) for compile in (True, False))
    said = "replaces the tensor 'discriminator.passes' instead of changing it in place"
    with pytest.warns(UserWarning, match=said) if exchanged else nullcontext():
        assert run_iterations(training) == run_iterations(plain)
    assert compiled(training) is not exchanged
    assert differing(training.state(), plain.state()) == []


def clipped(weights: Any) -> None:
    for weight in weights:
        weight.data = weight.data.clamp(-0.01, 0.01)


def longer_ones(losses: Any) -> Any:
    return losses[losses > losses.mean()].mean()


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize(
    ("course", "said"),
    [
        (lambda D, y: clipped(D.parameters()) or 1, "replaces the tensor 'discriminator"),
        (lambda D, y: 1 + float(next(D.parameters()).detach().sum()), "control flow depends on the values of a tensor"),
        (lambda D, y: 1 + sum(y.detach().tolist()[0]), "control flow may depend on the values of a tensor"),
        (lambda D, y: 1 + y.detach().numpy().mean(), "control flow may depend on the values of a tensor"),
        (lambda D, y: longer_ones(y), "control flow depends on the values of a tensor"),
        (lambda D, y: 2 if y.mean() > 0 else 1, "control flow depends on the values of a tensor"),
        (lambda D, y: y[torch.arange(8).flip(0)].mean(), None),
        (lambda D, y: y.topk(3, 0).values.mean(), None),
    ],
)
def test_what_cannot_be_traced_runs_eagerly(tiny: Data, course: Any, said: str | None) -> None:
    def trainer(nets: Any, draw: Any) -> Any:
        real, z = draw()
        real_logits = nets.discriminator(real)
        yield nets.discriminator, bce(real_logits, 1) * course(nets.discriminator, real_logits)
        yield nets.generator, bce(nets.discriminator(nets.generator(z)), 1)

    training, plain = training_with(trainer, tiny, compile=True), training_with(trainer, tiny)
    with pytest.warns(UserWarning, match=said) if said else nullcontext():
        assert run_iterations(training) == run_iterations(plain)
    assert compiled(training) is (said is None)
    assert differing(training.state(), plain.state()) == []


@pytest.mark.usefixtures("uncompiled")
def test_looking_at_updates_between_iterations_changes_nothing(tiny: Data) -> None:
    training, plain = (
        small_training("simple", tiny, iterations=6, compile=True),
        small_training("simple", tiny, iterations=6),
    )
    for one in (training, plain):
        run_iterations(one, 2)
        torch.manual_seed(0)  # outside of iterations, random numbers are those of the process
        list(one.updates(one.batches.fetch))
        run_iterations(one)
    assert training.batches.drawn == plain.batches.drawn == 14
    assert differing(training.state(), plain.state()) == []


@pytest.mark.usefixtures("untraced")
@pytest.mark.skipif(not shutil.which("g++"), reason="there is no C++ compiler")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_compiled_iterations_are_close_to_eager_ones(tiny: Data, precision: str) -> None:
    """In fp32 with all that could go wrong: normalisation, noise of three kinds, several updates."""
    how: dict[str, Any] = {"iterations": 4, "precision": precision}
    if precision == "fp32":
        how |= {"smoothing": 0.1, "discriminator.dropout": 0.2, "generator_steps": 2}
    plain = small_training("simple", tiny, **how)
    first, resumed = (small_training("simple", tiny, **how, compile=True) for _ in range(2))
    losses = run_iterations(first, 2)
    checkpoint = snapshot(first)
    losses += run_iterations(first)
    for mine, theirs in zip(losses, run_iterations(plain), strict=True):
        assert mine == pytest.approx(theirs, rel=1e-3 if precision == "fp32" else 2e-2)
    assert compiled(first)
    resumed.load(checkpoint, "the checkpoint")
    assert run_iterations(resumed) == losses[2:]
    assert differing(resumed.state(), first.state()) == []
    assert first.model().sample(range(2)).shape == (2, 1, 8, 8)


@pytest.mark.usefixtures("untraced")
@pytest.mark.skipif(not shutil.which("g++"), reason="there is no C++ compiler")
def test_compiled_convolutions_are_close_to_eager_ones(tiny: Data) -> None:
    how = {
        "iterations": 3,
        "batch_size": 8,
        "latent_dim": 8,
        "generator.width": 4,
        "discriminator.width": 4,
        "precision": "fp32",
    }
    plain, training = (ganzoo.train("dcgan", tiny, device="cpu", **how, compile=compile) for compile in (False, True))
    for mine, theirs in zip(run_iterations(training), run_iterations(plain), strict=True):
        assert mine == pytest.approx(theirs, rel=1e-2)
    assert compiled(training)
