"""Checkpoints hold whatever state an optimizer has, and weights without gradients have none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ganzoo.data import Data
from ganzoo.registry.registry import registry
from ganzoo.runs.run import first_iteration
from ganzoo.training.loop import Training
from ganzoo.util.errors import GanzooError
from tests.support import differing, run_iterations, small_training, snapshot


def adafactor(parameters: Any, *, lr: float = 1e-2) -> torch.optim.Optimizer:
    """Its state for a matrix is a vector for the rows and one for the columns (Shazeer & Stern, 2018)."""
    return torch.optim.Adafactor(parameters, lr=lr)


class Counting(torch.optim.Optimizer):
    """Gradient descent with a state of Python's numbers, of nothing, and of a tensor of another shape."""

    def __init__(self, parameters: Any, lr: float) -> None:
        super().__init__(parameters, {"lr": lr})

    def step(self, closure: Any = None) -> None:
        with torch.no_grad():
            for group in self.param_groups:
                for weight in group["params"]:
                    if weight.grad is None:
                        continue
                    state = self.state[weight]
                    state.setdefault("nothing", None)
                    state["steps"] = state.get("steps", 0) + 1
                    state["rate"] = state.get("rate", 1.0) * 0.9
                    state["history"] = torch.cat([state.get("history", torch.zeros(3))[1:], weight.grad.mean()[None]])
                    weight -= group["lr"] * state["rate"] / state["steps"] * (weight.grad + state["history"].sum())


def counting(parameters: Any, *, lr: float = 1e-2) -> torch.optim.Optimizer:
    """The optimizer above."""
    return Counting(parameters, lr)


def remembering(step: Callable[[Any, dict[str, Any], Tensor, dict[str, Any]], None]) -> Any:
    """An optimizer that remembers something by a function of itself, a parameter group, a weight and its state."""

    class Remembering(torch.optim.Optimizer):
        def step(self, closure: Any = None) -> None:
            with torch.no_grad():
                for group in self.param_groups:
                    for weight in group["params"]:
                        step(self, group, weight, self.state[weight])
                        weight -= group["lr"] * weight.grad

    def optimizer(parameters: Any, *, lr: float = 1e-2) -> torch.optim.Optimizer:
        """The optimizer above."""
        return Remembering(parameters, {"lr": lr})

    return optimizer


UNSTORABLE: dict[str, tuple[Any, str]] = {
    "text": (lambda o, g, w, s: s.update(x="warm"), "'optimizer.generator.0.x', a str"),
    "list": (lambda o, g, w, s: s.update(x=[1.0]), "'optimizer.generator.0.x', a list"),
    "tuple": (lambda o, g, w, s: s.update(x=(1, 2)), "'optimizer.generator.0.x', a tuple"),
    "complex": (lambda o, g, w, s: s.update(x=1j), "'optimizer.generator.0.x', a complex"),
    "large": (lambda o, g, w, s: s.update(x=2**63), "'optimizer.generator.0.x', a int"),
    "numpy": (lambda o, g, w, s: s.update(x=np.float64(1)), "'optimizer.generator.0.x', a float64"),
    "sparse": (lambda o, g, w, s: s.update(x=w.to_sparse()), "'optimizer.generator.0.x', a Tensor"),
    "shared": (lambda o, g, w, s: s.update(x=w.detach()), "'optimizer.generator.0.x' shares its memory"),
    "group": (lambda o, g, w, s: g.update(x=g.get("x", 0) + 1), "changes 'x' of its parameter groups"),
    "tensor of a group": (lambda o, g, w, s: g.update(x=torch.ones(1)), "changes 'x' of its parameter groups"),
    "key": (lambda o, g, w, s: o.state["all"].update(x=1), "changes the state of 'all'"),
    "attribute": (lambda o, g, w, s: setattr(o, "x", 1), "changes its attribute 'x'"),
    "inner": (lambda o, g, w, s: setattr(o, "inner", stepped()), "changes its attribute 'inner'"),
}


