"""What a trainer yields: the modules that are updated, and their loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from torch import Tensor, nn

from ganzoo.registry.registry import NAME
from ganzoo.util.errors import GanzooError, printable

Updated = nn.Module | tuple[nn.Module, ...]
"""What an update changes: a network, a module within one, or several of them."""

OF_THE_LOG = ("iteration", "findings", "iterations_per_second", "cpu_seconds")  # which metrics cannot be named


def check_update(update: Any, gan: str) -> None:
    """Refuse what is not ``(updated, loss)`` or ``(updated, loss, metrics)``, before anything is computed from it.

    Raises:
        GanzooError: the loss or a metric is no scalar, a metric has another name than a plugin's records may have, or
            one of the log's own.
    """
    match update:
        case (_, Tensor() as loss):
            metrics: Mapping[Any, Any] = {}
        case (_, Tensor() as loss, Mapping() as metrics):
            pass
        case _:
            raise GanzooError(
                f"the trainer of {gan} yields {printable(repr(update), 60)}; it has to yield (network, loss) or "
                "(network, loss, metrics), with a tensor as the loss and a dictionary of tensors as the metrics"
            )
    for name, value in {"the loss": loss, **metrics}.items():
        if not isinstance(value, Tensor) or value.numel() != 1 or value.is_complex():
            raise GanzooError(
                f"the trainer of {gan} yields {printable(str(name), 60)} that is not a tensor of one number"
            )
    for name in metrics:
        if not isinstance(name, str) or not NAME.fullmatch(name) or name in OF_THE_LOG:
            raise GanzooError(
                f"the trainer of {gan} yields a metric named {printable(repr(name), 60)}; a name has letters, digits, "
                f"and later also - . _, and is none of {', '.join(OF_THE_LOG)}"
            )


class Place(NamedTuple):
    """Where a module is: in which network that is trained, and under which dotted name."""

    network: str
    name: str


def places(networks: Mapping[str, nn.Module]) -> dict[int, Place]:
    """The places of all networks and of all modules within them, by the id of the module."""
    found: dict[int, Place] = {}
    for network, whole in reversed(list(networks.items())):  # a parent within its child is a network of its own
        for path, module in whole.named_modules():
            found.setdefault(id(module), Place(network, f"{network}.{path}" if path else network))
    return found | {id(whole): Place(network, network) for network, whole in networks.items()}
