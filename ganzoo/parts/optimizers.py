"""Optimizers, as parts: their keyword-only arguments are the numbers that a user can set."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ganzoo.util.optional import torch

if TYPE_CHECKING:
    from torch import Tensor


def adam(
    parameters: Iterable[Tensor], *, lr: float = 1e-3, beta1: float = 0.5, beta2: float = 0.999, eps: float = 1e-8
) -> torch.optim.Optimizer:
    """Adam (Kingma & Ba, 2015), fused into one pass over the parameters."""
    return torch.optim.Adam(parameters, lr=lr, betas=(beta1, beta2), eps=eps, fused=True)


def rmsprop(parameters: Iterable[Tensor], *, lr: float = 5e-5, alpha: float = 0.99) -> torch.optim.Optimizer:
    """RMSprop (Tieleman & Hinton, 2012)."""
    return torch.optim.RMSprop(parameters, lr=lr, alpha=alpha)


def sgd(parameters: Iterable[Tensor], *, lr: float = 1e-2, momentum: float = 0.0) -> torch.optim.Optimizer:
    """Gradient descent, with momentum if asked for."""
    return torch.optim.SGD(parameters, lr=lr, momentum=momentum)
