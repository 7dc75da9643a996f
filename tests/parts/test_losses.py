from __future__ import annotations

import math
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.checkpoint import checkpoint

from ganzoo.parts.builders import dense_discriminator, labelled_discriminator
from ganzoo.parts.losses import (
    accuracy,
    bce,
    cross_terms,
    gradient_norms,
    mean,
    mse,
    real_and_fake_logits,
    unit_gradient_penalty,
    without_grad,
    zero_gradient_penalty,
)
from ganzoo.parts.task import Task

REAL, FAKE = torch.zeros(6, 2, 3, 3), torch.ones(6, 2, 3, 3)


class Watched(nn.Module):
    """A critic that remembers what it was shown."""

    def __init__(self, critic: Any) -> None:
        super().__init__()
        self.critic, self.shown = critic, torch.empty(0)

    def forward(self, samples: Tensor) -> Tensor:
        self.shown = samples.detach()
        return self.critic(samples)  # type: ignore[no-any-return]


def test_the_penalty_has_one_u_for_each_sample() -> None:
    critic = Watched(lambda x: x.flatten(1).sum(1))
    torch.manual_seed(0)
    unit_gradient_penalty(critic, REAL, FAKE)
    points = critic.shown.flatten(1)
    assert (points == points[:, :1]).all(), "one u for all pixels of a sample"
    assert len(points[:, 0].unique()) == len(points), "and another for each sample"
    assert 0 <= points.min() <= points.max() <= 1


def test_the_norm_is_over_all_pixels_of_a_sample() -> None:
    """The gradient of a sum is 1 at each of the 18 pixels."""
    critic = Watched(lambda x: x.flatten(1).sum(1))
    assert gradient_norms(critic, REAL).tolist() == pytest.approx([math.sqrt(18)] * 6)
    assert float(unit_gradient_penalty(critic, REAL, FAKE)) == pytest.approx((math.sqrt(18) - 1) ** 2)
    assert float(zero_gradient_penalty(critic, REAL)) == pytest.approx(9)


def test_the_penalties_of_each_sample_are_averaged() -> None:
    weights = torch.arange(1.0, 7).reshape(6, 1, 1, 1)
    critic = Watched(lambda x: x * weights)
    norms = weights.flatten() * math.sqrt(18)
    assert float(zero_gradient_penalty(critic, REAL)) == pytest.approx(float(norms.square().mean() / 2))
    assert float(unit_gradient_penalty(critic, REAL, FAKE)) == pytest.approx(float((norms - 1).square().mean()))


@pytest.mark.parametrize(
    "penalty", [lambda D: unit_gradient_penalty(D, REAL, FAKE), lambda D: zero_gradient_penalty(D, REAL)]
)
def test_a_zero_gradient_has_a_finite_derivative(penalty: Any) -> None:
    layer = nn.Linear(18, 1)
    nn.init.zeros_(layer.weight)
    loss = penalty(nn.Sequential(nn.Flatten(), layer))
    loss.backward()
    assert loss.isfinite()
    assert layer.weight.grad is not None
    assert layer.weight.grad.isfinite().all()


class Unknown(nn.Identity):
    """It may do anything."""


def watched(module: nn.Module) -> nn.Module:
    """A module that others may interfere with."""
    module.register_forward_pre_hook(lambda module, inputs: None)
    return module


@pytest.mark.parametrize(
    ("layer", "passes"),
    [
        (nn.Identity(), 1),
        (nn.BatchNorm1d(8), 2),
        (nn.Dropout(0.0), 2),
        (Unknown(), 2),
        (watched(nn.Identity()), 2),
    ],
)
def test_both_are_judged_in_one_pass_where_that_changes_nothing_but_last_bits(layer: Any, passes: int) -> None:
    torch.manual_seed(0)
    D = nn.Sequential(nn.Flatten(), nn.Linear(18, 8), layer, nn.LeakyReLU(0.2), nn.Linear(8, 1))
    real, fake = torch.randn(6, 2, 3, 3), torch.randn(6, 2, 3, 3)
    with Counted() as counted:
        real_logits, fake_logits = real_and_fake_logits(D, real, fake)
    assert counted.products == 2 * passes
    for mine, theirs in ((real_logits, D(real)), (fake_logits, D(fake))):
        torch.testing.assert_close(mine, theirs)


def test_both_are_judged_with_their_labels() -> None:
    torch.manual_seed(0)
    task = Task(shape=(1, 3, 3), range=(-1, 1), latent_dim=4, num_classes=3)
    D = labelled_discriminator(task, dense_discriminator, 4, widths=(8,))
    real, fake, labels = torch.randn(6, 1, 3, 3), torch.randn(6, 1, 3, 3), torch.arange(6) % 3
    with Counted() as counted:
        found = real_and_fake_logits(D, real, fake, labels)
    assert counted.products == 2
    for mine, theirs in zip(found, (D(real, labels), D(fake, labels)), strict=True):
        torch.testing.assert_close(mine, theirs)


