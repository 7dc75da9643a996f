"""The networks of the skip-GANs: mixtures of a generator with its prior, and the published small ones for pairs."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganzoo.parts.builders import Activation, activation

from .regressors import Regressor


class Skip(nn.Module):
    """w G(z, p) + (1 - w) p, with p drawn from a prior model by the latents behind G's own; ``latents`` counts both."""

    def __init__(
        self,
        prior: nn.Module,
        net: nn.Module,
        latents: tuple[int, int],
        weight: float,
        limits: tuple[float, float] | None,
    ) -> None:
        super().__init__()
        self.prior, self.net, self.own, self.limits = prior, net, latents[0], limits
        self.latent_dim = sum(latents)
        self.weight = nn.Parameter(torch.tensor(weight))

    def forward(self, z: Tensor) -> Tensor:
        """Samples ``(N, *shape)`` of latents ``(N, latent)``; in the range of the task, as both G and p are."""
        p = self.prior(z[:, self.own :])
        if self.limits is not None:
            p = p.clamp(*self.limits)
        made = self.net(torch.cat([z[:, : self.own], p.flatten(1)], 1))
        return self.weight * made + (1 - self.weight) * p  # type: ignore[no-any-return]


class SkipPairs(nn.Module):
    """w G(x, t) + (1 - w) t, with t = f(x) + bias + sigma e from a regression f as prior.

    The first latent is e and the others are the prior's. ``weight=None`` leaves the skip out: w is 1 and stays so.
    """

    def __init__(self, prior: Regressor, net: nn.Module, bias: float, sigma: float, weight: float | None) -> None:
        super().__init__()
        self.prior, self.net, self.bias, self.sigma = prior, net, bias, sigma
        self.latent_dim = 1 + prior.latent_dim
        self.weight = nn.Parameter(torch.tensor(1.0 if weight is None else weight), requires_grad=weight is not None)

    def drawn(self, z: Tensor, conditions: Tensor) -> Tensor:
        """The prior's targets ``(N, 1)``, of what :meth:`forward` takes."""
        return self.prior(conditions, z[:, 1:]) + self.bias + self.sigma * z[:, :1]  # type: ignore[no-any-return]

    def forward(self, z: Tensor, conditions: Tensor) -> Tensor:
        """Targets ``(N, 1)``, unbounded, of latents ``(N, latent)`` and inputs ``(N, p)``."""
        t = self.drawn(z, conditions)
        made = self.net(torch.cat([conditions, t], 1))
        return self.weight * made + (1 - self.weight) * t  # type: ignore[no-any-return]


class Tied(nn.Module):
    """A layer in, one layer applied several times over with the same weights, and one number out."""

    def __init__(self, inputs: int, width: int, repeats: int, hidden: Activation) -> None:
        super().__init__()
        self.first, self.again, self.last = nn.Linear(inputs, width), nn.Linear(width, width), nn.Linear(width, 1)
        self.hidden, self.repeats = activation(hidden), repeats

    def forward(self, pairs: Tensor) -> Tensor:
        """``(N, 1)`` of ``(N, inputs)``."""
        h = self.hidden(self.first(pairs))
        for _ in range(self.repeats):
            h = self.hidden(self.again(h))
        return self.last(h)  # type: ignore[no-any-return]


class OnPairs(nn.Module):
    """A discriminator of targets joined to the inputs that they belong to."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, targets: Tensor, conditions: Tensor) -> Tensor:
        """Logits ``(N, 1)`` of targets ``(N, 1)`` under inputs ``(N, p)``."""
        return self.net(torch.cat([conditions, targets], 1))  # type: ignore[no-any-return]
