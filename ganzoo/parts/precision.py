"""Matrix products whose float32 factors are rounded to bf16, and where they must not be.

On a CPU with units for bf16 products this is faster than autocast for dense networks: activations, weights, gradients
and sums stay float32, so nothing is converted in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar

import torch
from torch import Tensor

_in_bf16: ContextVar[bool] = ContextVar("in_bf16", default=False)


def in_bf16_matmul() -> bool:
    """Whether the caller is within :func:`bf16_matmul`."""
    return _in_bf16.get()


def bf16_matmul_supported() -> bool:
    """Whether torch still takes ``set_float32_matmul_precision``: not once the process has used the newer settings."""
    try:
        return bool(torch.get_float32_matmul_precision())
    except RuntimeError:
        return False


@contextmanager
def matmul_precision(name: str) -> Iterator[None]:
    """Set torch's precision of float32 matrix products within the context: ``highest``, ``high`` or ``medium``."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(name)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


@contextmanager
def bf16_matmul() -> Iterator[None]:
    """Round the factors of float32 matrix products to bf16 within the context."""
    token = _in_bf16.set(True)
    try:
        with matmul_precision("medium"):
            yield
    finally:
        _in_bf16.reset(token)


def fp32_matmul() -> AbstractContextManager[None]:
    """Keep matrix products in float32, also within :func:`bf16_matmul`."""
    return matmul_precision("highest") if in_bf16_matmul() else nullcontext()


def fp32_backward(value: Tensor) -> Tensor:
    """The same value. A backward pass that reaches it computes in float32 from there on.

    A backward pass looks at the precision at each product, so a hook sets it on the way. The rest of that pass is in
    float32 too, whether or not it belongs to ``value``. :func:`bf16_matmul`, in which the pass was started, restores
    the precision.
    """
    if in_bf16_matmul() and value.requires_grad:
        value.register_hook(lambda _: torch.set_float32_matmul_precision("highest"))  # type: ignore[no-untyped-call]
    return value