class Counted(TorchDispatchMode):
    """Counts products of matrices."""

    def __init__(self) -> None:
        super().__init__()
        self.products = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.products += func in (torch.ops.aten.mm.default, torch.ops.aten.addmm.default)
        return func(*args, **kwargs or {})


def test_a_penalty_on_a_network_that_recomputes_itself_is_that_of_a_plain_one() -> None:
    class Thrifty(nn.Module):
        def __init__(self, net: nn.Module) -> None:
            super().__init__()
            self.net = net

        def forward(self, samples: Tensor) -> Tensor:
            logits: Tensor = checkpoint(self.net, samples, use_reentrant=False)
            return logits

    torch.manual_seed(0)
    critic = nn.Sequential(nn.Linear(18, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1))
    samples = torch.randn(6, 18)
    assert gradient_norms(Thrifty(critic), samples).equal(gradient_norms(critic, samples))


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("activation", [nn.ReLU, partial(nn.LeakyReLU, 0.2)])
def test_what_is_linear_in_pieces_is_not_differentiated_twice(activation: Any, inplace: bool) -> None:
    torch.manual_seed(0)
    act = activation(inplace=inplace)
    critic = nn.Sequential(nn.Linear(18, 8), act, nn.Linear(8, 7), act, nn.Linear(7, 1))
    weights = list(critic.parameters())
    samples = torch.randn(6, 18, requires_grad=True)
    (gradient,) = torch.autograd.grad(critic(samples).sum(), samples, create_graph=True)
    plain = (gradient.square().sum(1) + 1e-12).sqrt()
    expected = torch.autograd.grad(plain.mean(), weights, allow_unused=True)
    with Counted() as counted:
        norms = gradient_norms(critic, samples)
        found = torch.autograd.grad(norms.mean(), weights, allow_unused=True)
    assert norms.equal(plain)
    for mine, theirs in zip(found, expected, strict=True):
        assert (theirs is None or not theirs.any()) if mine is None else mine.equal(theirs)
    assert counted.products == 3 + 3 + 3 + 2, "forward, backward, and each backward product's derivatives; no others"


def test_penalties_are_in_full_precision_under_autocast() -> None:
    critic = nn.Sequential(nn.Flatten(), nn.Linear(18, 8), nn.Tanh(), nn.Linear(8, 1))
    images = torch.rand(6, 2, 3, 3)
    plain = zero_gradient_penalty(critic, images)
    with torch.autocast("cpu", torch.bfloat16):
        assert critic(images).dtype == torch.bfloat16
        mixed = zero_gradient_penalty(critic, images)
    assert mixed.dtype == torch.float32
    assert torch.equal(plain, mixed)


@pytest.mark.parametrize("loss", [lambda x: bce(x, 1), lambda x: bce(x, 0, 0.1), lambda x: mse(x, -1), mean])
def test_losses_of_bf16_logits_are_float32(loss: Any) -> None:
    assert loss(torch.ones(4, 1, dtype=torch.bfloat16)).dtype == torch.float32


def test_bce_is_cross_entropy_with_one_target() -> None:
    logits = torch.tensor([[-2.0], [0.0], [3.0]])
    probability = logits.sigmoid()
    assert float(bce(logits, 1)) == pytest.approx(float(-probability.log().mean()))
    assert float(bce(logits, 0)) == pytest.approx(float(-(1 - probability).log().mean()))
    weights = torch.tensor([[0.0], [0.0], [3.0]])
    assert float(bce(logits, 1, weights=weights)) == pytest.approx(float(-probability[2].log()))


@pytest.mark.parametrize(("target", "low", "high"), [(1, 0.8, 1.0), (0, 0.0, 0.2)])
def test_smoothing_spreads_targets_towards_one_half(target: float, low: float, high: float) -> None:
    """The loss of one logit x is softplus(x) - x * target, so each loss tells its target."""
    torch.manual_seed(0)
    logits = torch.ones(1, 1)
    targets = [float(nn.functional.softplus(logits) - bce(logits, target, 0.2)) for _ in range(200)]
    assert low <= min(targets) < low + 0.02
    assert high - 0.02 < max(targets) <= high + 1e-6


def test_squared_and_accuracy() -> None:
    output = torch.tensor([[1.0], [-1.0]])
    assert float(mse(output, 1)) == 2
    assert float(accuracy(output, output)) == 0.5
    assert float(accuracy(output, -torch.ones(2, 1))) == 0.75
    assert float(accuracy(torch.zeros(1, 1), torch.zeros(1, 1))) == 0.5


def test_fixed_leaves_the_graph_out_unless_cross_terms_are_asked_for() -> None:
    network = nn.Linear(2, 2)
    assert not without_grad(network, torch.ones(1, 2)).requires_grad
    with cross_terms():
        assert without_grad(network, torch.ones(1, 2)).requires_grad
    assert not without_grad(network, torch.ones(1, 2)).requires_grad
