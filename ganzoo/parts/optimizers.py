"""Optimizers, as parts: their keyword-only arguments are settings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ganzoo.registry.values import Decay, Positive, ScheduledDecay
from ganzoo.util.optional import torch

if TYPE_CHECKING:
    from torch import Tensor


def adam(
    parameters: Iterable[Tensor],
    *,
    lr: Positive = 1e-3,
    beta1: ScheduledDecay = 0.5,
    beta2: ScheduledDecay = 0.999,
    eps: Positive = 1e-8,
) -> torch.optim.Optimizer:
    """Adam (Kingma & Ba, 2015), fused into one pass over the parameters.

    Args:
        parameters: to be trained.
        lr: learning rate at the start.
        beta1: decay of the average of gradients; GANs use 0 to 0.5.
        beta2: decay of the average of squared gradients.
        eps: added to the root of the average of squared gradients.
    """
    return torch.optim.Adam(parameters, lr=lr, betas=(beta1, beta2), eps=eps, fused=True)


def rmsprop(parameters: Iterable[Tensor], *, lr: Positive = 5e-5, alpha: Decay = 0.99) -> torch.optim.Optimizer:
    """RMSprop (Tieleman & Hinton, 2012).

    Args:
        parameters: to be trained.
        lr: learning rate at the start.
        alpha: decay of the average of squared gradients.
    """
    return torch.optim.RMSprop(parameters, lr=lr, alpha=alpha)


def sgd(parameters: Iterable[Tensor], *, lr: Positive = 1e-2, momentum: Decay = 0.0) -> torch.optim.Optimizer:
    """Stochastic gradient descent.

    Args:
        parameters: to be trained.
        lr: learning rate at the start.
        momentum: share of the last step that is added to the next.
    """
    return torch.optim.SGD(parameters, lr=lr, momentum=momentum)
