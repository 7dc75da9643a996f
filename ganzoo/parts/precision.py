"""Products of float32 matrices whose factors are rounded to bf16, and what must not be rounded there.

On a CPU with units for bf16 products this is faster than autocast for dense networks: sums, activations, weights and
gradients are float32 throughout, so nothing is cast from one type to the other in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar

import torch
from torch import Tensor

_rounded: ContextVar[bool] = ContextVar("rounded", default=False)


def rounded() -> bool:
    """Whether this is within :func:`bf16_matmul`."""
    return _rounded.get()


def bf16_matmul_supported() -> bool:
    """Whether torch's old way to set the precision works: it does not once somebody has used the new one."""
    try:
        return bool(torch.get_float32_matmul_precision())
    except RuntimeError:
        return False


@contextmanager
def precision(name: str) -> Iterator[None]:
    """Within it, products of float32 matrices have torch's precision of that name, in the whole process."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(name)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


@contextmanager
def bf16_matmul() -> Iterator[None]:
    """Within it, products of float32 matrices have factors rounded to bf16."""
    token = _rounded.set(True)
    try:
        with precision("medium"):
            yield
    finally:
        _rounded.reset(token)


def fp32_matmul() -> AbstractContextManager[None]:
    """Within it, nothing is rounded, though it may be around it."""
    return precision("highest") if rounded() else nullcontext()


def fp32_backward(value: Tensor) -> Tensor:
    """The same value. A backward pass that reaches it iterations nothing from there to its end.

    Backward passes ask for the precision when they come to a product, so it is set on the way. What follows and is no
    part of the value becomes exact too. Where the pass was begun within :func:`bf16_matmul`, that gives it back.
    """
    if rounded() and value.requires_grad:
        value.register_hook(lambda _: torch.set_float32_matmul_precision("highest"))  # type: ignore[no-untyped-call]
    return value
