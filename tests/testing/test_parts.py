"""The contract of parts: those that ship keep it, and a part that breaks a claim is named with the claim."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from ganzoo.data import Data
from ganzoo.loggers import Logger
from ganzoo.registry.registry import registry
from ganzoo.testing import ContractError, check_part, part_claims
from ganzoo.util.errors import GanzooError

SHIPPED = [(kind, name) for kind in ("optimizer", "augmentation", "schedule") for name in registry().parts[kind]]
HERE = ["mnist-10k", "emoji32", "ring8", "friedman1", "grey:emoji32", "stacked2"]


@pytest.mark.parametrize(("kind", "name"), [*SHIPPED, *(("dataset", name) for name in HERE)])
def test_parts_that_ship_keep_the_contract(kind: str, name: str) -> None:
    check_part(kind, name)


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Any], str]:
    """Register a part as ``mine``."""

    def add(kind: str, part: Any) -> str:
        monkeypatch.setitem(registry().parts[kind], "mine", part)
        return "mine"

    return add


def frozen_optimizer(parameters: Any) -> Any:
    return torch.optim.SGD(parameters, lr=0.0)


def forgetful_optimizer(parameters: Any) -> Any:
    class Forgetful(torch.optim.SGD):
        steps = 0

        def step(self, closure: Any = None) -> Any:
            self.steps += 1
            for group in self.param_groups:
                for weight in group["params"]:
                    weight.data.sub_(self.steps * weight.grad)

    return Forgetful(parameters, lr=0.1)


class Augmentation(nn.Module):
    def __init__(self, change: Callable[..., Any]) -> None:
        super().__init__()
        self.change = change

    def forward(self, *images: Any) -> Any:
        return self.change(*images)


def random_data(request: Any) -> Data:
    return Data(name="mine", samples=np.random.default_rng().standard_normal((5, 2)).astype(np.float32))


class Failing(Logger):
    def metrics(self, iteration: int, values: Any) -> None:
        raise RuntimeError("no\nspace")


class NotResumed(Logger):
    def start(self, run: Any) -> None:
        if run.iteration:
            raise RuntimeError("it exists")


numbers = count()


def of_images_alone(generated: Any, real: Any) -> dict[str, float]:
    if generated.ndim != 4:
        raise GanzooError("images are needed")
    return {"mean": float(generated.mean())}


def of_nothing(generated: Any, real: Any) -> dict[str, float]:
    raise GanzooError("not these")


def writes(generated: Any, real: Any) -> dict[str, float]:
    generated[0] = 0
    return {"mean": 0.0}


@pytest.mark.parametrize(
    ("kind", "part", "complaint"),
    [
        ("optimizer", lambda parameters: 3, "optimizer 'mine' makes a int"),
        ("optimizer", frozen_optimizer, "leaves the weights as they are"),
        ("optimizer", forgetful_optimizer, "differs when it is resumed"),
        ("augmentation", lambda task: 3, "makes a int, not a module"),
        ("augmentation", lambda task: Augmentation(lambda x, *_: (x,)), "of 2 tensors; return as many"),
        ("augmentation", lambda task: Augmentation(lambda *x: [each[..., :8] for each in x]), "changes shapes to"),
        ("augmentation", lambda task: Augmentation(lambda *x: [each / 0 for each in x]), "what is not finite"),
        ("augmentation", lambda task: Augmentation(lambda *x: [each.detach() for each in x]), "stops the gradient"),
        ("schedule", lambda progress: 1 + progress, "leaves [0, 1]: 2"),
        ("schedule", lambda progress: "1", "gives ['1'], not a number"),
        ("schedule", lambda progress: 0.0, "begins at 0"),
        ("schedule", lambda progress: 1 / (2 + next(numbers)), "depends on earlier calls"),
        ("dataset", random_data, "differs each time that it is loaded"),
        ("dataset", lambda request: [1], "returned list, not ganzoo.data.Data"),
        ("dataset", lambda request: 1 / 0, "dataset 'mine' fails: ZeroDivisionError"),
        ("logger", str, "is a str, not a ganzoo.loggers.Logger"),
        ("logger", Failing, "logger 'mine' fails: RuntimeError: no"),
        ("logger", NotResumed, "logger 'mine' fails: RuntimeError: it exists"),
        ("metric", lambda a, b: 3.0, "metric 'mine' has to return named numbers: it returned 3.0"),
        ("metric", lambda a, b: {}, "it returned {}"),
        ("metric", lambda a, b: {"a b": 1.0}, "the name of a number is 'a b'"),
        ("metric", lambda a, b: {"x": "1"}, "x is '1'"),
        ("metric", lambda a, b: {"x": float("nan")}, "is not finite for random images"),
        ("metric", lambda a, b: {"x": next(numbers)}, "gives other numbers for the same images"),
        ("metric", lambda a, b: {f"x{len(a)}": 1.0}, "gives other names for other images"),
        ("metric", lambda a, b: 1 / 0, "metric 'mine' failed: ZeroDivisionError"),
        ("metric", writes, "metric 'mine' failed: ValueError: assignment destination is read-only"),
        ("metric", of_nothing, "takes neither images nor vectors: metric 'mine': not these"),
    ],
)
def test_a_part_that_breaks_a_claim(kind: str, part: Any, complaint: str, register: Callable[..., str]) -> None:
    with pytest.raises(ContractError) as caught:
        check_part(kind, register(kind, part))
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_metric_may_refuse_one_kind_of_samples(register: Callable[..., str]) -> None:
    claims = list(part_claims("metric", register("metric", of_images_alone)))
    assert claims[0] == "returns named numbers for images: mine.mean"
    assert claims[-1] == "refuses others in one line (metric 'mine': images are needed)"


def test_what_cannot_be_used_here_is_no_fault_of_the_part(register: Callable[..., str]) -> None:
    def absent() -> Iterator[None]:
        raise GanzooError("this needs curves, which is not installed; run: pip install curves")

    with pytest.raises(GanzooError, match="this needs curves") as caught:
        check_part("logger", register("logger", absent))
    assert not isinstance(caught.value, ContractError)


@pytest.mark.parametrize("kind", ["generator", "trainer", "GAN", "plugin"])
def test_networks_and_trainers_are_checked_within_a_gan(kind: str) -> None:
    with pytest.raises(GanzooError, match=f"a part of the kind '{kind}' is not checked alone"):
        check_part(kind, "dense")
