"""The contract: every registered GAN keeps it, and a GAN that breaks a claim is told which."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganzoo.parts.losses import bce
from ganzoo.registry.gan import GAN
from ganzoo.registry.registry import registry
from ganzoo.testing import ContractError, check, claims
from tests.support.narrow import narrow


@pytest.mark.usefixtures("untraced")
@pytest.mark.parametrize("name", sorted(registry().gans))
def test_every_registered_gan_keeps_the_contract(name: str) -> None:
    check(name, settings=narrow(name))


def play(nets: Any, draw: Any) -> Iterator[Any]:
    """A game that keeps every claim."""
    G, D = nets.generator, nets.discriminator
    real, z = draw()
    yield D, bce(D(real), 1) + bce(D(G(z)), 0)
    yield G, bce(D(G(z)), 1)


def dense(task: Any) -> nn.Module:
    return nn.Sequential(nn.Linear(task.latent_dim, 8), nn.BatchNorm1d(8), nn.Linear(8, 2))


def judge(task: Any) -> nn.Module:
    return nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))


GOOD = GAN(name="good", summary="", generator=dense, discriminator=judge, trainer=play, data="ring8")


def test_the_claims_are_proved_one_by_one() -> None:
    assert len(list(claims(GOOD))) == 7


def trains_the_generator_later(nets: Any, draw: Any, iteration: int) -> Iterator[Any]:
    yield from (update for update in play(nets, draw) if (update[0] is nets.generator) == (iteration > 3))


def test_a_network_may_be_trained_in_later_iterations() -> None:
    check(replace(GOOD, trainer=trains_the_generator_later))


# Trainers that break the rules.


def steps_itself(nets: Any, draw: Any) -> Iterator[Any]:
    yield from play(nets, draw)
    with torch.no_grad():
        nets.discriminator[0].weight.mul_(0.9)


def steps_before_any_update(nets: Any, draw: Any) -> Iterator[Any]:
    with torch.no_grad():
        nets.generator[0].weight.mul_(0.9)
    yield from play(nets, draw)


def yields_a_foreign_network(nets: Any, draw: Any) -> Iterator[Any]:
    stranger = nn.Linear(2, 1)
    yield stranger, stranger(draw()[0]).mean()


def never_ends(nets: Any, draw: Any) -> Iterator[Any]:
    while True:
        yield from play(nets, draw)


def diverges(nets: Any, draw: Any) -> Iterator[Any]:
    for network, loss in play(nets, draw):
        yield network, loss / 0


def yields_many_losses(nets: Any, draw: Any) -> Iterator[Any]:
    real, _ = draw()
    yield nets.discriminator, nets.discriminator(real)


def yields_a_number(nets: Any, draw: Any) -> Iterator[Any]:
    yield nets.discriminator, 0.5


def yields_a_loss_alone(nets: Any, draw: Any) -> Iterator[Any]:
    for _, loss in play(nets, draw):
        yield loss


def yields_a_metric_that_was_read(nets: Any, draw: Any) -> Iterator[Any]:
    for network, loss in play(nets, draw):
        yield network, loss, {"loss": loss.item()}


def forgets_the_generator(nets: Any, draw: Any) -> Iterator[Any]:
    yield next(iter(play(nets, draw)))


def has_its_own_random_numbers(nets: Any, draw: Any) -> Iterator[Any]:
    generator = torch.Generator()
    generator.seed()
    for network, loss in play(nets, draw):
        yield network, loss * (1 + torch.rand((), generator=generator))


def counts_its_iterations(nets: Any, draw: Any) -> Iterator[Any]:
    nets.iterations = getattr(nets, "iterations", 0) + 1
    for network, loss in play(nets, draw):
        yield network, loss * nets.iterations**2 + sum(weight.square().sum() for weight in network.parameters())


@pytest.mark.parametrize(
    ("trainer", "complaint"),
    [
        (steps_itself, "the trainer changed the weights of the discriminator out of turn"),
        (steps_before_any_update, "the trainer changed the weights of the generator out of turn"),
        (
            yields_a_foreign_network,
            "yields a Linear that is not trained here; the networks are: generator, discriminator",
        ),
        (never_ends, "the trainer did not end within 1000 updates"),
        (diverges, "the loss of the discriminator is not a finite scalar tensor but inf"),
        (yields_many_losses, "the loss of the discriminator is not a finite scalar tensor but [["),
        (yields_a_number, "the loss of the discriminator is not a finite scalar tensor but 0.5"),
        (
            yields_a_loss_alone,
            "the trainer yielded Tensor; it has to yield (network, loss) or (network",
        ),
        (yields_a_metric_that_was_read, "the metric 'loss' is not a scalar tensor"),
        (forgets_the_generator, "4 iterations update discriminator alone"),
        (has_its_own_random_numbers, "two trainings with the same seed differ in '"),
        (counts_its_iterations, "a resumed training differs from an uninterrupted one in '"),
    ],
)
def test_a_trainer_that_breaks_a_claim(trainer: Callable[..., Any], complaint: str) -> None:
    refuse(replace(GOOD, trainer=trainer), complaint)


# Generators that break the rules.


class Generator(nn.Module):
    def __init__(self, task: Any) -> None:
        super().__init__()
        self.net = nn.Linear(task.latent_dim, 2)

    def forward(self, z: Tensor) -> Tensor:
        return self.net(z)  # type: ignore[no-any-return]


class OfAnotherShape(Generator):
    def forward(self, z: Tensor) -> Tensor:
        return super().forward(z)[:, None]


class NotFinite(Generator):
    def forward(self, z: Tensor) -> Tensor:
        made = super().forward(z)
        return made if self.training else made / 0


class Noisy(Generator):
    def forward(self, z: Tensor) -> Tensor:
        return super().forward(z) + torch.rand(len(z), 2)


class OfTheWholeBatch(Generator):
    def forward(self, z: Tensor) -> Tensor:
        return super().forward(z - z.mean(0))


class WithArguments(Generator):
    def forward(self, *inputs: Tensor) -> Tensor:
        return super().forward(*inputs)


class WithHiddenState(Generator):
    """Its scale is no buffer, so it is lost on the way through a file."""

    def __init__(self, task: Any) -> None:
        super().__init__(task)
        self.scale = 1.0 + (task.data is not None)

    def forward(self, z: Tensor) -> Tensor:
        return super().forward(z) * self.scale


class WithABranch(Generator):
    def forward(self, z: Tensor) -> Tensor:
        return super().forward(z) if z.sum() > 0 else super().forward(-z)


@pytest.mark.parametrize(
    ("generator", "complaint"),
    [
        (NotFinite, "the generator makes samples that are not finite"),
        (Noisy, "the generator samples differently after saving and loading"),
        (OfTheWholeBatch, "a sample depends on the others in its batch"),
        (WithArguments, "the generator's forward takes *args; name its inputs"),
        (WithHiddenState, "the generator samples differently after saving and loading"),
        (WithABranch, "the generator cannot be exported: "),
    ],
)
def test_a_generator_that_breaks_a_claim(generator: type[nn.Module], complaint: str) -> None:
    refuse(replace(GOOD, generator=generator), complaint)


def test_a_generator_of_another_shape() -> None:
    flat = replace(GOOD, generator=OfAnotherShape, discriminator=lambda task: nn.Sequential(nn.Flatten(), judge(task)))
    refuse(flat, "the generator makes samples of shape (7, 1, 2), expected (7, 2)")


def test_a_generator_beyond_its_range() -> None:
    def unbounded(task: Any) -> nn.Module:
        return nn.Sequential(nn.Linear(task.latent_dim, 784), nn.Unflatten(1, task.shape), nn.Threshold(0, 2))

    def flat(task: Any) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(784, 1))

    images = replace(GOOD, generator=unbounded, discriminator=flat, data="mnist-10k")
    refuse(images, "beyond -1.0..1.0")


def refuse(gan: GAN, complaint: str) -> None:
    with pytest.raises(ContractError) as caught:
        check(gan)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)
