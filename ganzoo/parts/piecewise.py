"""Activations that are linear in pieces, in a form whose second derivative costs nothing."""

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


FORMS: dict[Callable[..., Any], Callable[..., Tensor]] = {F.relu: relu, F.leaky_relu: leaky_relu}


class PiecewiseLinear(TorchFunctionMode):
    """Within it, ReLU and leaky ReLU multiply by slopes that are constants to autograd, as almost everywhere they are.

    torch's own have a second derivative of zeros, which a penalty on gradients would send through all layers once more.
    Values and gradients are the same.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        form: Callable[..., Any] = FORMS.get(func, func)
        return form(*args, **kwargs or {})
