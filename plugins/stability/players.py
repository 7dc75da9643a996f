"""The players of Dirac-GANs: networks of one number."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Point(nn.Module):
    """A generator of one number theta for each class, whatever z is."""

    def __init__(self, classes: int = 1) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.zeros(classes))

    def forward(self, z: Tensor, *condition: Tensor) -> Tensor:
        """``(N, 1)``."""
        return of_class(self.theta, z, *condition)


class Line(nn.Module):
    """A discriminator psi x, with a psi for each class."""

    def __init__(self, classes: int = 1) -> None:
        super().__init__()
        self.psi = nn.Parameter(torch.zeros(classes))

    def forward(self, x: Tensor, *condition: Tensor) -> Tensor:
        """``(N, 1)``."""
        return of_class(self.psi, x, *condition) * x


class Mixture(nn.Module):
    """The generator of a skip-GAN, w theta + (1 - w) p, where p is what the prior is wrong by; it rests at 0."""

    def __init__(self, weight: float, p: float) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.full((1,), -(1 - weight) * p / weight))
        self.weight = nn.Parameter(torch.tensor(weight))
        self.p = p

    def forward(self, z: Tensor) -> Tensor:
        """``(N, 1)``."""
        return (self.weight * self.theta + (1 - self.weight) * self.p).expand(len(z), 1)


class Shift(nn.Module):
    """A child that moves what it is given by phi."""

    def __init__(self) -> None:
        super().__init__()
        self.phi = nn.Parameter(torch.zeros(1))

    def forward(self, y: Tensor) -> Tensor:
        """``(N, 1)``."""
        return y + self.phi


class Refined(nn.Module):
    """The generator of a privileged GAN: a child over its parent's number, to which no gradient returns."""

    def __init__(self, parent: nn.Module) -> None:
        super().__init__()
        self.parent, self.child = parent, Shift()

    def forward(self, z: Tensor) -> Tensor:
        """``(N, 1)``."""
        return self.child(self.parent(z).detach())  # type: ignore[no-any-return]


def of_class(numbers: Tensor, samples: Tensor, *labels: Tensor) -> Tensor:
    """The number ``(N, 1)`` of each sample's class, or the only one."""
    return (numbers[labels[0]] if labels else numbers.expand(len(samples))).unsqueeze(1)