def stepped() -> torch.optim.Optimizer:
    """An optimizer with a state."""
    weight = nn.Parameter(torch.ones(1))
    weight.grad = torch.ones(1)
    optimizer = torch.optim.Adam([weight])
    optimizer.step()
    return optimizer


def unused(task: Any) -> nn.Module:
    """A discriminator with a layer that takes no part in its output."""

    class Unused(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.spare, self.last = nn.Linear(64, 8), nn.Linear(5, 5), nn.Linear(8, 1)

        def forward(self, samples: Tensor) -> Tensor:
            return self.last(self.first(samples.flatten(1)).relu())  # type: ignore[no-any-return]

    return Unused()


def start(tiny: Data, **parts: Any) -> Training:
    gan = replace(registry().gan("simple"), name="mine", **{"settings": {}, **parts})
    settings: dict[str, Any] = {"generator.widths": (16,), "batch_size": 8, "latent_dim": 8, "iterations": 4}
    from ganzoo import train

    return train(gan, tiny, device="cpu", precision="fp32", **settings)


@pytest.mark.parametrize(
    "parts",
    [{"optimizer": adafactor}, {"optimizer": counting}, {"discriminator": unused}],
    ids=["another shape", "numbers", "no gradient"],
)
def test_resuming_changes_no_bit(tiny: Data, parts: dict[str, Any]) -> None:
    whole, first, second = (start(tiny, **parts) for _ in range(3))
    run_iterations(first, 2)
    second.load(snapshot(first), "the checkpoint")
    expected = run_iterations(whole)
    assert run_iterations(second) == expected[2:]
    assert differing(whole.state(), second.state()) == []


@pytest.mark.parametrize("kind", UNSTORABLE)
def test_what_no_checkpoint_can_hold_is_refused(tiny: Data, kind: str) -> None:
    step, message = UNSTORABLE[kind]
    training = start(tiny, optimizer=remembering(step))
    training.state()
    run_iterations(training, 1)
    with pytest.raises(GanzooError, match=message) as refused:
        training.state()
    assert "no checkpoint" in str(refused.value)
    with pytest.raises(GanzooError, match=message):
        first_iteration(start(tiny, optimizer=remembering(step)))


def test_numbers_keep_their_type(tiny: Data) -> None:
    seen = set()

    def step(optimizer: Any, group: Any, weight: Tensor, state: dict[str, Any]) -> None:
        seen.update({(key, type(value)) for key, value in state.items()})
        state.update(flag=not state.get("flag", False), count=state.get("count", 0) + 1, rate=0.5)

    first, second = (start(tiny, optimizer=remembering(step)) for _ in range(2))
    run_iterations(first, 2)
    second.load(snapshot(first), "the checkpoint")
    run_iterations(second, 1)
    assert seen == {("flag", bool), ("count", int), ("rate", float)}


def test_a_network_that_was_never_updated_has_no_state(tiny: Data) -> None:
    first, second = (small_training("simple", tiny, iterations=2) for _ in range(2))
    run_iterations(first, 1)
    second.load(snapshot(small_training("simple", tiny, iterations=2)), "the checkpoint")
    assert run_iterations(second, 1) == run_iterations(small_training("simple", tiny, iterations=2), 1)


def test_the_state_of_another_optimizer_is_refused(tiny: Data) -> None:
    adam, sgd = (
        small_training("simple", tiny, iterations=2),
        small_training("simple", tiny, optimizer="sgd", momentum=0.5),
    )
    run_iterations(adam, 1)
    with pytest.raises(GanzooError, match=r"'optimizer\.generator\.0\.momentum_buffer' is missing or of another shape"):
        sgd.load(snapshot(adam), "the checkpoint")


def test_a_state_of_another_shape_is_refused(tiny: Data) -> None:
    training = start(tiny, optimizer=adafactor)
    run_iterations(training, 1)
    tensors = snapshot(training)
    name = next(name for name in tensors if name.endswith("row_var"))
    tensors[name] = torch.zeros(1)
    with pytest.raises(GanzooError, match=f"'{name}' is missing or of another shape"):
        start(tiny, optimizer=adafactor).load(tensors, "the checkpoint")
