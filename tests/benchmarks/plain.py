"""The best that one writes by hand without further ado: data in memory, fused Adam, gradients for the mover alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.benchmarks.draws import Draws
from tests.benchmarks.games import BETAS, PENALTY, RATE, Game


class Plain:
    """The loop of one game; ``losses`` holds those of the last iteration, by player, and waits for nothing."""

    def __init__(self, game: Game, draws: Draws) -> None:
        self.game, self.draws = game, draws
        self.G, self.D = game.trainable()
        self.weights = {network: list(network.parameters()) for network in (self.G, self.D)}
        self.adams = {
            network: torch.optim.Adam(weights, lr=RATE, betas=BETAS, fused=True)
            for network, weights in self.weights.items()
        }
        self.losses: dict[str, Tensor] = {}

    def __call__(self, iterations: int) -> None:
        play = self.penalised if self.game.penalised else self.adversarial
        for _ in range(iterations):
            play()

    def adversarial(self) -> None:
        real, z = self.draws.next()
        ones, zeros = torch.ones(len(real), 1), torch.zeros(len(real), 1)
        fake = self.G(z)
        self.move("generator", self.G, F.binary_cross_entropy_with_logits(self.D(fake), ones))
        on_real = F.binary_cross_entropy_with_logits(self.D(real), ones)
        on_fake = F.binary_cross_entropy_with_logits(self.D(fake.detach()), zeros)
        self.move("discriminator", self.D, (on_real + on_fake) / 2)

    def penalised(self) -> None:
        for _ in range(self.game.critics):
            real, z = self.draws.next()
            with torch.no_grad():
                fake = self.G(z)
            loss = self.D(fake).mean() - self.D(real).mean() + PENALTY * self.penalty(real, fake)
            self.move("discriminator", self.D, loss)
        self.move("generator", self.G, -self.D(self.G(z)).mean())

    def penalty(self, real: Tensor, fake: Tensor) -> Tensor:
        u = self.draws.between()
        between = (u * real + (1 - u) * fake).requires_grad_()
        (gradient,) = torch.autograd.grad(self.D(between).sum(), between, create_graph=True)
        return (gradient.flatten(1).norm(dim=1) - 1).square().mean()

    def move(self, player: str, network: nn.Module, loss: Tensor) -> None:
        self.adams[network].zero_grad()
        loss.backward(inputs=self.weights[network])
        self.adams[network].step()
        self.losses[player] = loss.detach()
