"""The states of optimizers as named tensors, and back: whatever tensors and numbers they consist of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ganzoo.util.errors import GanzooError

Optimizers = Mapping[str, Optimizer]
Weights = Mapping[str, Sequence[nn.Parameter]]


def optimizer_state(optimizers: Optimizers, weights: Weights) -> dict[str, Tensor]:
    """The states of optimizers by network, place of the weight, and name: ``generator.0.exp_avg``.

    A weight that never had a gradient has no state.
    """
    return {
        f"{name}.{index}.{key}": as_tensor(value)
        for name, optimizer in optimizers.items()
        for index, weight in enumerate(weights[name])
        for key, value in optimizer.state.get(weight, {}).items()
        if value is not None
    }


def load_optimizer_state(
    optimizers: Optimizers,
    weights: Weights,
    tensors: Mapping[str, Tensor],
    create: Callable[[str, Sequence[nn.Parameter]], Optimizer],
    source: str,
) -> None:
    """Give optimizers the state that :func:`optimizer_state` returned.

    Args:
        optimizers, weights: by network.
        tensors: the state.
        create: creates the optimizer of a network, which shows what a state consists of.
        source: the file, for the message of an error.

    Raises:
        GanzooError: a tensor is missing, left over, or of another shape or type.
    """
    left = dict(tensors)
    for name, optimizer in optimizers.items():
        for index, weight in enumerate(weights[name]):
            if not any(key.startswith(f"{name}.{index}.") for key in left):
                optimizer.state.pop(weight, None)
                continue
            for key, example in state_after_a_step(weight, partial(create, name), optimizer).items():
                tensor, wanted = left.pop(f"{name}.{index}.{key}", None), as_tensor(example)
                if tensor is None or tensor.shape != wanted.shape or tensor.dtype != wanted.dtype:
                    raise GanzooError(
                        f"{source} does not fit: 'optimizer.{name}.{index}.{key}' is missing or of another shape"
                    )
                is_tensor = isinstance(example, Tensor)
                optimizer.state[weight][key] = torch.empty_like(example).copy_(tensor) if is_tensor else tensor.item()
    if left:
        raise GanzooError(f"{source} does not fit: there is no weight for 'optimizer.{min(left)}'")


def state_after_a_step(
    weight: nn.Parameter, create: Callable[[Sequence[nn.Parameter]], Optimizer], used: Optimizer
) -> Mapping[str, Any]:
    """The state that one step leaves for a weight of that shape, memory layout and device."""
    zero = nn.Parameter(torch.zeros_like(weight))
    zero.grad = torch.zeros_like(weight)
    optimizer = create([zero])
    for group, other in zip(optimizer.param_groups, used.param_groups, strict=False):
        group |= {key: other[key] for key in ("capturable", "fused", "foreach") if key in other}
    optimizer.step()
    return {key: value for key, value in optimizer.state[zero].items() if value is not None}


def as_tensor(value: Any) -> Tensor:
    """A value of an optimizer's state as a tensor. Python's numbers take 64 bits, which tells them from tensors."""
    if isinstance(value, Tensor):
        return value
    return torch.tensor(value, dtype=torch.float64 if isinstance(value, float) else torch.int64)
