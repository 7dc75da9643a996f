"""Several seeds of one training, abreast: their small dense networks become one, whose matrix products are batched.

The trainer, the loop and the optimizer are those of a single training. A batch holds each seed's samples one after the
other, so a loss that is a mean over samples is the mean over seeds, and times their number it gives each seed's weights
the gradient that they would have alone. Optimizers that work number by number keep the seeds apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from ganzoo.parts.modules import Packed
from ganzoo.parts.networks import Networks
from ganzoo.training.loop import Training

ELEMENTWISE = (nn.Flatten, nn.Identity, nn.LeakyReLU, nn.ReLU, nn.Sigmoid, nn.Tanh, nn.Unflatten)
ITERATIONS, TOLERANCE = 2, 1e-5  # of the proof that nothing is changed


class Layers(nn.Module):
    """Linear layers of several networks: weights ``(S, out, in)`` and biases ``(S, 1, out)``."""

    def __init__(self, layers: Sequence[nn.Linear]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.stack([layer.weight.detach() for layer in layers]))
        self.bias = nn.Parameter(torch.stack([layer.bias.detach().unsqueeze(0) for layer in layers]))

    def forward(self, x: Tensor) -> Tensor:
        """``(S * N, out)`` of ``(S * N, in)``."""
        each = x.reshape(len(self.weight), -1, x.shape[1])
        return torch.baddbmm(self.bias, each, self.weight.transpose(1, 2)).flatten(0, 1)


def joined(modules: Sequence[nn.Module]) -> nn.Module:
    """One module for several that differ in nothing but their weights; :class:`TypeError` where there is none."""
    first = modules[0]
    if isinstance(first, Packed):
        return Packed(joined([cast(Packed, module).net for module in modules]), first.packing)
    if type(first) is nn.Sequential:
        return nn.Sequential(*(joined(parts) for parts in zip(*map(nn.Module.children, modules), strict=True)))
    if type(first) is nn.Linear and first.bias is not None:
        return Layers(cast(Sequence[nn.Linear], modules))
    if type(first) in ELEMENTWISE:
        return first
    raise TypeError(f"{type(first).__name__} works on one network")


class Abreast(Training):
    """Trainings of one recipe with several seeds, as one training. These lend it their networks, data and latents."""

    def __init__(self, trainings: Sequence[Training]) -> None:
        first = trainings[0]
        self.trainings, self.number, self.ranks = trainings, 0, first.ranks
        self.recipe, self.data, self.device, self.seed = first.recipe, first.data, first.device, first.seed
        self.task, self.randomness = first.task, type(first.randomness)(0, first.device.torch)
        generator = joined([training.nets.generator for training in trainings])
        discriminator = joined([training.nets.discriminator for training in trainings])
        nets = Networks(generator, discriminator, latent_dim=first.nets.latent_dim).train()
        if any(isinstance(net, Packed) and self.recipe.loop.batch_size % net.packing for net in nets.modules()):
            raise TypeError("packs would hold samples of two seeds")
        self.feed = first.feed
        self._seat(nets)

    def step(self, player: str, loss: Tensor) -> None:
        super().step(player, loss * len(self.trainings))

    def _draw(self) -> tuple[Tensor, ...]:
        drawn = []
        for training in self.trainings:
            with training.randomness.stream():
                drawn.append(training._draw())
        return tuple(map(torch.cat, zip(*drawn, strict=True)))

    def apart(self) -> Iterator[Training]:
        """The single trainings, as far as their averaged generators go, which are all that is sampled."""
        for index, training in enumerate(self.trainings):
            mine = (module for module in self.average.network.modules() if isinstance(module, Layers))
            theirs = (module for module in training.average.network.modules() if isinstance(module, nn.Linear))
            for layers, layer in zip(mine, theirs, strict=True):
                layer.weight.data.copy_(layers.weight[index])
                layer.bias.data.copy_(layers.bias[index, 0])
            training.number = self.number
            yield training


def abreast(begin: Callable[[], Sequence[Training]]) -> Abreast | None:
    """Trainings abreast, if their networks can be joined and the first iterations show that it changes nothing.

    It would where a trainer draws random numbers of its own, or takes a figure of the whole batch.

    Args:
        begin: makes the trainings, anew each time.
    """
    try:
        rehearsal = Abreast(begin())
    except TypeError:
        return None
    before = rehearsal.randomness.state()["0"]
    singles = begin()
    for _ in range(min(ITERATIONS, rehearsal.recipe.loop.iterations)):
        losses = next(rehearsal).losses
        each = [next(training).losses for training in singles]
        for player, loss in losses.items():
            expected = torch.stack([own[player] for own in each]).mean()
            if not torch.isclose(loss, expected, rtol=TOLERANCE, atol=TOLERANCE):
                return None
    return Abreast(begin()) if rehearsal.randomness.state()["0"].equal(before) else None
