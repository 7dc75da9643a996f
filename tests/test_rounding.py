"""bf16 within products of float32 matrices, and what stays exact there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import ganzoo
from ganzoo.data import Data
from ganzoo.device import made_for_bf16
from ganzoo.losses import fixed, mean, unit_gradient_penalty, zero_gradient_penalty
from ganzoo.rounding import precision, rounded
from ganzoo.spec import GAN

from .support import begin, differing, play, snapshot

CPU = torch.device("cpu")
made = pytest.mark.skipif(not made_for_bf16(CPU), reason="this CPU has no units for bf16 products")
LARGE: dict[str, Any] = {"generator.widths": (256,), "discriminator.widths": (256, 256), "batch": 64, "latent": 64}


@pytest.fixture
def critic() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(256, 256), nn.Softplus(), nn.Linear(256, 256), nn.Softplus(), nn.Linear(256, 1))


def test_the_precision_of_products_is_given_back() -> None:
    assert not rounded()
    with pytest.raises(ValueError, match="inside"), precision("medium"):
        assert rounded()
        with precision("highest"):
            assert not rounded()
        assert rounded()
        raise ValueError("inside")
    assert not rounded()


@made
@pytest.mark.parametrize(
    "penalty",
    [lambda D, x, y: zero_gradient_penalty(D, x), lambda D, x, y: unit_gradient_penalty(D, x, y)],
    ids=["zero-centred", "unit"],
)
def test_penalties_and_their_gradients_are_exact_where_all_else_is_rounded(
    critic: nn.Module, penalty: Callable[..., Tensor]
) -> None:
    source = torch.randn(64, 256, requires_grad=True)  # a penalty at samples that somebody's weights have made
    weights = [source, *critic.parameters()]

    def found(*, other: bool) -> tuple[Tensor, list[Tensor | None]]:
        torch.manual_seed(1)
        samples = source * 2
        value = penalty(critic, samples, samples + 1)
        loss = value + (mean(critic(samples)) if other else 0)
        return value, list(torch.autograd.grad(loss, weights, allow_unused=True))

    exact, gradients = found(other=False)
    _, sums = found(other=True)
    with precision("medium"):
        value, own = found(other=False)
        _, both = found(other=True)
        assert rounded(), "the backward pass goes on as it was"
    assert value.equal(exact)
    for mine, theirs in zip(own, gradients, strict=True):
        assert (mine is None and theirs is None) or (mine is not None and theirs is not None and mine.equal(theirs))
    assert any(not mine.equal(theirs) for mine, theirs in zip(both, sums, strict=True) if mine is not None)
    for mine, theirs in zip(both, sums, strict=True):
        assert mine is not None
        assert theirs is not None
        torch.testing.assert_close(mine, theirs, rtol=0.05, atol=0.02)


def test_a_rounded_penalty_refuses_to_be_differentiated_once_more(critic: nn.Module) -> None:
    weights = list(critic.parameters())
    with precision("medium"):
        loss = zero_gradient_penalty(critic, torch.randn(64, 256))
        gradient, *_ = torch.autograd.grad(loss, weights[0], create_graph=True)
        with pytest.raises(RuntimeError, match="once_differentiable"):
            gradient.sum().backward()


@made
def test_dense_networks_round_within_products_and_convolutions_compute_in_bf16(tiny: Data) -> None:
    seen: list[tuple[bool, torch.dtype]] = []

    def watched(nets: Any, draw: Any) -> Iterator[Any]:
        G, D = nets.generator, nets.discriminator
        real, z = draw()
        logits = D(real)
        seen.append((rounded(), logits.dtype))
        yield D, mean(D(fixed(G, z))) - mean(logits)
        yield G, -mean(D(G(z)))

    for kind in ("dense", "dcgan"):
        gan = GAN(name="watched", summary="", generator=kind, discriminator=kind, trainer=watched)
        play(ganzoo.train(gan, tiny, device="cpu", precision="bf16"), 1)
        assert not rounded()
    assert seen == [(True, torch.float32), (False, torch.bfloat16)]


@made
@pytest.mark.parametrize("gan", ["simple", "wgan-gp"])
def test_a_rounded_training_that_was_resumed_is_the_same(gan: str, tiny: Data) -> None:
    whole, half, rest = (begin(gan, tiny, rounds=6, precision="bf16", **LARGE) for _ in range(3))
    play(whole)
    play(half, 3)
    rest.load(snapshot(half), "half")
    play(rest)
    assert differing(snapshot(whole), snapshot(rest)) == []
    full = begin(gan, tiny, rounds=6, **LARGE)
    play(full)
    assert differing(snapshot(whole), snapshot(full))
