"""Losses and gradient penalties: pure functions, each a mean over the batch in float32 or better."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING
from weakref import WeakSet

from ganzoo.util.errors import GanzooError
from ganzoo.util.optional import F, nn, torch

if TYPE_CHECKING:
    from torch import Tensor

_keep_graphs: ContextVar[bool] = ContextVar("keep_graphs", default=False)


@contextmanager
def cross_terms() -> Iterator[None]:
    """Within it, :func:`without_grad` and :func:`stop_gradient` keep graphs.

    The Jacobian of a GAN's gradient field has terms in which the discriminator's loss depends on the generator. The
    training loop does not need them; an analysis of the field does (Mescheder et al., 2017).
    """
    token = _keep_graphs.set(True)
    try:
        yield
    finally:
        _keep_graphs.reset(token)


def without_grad(network: nn.Module, *inputs: Tensor) -> Tensor:
    """A forward pass without a graph, for a network that this update does not change.

    The loop differentiates a loss in the weights of the updated network alone, so this saves time and changes nothing.
    """
    if _keep_graphs.get():
        return network(*inputs)  # type: ignore[no-any-return]
    with torch.no_grad():
        return network(*inputs)  # type: ignore[no-any-return]


def stop_gradient(tensor: Tensor) -> Tensor:
    """The tensor without its graph; like :func:`without_grad`, for a tensor that was computed with one."""
    return tensor if _keep_graphs.get() else tensor.detach()


def real_and_fake_logits(D: nn.Module, real: Tensor, fake: Tensor, *condition: Tensor) -> tuple[Tensor, Tensor]:
    """D's logits of real and of generated samples: ``D(real, *condition), D(fake, *condition)``.

    It is one pass if D treats samples independently, since larger products are faster. It is two passes if a layer
    depends on the whole batch, as batch normalisation does, or is not known to ganzoo.

    Args:
        D: the discriminator.
        real, fake: samples ``(N, *shape)``.
        condition: labels ``(N,)`` or regression inputs ``(N, p)`` of a conditional GAN.
    """
    from ganzoo.parts.modules import is_per_sample

    if real.shape == fake.shape and is_per_sample(D):
        real_logits, fake_logits = D(
            torch.cat([real, fake]), *(torch.cat([values, values]) for values in condition)
        ).chunk(2)
        return real_logits, fake_logits
    return D(real, *condition), D(fake, *condition)


def bce(logits: Tensor, target: float, smoothing: float = 0.0, weights: Tensor | None = None) -> Tensor:
    """Binary cross-entropy of logits with one target (Goodfellow et al., 2014).

    Args:
        logits: ``(N, 1)``.
        target: 1 for real, 0 for fake.
        smoothing: each sample draws its own target, uniform within this distance of ``target`` towards 1/2; 0 to 0.5.
        weights: ``(N, 1)``, of the samples.
    """
    if weights is not None and weights.shape != logits.shape:
        raise GanzooError(
            f"this loss weighs {len(weights)} samples, and the discriminator has {len(logits)} logits; choose one "
            "without packing (ganzoo list discriminators)"
        )
    logits = logits.float()
    targets = torch.full_like(logits, target)
    if smoothing:
        targets = targets + (0.5 - target) * 2 * smoothing * torch.rand_like(logits)
    if weights is not None and weights.requires_grad:  # torch's own weights cannot be differentiated
        return (weights * F.binary_cross_entropy_with_logits(logits, targets, reduction="none")).mean()
    return F.binary_cross_entropy_with_logits(logits, targets, weights)


def mse(output: Tensor, target: float | Tensor) -> Tensor:
    """Mean squared difference, in float32, of a discriminator's output ``(N, 1)`` and one target (Mao et al., 2017).

    Or of two tensors of one shape.
    """
    return (output.float() - target).square().mean()


def mae(one: Tensor, other: Tensor) -> Tensor:
    """Mean absolute difference of two tensors of one shape, in float32."""
    return (one.float() - other.float()).abs().mean()


def mean(output: Tensor) -> Tensor:
    """Mean of a critic's output, in float32."""
    return output.float().mean()


def accuracy(real_logits: Tensor, fake_logits: Tensor, threshold: float = 0.0) -> Tensor:
    """A discriminator's accuracy: the mean of the shares of real above and of fake samples up to the threshold."""
    return (mean(real_logits.detach() > threshold) + mean(fake_logits.detach() <= threshold)) / 2


def gradient_norms(critic: nn.Module, samples: Tensor, *condition: Tensor) -> Tensor:
    """Norms ``(N,)`` of the critic's gradient at each sample; differentiable, in float32 whatever the precision.

    A small constant under the root keeps the derivative finite where the gradient is zero. A penalty on these norms is
    per sample; batch normalisation in the critic couples the samples, of which a warning is given once.
    """
    from ganzoo.parts.modules import is_per_sample
    from ganzoo.parts.piecewise import PiecewiseLinear
    from ganzoo.parts.precision import fp32_backward, fp32_matmul

    warn_of_batch_norm(critic)
    with fp32_matmul(), torch.autocast(samples.device.type, enabled=False), torch.enable_grad():
        samples = samples.float()
        if not samples.requires_grad:
            samples = samples.detach().requires_grad_()
        with PiecewiseLinear() if is_per_sample(critic) else nullcontext():
            logits = critic(samples, *condition)
        (gradient,) = torch.autograd.grad(logits.sum(), samples, create_graph=True)
        return fp32_backward((gradient.flatten(1).square().sum(1) + 1e-12).sqrt())


_warned: WeakSet[nn.Module] = WeakSet()


def warn_of_batch_norm(critic: nn.Module) -> None:
    """Warn once of each critic with batch normalisation, over which a penalty per sample is not exact."""
    from torch.nn.modules.batchnorm import _BatchNorm

    if critic not in _warned:
        _warned.add(critic)
        if any(isinstance(module, _BatchNorm) for module in critic.modules()):
            warnings.warn(
                "the gradient penalty is per sample, and the discriminator's batch normalisation couples the samples; "
                "try --set discriminator.norm=none, layer or instance",
                stacklevel=3,
            )


def unit_gradient_penalty(critic: nn.Module, real: Tensor, fake: Tensor, *condition: Tensor) -> Tensor:
    """``E (|grad D(u x + (1 - u) y)| - 1)^2`` with one u, uniform in [0, 1], per sample (Gulrajani et al., 2017)."""
    u = torch.rand(len(real), *[1] * (real.dim() - 1), device=real.device)
    between = u * real + (1 - u) * fake.float()
    return (gradient_norms(critic, between, *condition) - 1).square().mean()


def zero_gradient_penalty(critic: nn.Module, samples: Tensor, *condition: Tensor) -> Tensor:
    """``E |grad D(x)|^2 / 2``: R1 on real samples, R2 on generated ones (Mescheder et al., 2018)."""
    return gradient_norms(critic, samples, *condition).square().mean() / 2
