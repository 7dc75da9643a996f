"""The states of optimizers as named tensors, and back: whatever tensors and numbers they consist of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ganzoo.util.errors import GanzooError

Optimizers = Mapping[str, Optimizer]
Weights = Mapping[str, Sequence[nn.Parameter]]
Create = Callable[[str, Sequence[nn.Parameter]], Optimizer]


def optimizer_state(optimizers: Optimizers, weights: Weights, create: Create) -> dict[str, Tensor]:
    """The states of optimizers by network, place of the weight, and name: ``generator.0.exp_avg``.

    A weight that never had a gradient has no state.

    Args:
        optimizers, weights: by network.
        create: creates the optimizer of a network.

    Raises:
        GanzooError: an optimizer remembers something that a checkpoint does not hold.
    """
    found: dict[str, Tensor] = {}
    for name, optimizer in optimizers.items():
        refuse_memory_elsewhere(name, optimizer, weights[name], create(name, weights[name]))
        for index, weight in enumerate(weights[name]):
            for key, value in optimizer.state.get(weight, {}).items():
                if value is not None:
                    found[f"{name}.{index}.{key}"] = as_tensor(value, f"optimizer.{name}.{index}.{key}")
    places = Counter(tensor.data_ptr() for tensor in (*found.values(), *chain(*weights.values())))
    for name, tensor in found.items():
        if tensor.numel() and places[tensor.data_ptr()] > 1:
            raise GanzooError(f"'optimizer.{name}' shares its memory, which no checkpoint can hold; let it be a copy")
    return found


def refuse_memory_elsewhere(name: str, optimizer: Optimizer, weights: Sequence[nn.Parameter], fresh: Optimizer) -> None:
    """Refuse an optimizer that remembers something elsewhere than in the states of its weights.

    A training that is resumed would differ without a word.

    Args:
        name: of the network.
        optimizer: after some iterations.
        weights: of the network.
        fresh: the same optimizer as it was created.

    Raises:
        GanzooError: it does; the message names what.
    """
    known = {id(weight) for weight in weights}
    elsewhere = [
        f"the state of {key!r:.60}" for key, state in optimizer.state.items() if state and id(key) not in known
    ]
    for group, other in zip(optimizer.param_groups, fresh.param_groups, strict=False):
        changed = [key for key in group if key not in SET_BY_TRAINING and is_changed(group[key], other.get(key))]
        elsewhere += [f"'{key}' of its parameter groups" for key in changed]
    for key, value in vars(optimizer).items():
        if isinstance(value, Optimizer):
            is_lost = bool(value.state) and value.state is not optimizer.state
        else:
            is_lost = not key.startswith("_") and is_changed(value, vars(fresh).get(key))
        elsewhere += [f"its attribute '{key}'"] if is_lost else []
    if elsewhere:
        raise GanzooError(
            f"the {name}'s optimizer changes {elsewhere[0]}, which no checkpoint holds; an optimizer has to keep what "
            "it remembers in optimizer.state[weight], as tensors and numbers"
        )


SET_BY_TRAINING = {"params", "lr", "initial_lr", "capturable", "fused", "foreach"}
"""Entries of parameter groups that a training sets itself."""


def is_changed(value: Any, before: Any) -> bool:
    """Whether a number, text or tensor differs from what it was; anything else counts as the same."""
    if isinstance(value, Tensor):
        return not (isinstance(before, Tensor) and torch.equal(value, before.to(value.device)))
    return isinstance(value, (bool, int, float, str)) and value != before


def load_optimizer_state(
    optimizers: Optimizers,
    weights: Weights,
    tensors: Mapping[str, Tensor],
    create: Create,
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
                what = f"optimizer.{name}.{index}.{key}"
                tensor, wanted = left.pop(what.removeprefix("optimizer."), None), as_tensor(example, what)
                if tensor is None or tensor.shape != wanted.shape or tensor.dtype != wanted.dtype:
                    raise GanzooError(f"{source} does not fit: '{what}' is missing or of another shape")
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


NUMBERS = {bool: torch.bool, int: torch.int64, float: torch.float64}


def as_tensor(value: Any, what: str) -> Tensor:
    """A value of an optimizer's state as a tensor. Python's numbers take 64 bits, which tells them from tensors.

    Raises:
        GanzooError: a checkpoint cannot hold it.
    """
    if isinstance(value, Tensor) and value.layout == torch.strided and not value.is_complex():
        return value
    if type(value) in NUMBERS and not (type(value) is int and abs(value) >= 2**63):
        return torch.tensor(value, dtype=NUMBERS[type(value)])
    raise GanzooError(
        f"no checkpoint can hold '{what}', a {type(value).__name__}; an optimizer has to keep what it remembers as "
        "dense real tensors, and as Python's bool, int of 64 bits and float"
    )
