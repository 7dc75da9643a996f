"""What networks minimise: pure functions on logits and images, each a mean over the batch in float32 or better."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING

from ganzoo.util.errors import GanzooError
from ganzoo.util.optional import F, nn, torch

if TYPE_CHECKING:
    from torch import Tensor

_graphs_kept: ContextVar[bool] = ContextVar("graphs_kept", default=False)


@contextmanager
def cross_terms() -> Iterator[None]:
    """Within it, :func:`without_grad` and :func:`stop_gradient` keep graphs, so that the Jacobian of a game has its cross terms."""
    token = _graphs_kept.set(True)
    try:
        yield
    finally:
        _graphs_kept.reset(token)


def without_grad(network: nn.Module, *inputs: Tensor) -> Tensor:
    """What a network makes of its inputs, for a move that is another's.

    The loop gives gradients to the mover alone, so leaving out the graph here is an economy and no part of a method.
    """
    if _graphs_kept.get():
        return network(*inputs)  # type: ignore[no-any-return]
    with torch.no_grad():
        return network(*inputs)  # type: ignore[no-any-return]


def stop_gradient(tensor: Tensor) -> Tensor:
    """A tensor without its graph, for a move that is another's; like :func:`without_grad`, for what is there already."""
    return tensor if _graphs_kept.get() else tensor.detach()


def real_and_fake_logits(D: nn.Module, real: Tensor, fake: Tensor, *condition: Tensor) -> tuple[Tensor, Tensor]:
    """What D says of real and of generated samples, each with what is ``given``.

    It is one pass if D takes samples one by one, since larger products are faster. It is two where a layer could tell,
    as batch normalisation does.
    """
    from ganzoo.parts.modules import is_per_sample

    if real.shape == fake.shape and is_per_sample(D):
        on_real, on_fake = D(torch.cat([real, fake]), *(torch.cat([each, each]) for each in condition)).chunk(2)
        return on_real, on_fake
    return D(real, *condition), D(fake, *condition)


def bce(logits: Tensor, target: float, smoothing: float = 0.0, weights: Tensor | None = None) -> Tensor:
    """Binary cross-entropy of logits ``(N, 1)`` with one target, 1 for real and 0 for fake.

    With ``smoothing`` s, each example draws a target of its own, uniform within s of the given one on the side of 1/2.
    ``weights`` ``(N, 1)`` say how much each example counts.
    """
    if not 0 <= smoothing <= 0.5:
        raise GanzooError(f"smoothing={smoothing} is out of range; targets spread by 0 to 0.5")
    logits = logits.float()
    targets = torch.full_like(logits, target)
    if smoothing:
        targets = targets + (0.5 - target) * 2 * smoothing * torch.rand_like(logits)
    if weights is not None and weights.requires_grad:  # as a cross term does; torch's own weights cannot
        return (weights * F.binary_cross_entropy_with_logits(logits, targets, reduction="none")).mean()
    return F.binary_cross_entropy_with_logits(logits, targets, weights)


def mse(output: Tensor, target: float) -> Tensor:
    """Mean squared distance of a discriminator's output to one target (Mao et al., 2017)."""
    return (output.float() - target).square().mean()


def mean(output: Tensor) -> Tensor:
    """Mean of a critic's output in float32."""
    return output.float().mean()


def accuracy(real: Tensor, fake: Tensor, threshold: float = 0.0) -> Tensor:
    """Share of real called real and of fake called fake, averaged: a discriminator's accuracy at a threshold."""
    return (mean(real.detach() > threshold) + mean(fake.detach() <= threshold)) / 2


def gradient_norms(critic: nn.Module, samples: Tensor, *condition: Tensor) -> Tensor:
    """Norm ``(N,)`` of the critic's gradient at each sample, differentiable, in float32 whatever the precision.

    The small constant under the root keeps the derivative finite where the gradient is zero.
    """
    from ganzoo.parts.modules import is_per_sample
    from ganzoo.parts.piecewise import PiecewiseLinear
    from ganzoo.parts.precision import fp32_backward, fp32_matmul

    with fp32_matmul(), torch.autocast(samples.device.type, enabled=False), torch.enable_grad():
        samples = samples.float()
        if not samples.requires_grad:
            samples = samples.detach().requires_grad_()
        with PiecewiseLinear() if is_per_sample(critic) else nullcontext():
            logits = critic(samples, *condition)
        (gradient,) = torch.autograd.grad(logits.sum(), samples, create_graph=True)
        return fp32_backward((gradient.flatten(1).square().sum(1) + 1e-12).sqrt())


def unit_gradient_penalty(critic: nn.Module, real: Tensor, fake: Tensor, *condition: Tensor) -> Tensor:
    """E (|grad D(u x + (1 - u) y)| - 1)^2 with one u per sample (Gulrajani et al., 2017)."""
    u = torch.rand(len(real), *[1] * (real.dim() - 1), device=real.device)
    between = u * real + (1 - u) * fake.float()
    return (gradient_norms(critic, between, *condition) - 1).square().mean()


def zero_gradient_penalty(critic: nn.Module, samples: Tensor, *condition: Tensor) -> Tensor:
    """E |grad D(x)|^2 / 2: R1 on real samples, R2 on generated ones (Mescheder et al., 2018)."""
    return gradient_norms(critic, samples, *condition).square().mean() / 2
