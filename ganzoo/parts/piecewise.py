"""ReLU and leaky ReLU with a second derivative that costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode


def relu(x: Tensor, inplace: bool = False) -> Tensor:
    return leaky_relu(x, 0.0, inplace)


def leaky_relu(x: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    slopes = torch.where(x.detach() > 0, x.new_ones(()), negative_slope)
    return x.mul_(slopes) if inplace else x * slopes


REPLACED: dict[Callable[..., Any], Callable[..., Tensor]] = {F.relu: relu, F.leaky_relu: leaky_relu}


class PiecewiseLinear(TorchFunctionMode):
    """Within it, ReLU and leaky ReLU multiply by slopes that are constants to autograd.

    They are piecewise linear, so their second derivative is zero almost everywhere. torch's own is a tensor of zeros,
    which a gradient penalty would send through all layers once more. Values and gradients are the same.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        replaced: Callable[..., Any] = REPLACED.get(func, func)
        return replaced(*args, **kwargs or {})
