"""A good loop written by hand: data in memory, fused Adam, gradients of the updated network alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.benchmarks.cases import BETAS, LR, PENALTY, Case
from tests.benchmarks.draws import Draws


class Plain:
    """The loop of one case; ``losses`` holds those of the last iteration, by network, still on the device."""

    def __init__(self, case: Case, draws: Draws) -> None:
        self.case, self.draws = case, draws
        self.G, self.D = case.trainable()
        self.weights = {network: list(network.parameters()) for network in (self.G, self.D)}
        self.adams = {
            network: torch.optim.Adam(weights, lr=LR, betas=BETAS, fused=True)
            for network, weights in self.weights.items()
        }
        self.losses: dict[str, Tensor] = {}

    def __call__(self, iterations: int) -> None:
        iterate = self.penalised if self.case.penalised else self.adversarial
        for _ in range(iterations):
            iterate()

    def adversarial(self) -> None:
        real, z = self.draws.next()
        ones, zeros = torch.ones(len(real), 1), torch.zeros(len(real), 1)
        fake = self.G(z)
        self.update("generator", self.G, F.binary_cross_entropy_with_logits(self.D(fake), ones))
        on_real = F.binary_cross_entropy_with_logits(self.D(real), ones)
        on_fake = F.binary_cross_entropy_with_logits(self.D(fake.detach()), zeros)
        self.update("discriminator", self.D, (on_real + on_fake) / 2)

    def penalised(self) -> None:
        for _ in range(self.case.critic_steps):
            real, z = self.draws.next()
            with torch.no_grad():
                fake = self.G(z)
            loss = self.D(fake).mean() - self.D(real).mean() + PENALTY * self.penalty(real, fake)
            self.update("discriminator", self.D, loss)
        self.update("generator", self.G, -self.D(self.G(z)).mean())

    def penalty(self, real: Tensor, fake: Tensor) -> Tensor:
        u = self.draws.between()
        between = (u * real + (1 - u) * fake).requires_grad_()
        (gradient,) = torch.autograd.grad(self.D(between).sum(), between, create_graph=True)
        return (gradient.flatten(1).norm(dim=1) - 1).square().mean()

    def update(self, name: str, network: nn.Module, loss: Tensor) -> None:
        self.adams[network].zero_grad()
        loss.backward(inputs=self.weights[network])
        self.adams[network].step()
        self.losses[name] = loss.detach()
