"""The networks of the skip-GANs: mixtures of a generator and a prior model, and the published ones for regression."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganzoo.parts import Activation, activation

from .regressors import Regressor


class Skip(nn.Module):
    """w G(z, p) + (1 - w) p. The prior model makes p from the part of the latent that G does not take.

    Args:
        prior: the prior model, from latents to samples.
        net: G.
        latents: length of G's part of the latent, and of the prior's.
        weight: w at the start.
        limits: range of samples, to which p is clamped; ``None`` where it is unbounded.
    """

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
        """Samples ``(N, *shape)`` from latents ``(N, latent_dim)``, in the range of the task, as both G and p are."""
        p = self.prior(z[:, self.own :])
        if self.limits is not None:
            p = p.clamp(*self.limits)
        generated = self.net(torch.cat([z[:, : self.own], p.flatten(1)], 1))
        return self.weight * generated + (1 - self.weight) * p  # type: ignore[no-any-return]


class SkipPairs(nn.Module):
    """w G(x, t) + (1 - w) t with t = f(x) + bias + sigma e, where f is a regression as prior model.

    The first latent is e; the others belong to the prior. ``weight=None`` is no skip connection: w is 1.
    """

    def __init__(self, prior: Regressor, net: nn.Module, bias: float, sigma: float, weight: float | None) -> None:
        super().__init__()
        self.prior, self.net, self.bias, self.sigma = prior, net, bias, sigma
        self.latent_dim = 1 + prior.latent_dim
        self.weight = nn.Parameter(torch.tensor(1.0 if weight is None else weight), requires_grad=weight is not None)

    def prior_sample(self, z: Tensor, conditions: Tensor) -> Tensor:
        """Targets ``(N, 1)`` of the prior, from the arguments of :meth:`forward`."""
        return self.prior(conditions, z[:, 1:]) + self.bias + self.sigma * z[:, :1]  # type: ignore[no-any-return]

    def forward(self, z: Tensor, conditions: Tensor) -> Tensor:
        """Targets ``(N, 1)``, unbounded, from latents ``(N, latent_dim)`` and inputs ``(N, p)``."""
        t = self.prior_sample(z, conditions)
        generated = self.net(torch.cat([conditions, t], 1))
        return self.weight * generated + (1 - self.weight) * t  # type: ignore[no-any-return]


class Tied(nn.Module):
    """An input layer, a hidden layer applied several times with the same weights, and an output layer of one unit."""

    def __init__(self, inputs: int, width: int, repeats: int, hidden: Activation) -> None:
        super().__init__()
        self.first, self.again, self.last = nn.Linear(inputs, width), nn.Linear(width, width), nn.Linear(width, 1)
        self.hidden, self.repeats = activation(hidden), repeats

    def forward(self, pairs: Tensor) -> Tensor:
        """Outputs ``(N, 1)`` from inputs ``(N, inputs)``."""
        h = self.hidden(self.first(pairs))
        for _ in range(self.repeats):
            h = self.hidden(self.again(h))
        return self.last(h)  # type: ignore[no-any-return]


class OnPairs(nn.Module):
    """A discriminator of targets joined to their regression inputs."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, targets: Tensor, conditions: Tensor) -> Tensor:
        """Logits ``(N, 1)`` of targets ``(N, 1)`` with inputs ``(N, p)``."""
        return self.net(torch.cat([conditions, targets], 1))  # type: ignore[no-any-return]
