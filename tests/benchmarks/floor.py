"""A lower bound of every loop: the bare matrix products of an iteration, and fused Adam on as many weights.

The products of one iteration of ganzoo are recorded, and then repeated on random numbers of the same shapes, strides
and types, with nothing in between. There are three for each layer and batch (forward, gradient of the input, gradient
of the weights), less those whose result is not needed. A gradient penalty adds its own, less those with the zero second
derivative of a leaky ReLU. In bf16, some products of a penalty are in float32 all the same. Nothing that a loop could
share between two updates is shared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map
from torch.utils.flop_counter import flop_registry

from tests.benchmarks import ganzoo_loop
from tests.benchmarks.cases import LR, Case
from tests.benchmarks.harness import Repeat

aten = torch.ops.aten
PRODUCTS = {
    aten.mm.default,
    aten.addmm.default,
    aten.convolution.default,
    aten.convolution_backward.default,
}


@dataclass(frozen=True)
class Form:
    """Precision and memory format of the products."""

    precision: str = "fp32"
    layout: torch.memory_format = torch.contiguous_format


FORMS = {
    "floor fp32": Form(),
    "floor fp32, channels_last": Form(layout=torch.channels_last),
    "floor bf16": Form("bf16"),
    "floor bf16, channels_last": Form("bf16", torch.channels_last),
}


def forms(case: Case) -> dict[str, Form]:
    """Those that differ for a case: a memory format matters to convolutions alone."""
    conv = any(isinstance(module, torch.nn.Conv2d) for network in case.trainable() for module in network.modules())
    return {name: form for name, form in FORMS.items() if conv or form.layout is torch.contiguous_format}


@dataclass(frozen=True)
class Place:
    """A tensor in a product; equal places are the same memory."""

    address: int
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: torch.dtype


@dataclass(frozen=True)
class Product:
    """One call of torch, with places instead of tensors.

    ``flops`` counts a multiplication and an addition as two, and ``dtype`` is their type.
    """

    operator: Callable[..., Any]
    arguments: tuple[Any, ...]
    flops: int
    dtype: torch.dtype


class Recorder(TorchDispatchMode):
    """Records every product."""

    def __init__(self) -> None:
        super().__init__()
        self.products: list[Product] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func in PRODUCTS:
            flops = flop_registry[func.overloadpacket](*args, out_val=result)
            self.products.append(Product(func, tree_map(place, args), flops, args[0].dtype))
        return result


def place(value: Any) -> Any:
    if not isinstance(value, Tensor):
        return value
    shape, strides = tuple(value.shape), tuple(value.stride())
    return Place(value.untyped_storage().data_ptr(), value.storage_offset(), shape, strides, value.dtype)


def products(case: Case, precision: str = "fp32") -> list[Product]:
    """The products of one iteration, in order."""
    training = ganzoo_loop.training(case, ganzoo_loop.Configuration({"precision": precision}))
    # autocast, so that the recorded factors have the type in which they are multiplied
    training.device = replace(training.device, in_matmul=False)
    next(training)  # the first may differ
    with Recorder() as recorder:
        next(training)
    return recorder.products


def repeat(case: Case, form: Form) -> Repeat:
    """Iterations of bare products and optimizer steps."""
    tensors: dict[Place, Tensor] = {}

    def tensor(value: Any) -> Any:
        if not isinstance(value, Place):
            return value
        if value not in tensors:
            size = 1 + sum((side - 1) * stride for side, stride in zip(value.shape, value.strides, strict=True))
            made = torch.randn(size).mul(0.02).to(value.dtype).as_strided(value.shape, value.strides)
            tensors[value] = made.contiguous(memory_format=form.layout) if made.dim() == 4 else made
        return tensors[value]

    calls = [(product.operator, tree_map(tensor, product.arguments)) for product in products(case, form.precision)]
    adams = list(optimizers(case))

    def run(times: int) -> None:
        with torch.no_grad():
            for _ in range(times):
                for operator, arguments in calls:
                    operator(*arguments)
                for adam, steps in adams:
                    for _ in range(steps):
                        adam.step()

    return run


def optimizers(case: Case) -> Iterator[tuple[torch.optim.Optimizer, int]]:
    """Fused Adam on the weights of both networks, and how often each is updated in an iteration."""
    for network, updates in zip(case.trainable(), (1, case.critic_steps), strict=True):
        for weight in network.parameters():
            weight.grad = torch.randn_like(weight)
        yield torch.optim.Adam(network.parameters(), lr=LR, fused=True), updates
