"""One script, as most GANs are trained: a reimplementation of the PyTorch-GAN collection's loop.

Linder-Norén, PyTorch-GAN (github.com/eriklindernoren/PyTorch-GAN). What costs time there is kept: torch's default Adam,
backward passes into both networks for every update, losses fetched in every iteration.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.benchmarks.cases import BETAS, LR, PENALTY, Case
from tests.benchmarks.draws import Draws


def adam(network: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adam(network.parameters(), lr=LR, betas=BETAS)


class Script:
    """The loop of one case; ``losses`` holds those of the last iteration, by network."""

    def __init__(self, case: Case, draws: Draws) -> None:
        self.case, self.draws = case, draws
        self.G, self.D = case.trainable()
        self.adam_G, self.adam_D = adam(self.G), adam(self.D)
        self.losses: dict[str, Any] = {}

    def __call__(self, iterations: int) -> None:
        iterate = self.penalised if self.case.penalised else self.adversarial
        for _ in range(iterations):
            generator, discriminator = iterate()
            self.losses = {"generator": generator.item(), "discriminator": discriminator.item()}

    def adversarial(self) -> tuple[Tensor, Tensor]:
        """Both losses through a sigmoid, as there; G is updated first."""
        real, z = self.draws.next()
        ones, zeros = torch.ones(len(real), 1), torch.zeros(len(real), 1)
        self.adam_G.zero_grad()
        fake = self.G(z)
        for_G = F.binary_cross_entropy(self.D(fake).sigmoid(), ones)
        for_G.backward()
        self.adam_G.step()
        self.adam_D.zero_grad()
        on_real = F.binary_cross_entropy(self.D(real).sigmoid(), ones)
        on_fake = F.binary_cross_entropy(self.D(fake.detach()).sigmoid(), zeros)
        for_D = (on_real + on_fake) / 2
        for_D.backward()
        self.adam_D.step()
        return for_G, for_D

    def penalised(self) -> tuple[Tensor, Tensor]:
        """The critic's updates compute gradients of the generator too, which are then discarded."""
        for _ in range(self.case.critic_steps):
            real, z = self.draws.next()
            self.adam_D.zero_grad()
            fake = self.G(z)
            for_D = -self.D(real).mean() + self.D(fake).mean() + PENALTY * self.penalty(real, fake.detach())
            for_D.backward()
            self.adam_D.step()
            self.adam_G.zero_grad()
        for_G = -self.D(self.G(z)).mean()
        for_G.backward()
        self.adam_G.step()
        return for_G, for_D

    def penalty(self, real: Tensor, fake: Tensor) -> Tensor:
        u = self.draws.between()
        between = (u * real + (1 - u) * fake).requires_grad_()
        output = self.D(between)
        (gradient,) = torch.autograd.grad(output, between, torch.ones_like(output), create_graph=True)
        return ((gradient.flatten(1).norm(2, dim=1) - 1) ** 2).mean()
