"""Products of float32 matrices that round their factors to bf16, and parts of a computation that must not be rounded.

On a CPU with units for bf16 products this is faster than autocast for dense networks: sums, activations, weights and
gradients are float32 throughout, so nothing is cast from one type to the other in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


@contextmanager
def precision(name: str) -> Iterator[None]:
    """Within it, products of float32 matrices have torch's precision of that name, wherever in the process they are."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(name)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def rounded() -> bool:
    """Whether products of float32 matrices are rounded here."""
    return torch.get_float32_matmul_precision() != "highest"


class Exactly(torch.autograd.Function):
    """A value whose gradients are taken without rounding, though the backward pass around it rounds.

    What is rounded is a matter of the whole process, and a backward pass asks when it comes to a product. So the graph
    behind the value is kept back, and gone through on its own.
    """

    @staticmethod
    def forward(ctx: Any, behind: Sequence[Tensor], *sources: Tensor) -> Tensor:
        ctx.behind, ctx.sources = behind, sources
        return behind[0].detach()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        with precision("highest"):
            return (None, *torch.autograd.grad(ctx.behind, ctx.sources, gradient, allow_unused=True))


def exactly(value: Tensor, sources: Sequence[Tensor]) -> Tensor:
    """The same value, whose gradients in ``sources`` are exact; in no others does it have any."""
    result: Tensor = Exactly.apply([value], *(source for source in sources if source.requires_grad))
    return result
