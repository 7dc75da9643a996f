"""Learning rates, of the recipe or set by the caller or a scheduler of torch; and other options that change."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from ganzoo.util.errors import GanzooError

log = logging.getLogger("ganzoo")

Group = dict[str, Any]


class LearningRates:
    """The learning rates of one network's optimizer.

    They are multiples of a group's ``initial_lr``, as with torch's schedulers. A rate that is no longer the one that
    was set here belongs to the caller, or to a scheduler of torch that steps this optimizer. It stays as it is from
    then on, and one line says so. An optimizer that takes the place of another begins with a rate of its own.

    Args:
        name: of the network.
        optimizer: of its weights.
        changes: what of the recipe would change the rates, such as ``lr_schedule=linear``; empty for nothing.
    """

    def __init__(self, name: str, optimizer: Optimizer, changes: str) -> None:
        self.name, self.optimizer, self._changes = name, optimizer, changes
        self._last: list[tuple[Any, Any]] = []  # of each group: the rate, and its version where it is a tensor
        self._is_foreign = False

    def set(self, scale: float) -> None:
        """Set all rates to that multiple, unless they are set elsewhere."""
        groups = self.optimizer.param_groups
        if not self._is_foreign and (is_scheduled(self.optimizer) or any(map(self._is_changed, groups, self._last))):
            self._is_foreign = True
            if self._changes:
                log.warning(
                    "the %s's learning rate is set by hand or by a scheduler, so %s no longer changes it; a checkpoint "
                    "does not hold it: set it again after resuming",
                    self.name,
                    self._changes,
                )
        if self._is_foreign:
            self._keep_on_device(groups)
            return
        for group in groups:
            base = group.setdefault("initial_lr", float(group["lr"]))
            if isinstance(group["lr"], Tensor):  # a captured iteration reads it on the device
                group["lr"].fill_(base * scale)
            else:
                group["lr"] = base * scale
        self._last = [version(group["lr"]) for group in groups]

    def _is_changed(self, group: Group, last: tuple[Any, Any]) -> bool:
        rate, number = version(group["lr"])
        is_same = rate is last[0] if isinstance(rate, Tensor) or isinstance(last[0], Tensor) else rate == last[0]
        return not is_same or number != last[1]

    def _keep_on_device(self, groups: Sequence[Group]) -> None:
        """Put a rate where a captured iteration reads it, if it was a tensor and was replaced."""
        for group, (rate, _) in zip(groups, self._last, strict=False):
            if isinstance(rate, Tensor) and group["lr"] is not rate:
                rate.copy_(group["lr"]) if isinstance(group["lr"], Tensor) else rate.fill_(group["lr"])
                group["lr"] = rate


def version(rate: Any) -> tuple[Any, Any]:
    """A rate, and how often it was written if it is a tensor, which tells a change without waiting for the device."""
    return rate, rate._version if isinstance(rate, Tensor) else None


def is_scheduled(optimizer: Optimizer) -> bool:
    """Whether a scheduler of torch is attached to an optimizer. It marks the method that it counts the calls of."""
    return hasattr(optimizer.step, "_wrapped_by_lr_sched")


BETAS = ("beta1", "beta2")


def set_options(optimizer: Optimizer, options: Mapping[str, float]) -> None:
    """Set options that change during a training, such as ``beta2``, in all groups of weights.

    Raises:
        GanzooError: the optimizer has no such option.
    """
    for group in optimizer.param_groups:
        for name, value in options.items():
            if name in BETAS and "betas" in group:
                group["betas"] = tuple(
                    value if each == name else beta for each, beta in zip(BETAS, group["betas"], strict=True)
                )
            elif name in group and name != "lr":
                group[name] = value
            else:
                raise GanzooError(
                    f"the option '{name}' of this optimizer cannot change during a training; give one value"
                )


def require_weights(name: str, optimizer: object, weights: Sequence[nn.Parameter]) -> None:
    """Refuse an optimizer that was put in, and is none of a network's weights; GanzooError."""
    if not isinstance(optimizer, Optimizer):
        raise GanzooError(f"optimizers['{name}'] is a {type(optimizer).__name__}, not an optimizer of torch")
    held = {id(weight) for group in optimizer.param_groups for weight in group["params"]}
    if held != set(map(id, weights)):
        raise GanzooError(
            f"optimizers['{name}'] does not hold the weights of the {name}, so it would not train them; create it with "
            f"training.weights['{name}']"
        )
