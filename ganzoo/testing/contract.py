"""What fails where a plugin does not keep its contract."""

from __future__ import annotations

from ganzoo.util.errors import GanzooError


class ContractError(GanzooError):
    """A GAN or a part does not keep the contract. The message names the claim that fails, and how."""


def require(condition: bool, complaint: str) -> None:
    """Raise a ContractError unless a condition holds."""
    if not condition:
        raise ContractError(complaint)
