"""Trainers of the literature that no plugin has, as a third party would write them, and Dirac-GANs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from ganzoo_plugins.stability.dirac import Dirac, dirac
from ganzoo_plugins.stability.field import Field, Jacobian
from ganzoo_plugins.stability.players import Line, Point
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from torch import nn

from ganzoo.parts.losses import mean, stop_gradient, without_grad, zero_gradient_penalty
from ganzoo.parts.networks import Networks
from ganzoo.registry.recipe import resolve
from ganzoo.registry.registry import registry


def dirac_of(gan: str, **settings: Any) -> Dirac:
    return dirac(resolve(registry().gan(gan), settings))


def dirac_of_trainer(trainer: Callable[..., Any], **settings: Any) -> Dirac:
    """The Dirac-GAN of a trainer that is not registered."""
    return dirac(resolve(replace(registry().gan("simple"), trainer=partial(trainer, **settings), settings={})))


def field_of(nets: Networks, trainer: Callable[..., Any], **settings: Any) -> Field:
    return Field(nets, partial(trainer, **settings), (torch.zeros(1, 1), torch.zeros(1, 1)))


def eigenvalues(field: Field) -> NDArray[np.complex128]:
    found: NDArray[np.complex128] = np.linalg.eigvals(Jacobian(field, field.start).dense().numpy())
    return found


def flow(field: Field, begin: list[float], time: float, accuracy: float = 1e-9, **options: Any) -> Any:
    """The solution of dw/dt = v(w)."""
    return solve_ivp(
        lambda _, w: field(torch.tensor(w)).numpy(),
        (0, time),
        begin,
        method="DOP853",
        rtol=accuracy,
        atol=accuracy,
        **options,
    )


def saturating(nets: Any, draw: Any) -> Iterator[Any]:
    G, D = nets.generator, nets.discriminator
    real, z = draw()
    yield D, F.softplus(-D(real)).mean() + F.softplus(D(without_grad(G, z))).mean()
    yield G, -F.softplus(D(G(z))).mean()


def relativistic(nets: Any, draw: Any, *, penalty: float = 0.0) -> Iterator[Any]:
    G, D = nets.generator, nets.discriminator
    real, z = draw()
    fake = without_grad(G, z)
    penalties = zero_gradient_penalty(D, real) + zero_gradient_penalty(D, fake)
    yield D, F.softplus(D(fake) - D(real)).mean() + penalty * penalties
    yield G, F.softplus(D(real) - D(G(z))).mean()


def wasserstein_r1(nets: Any, draw: Any, *, penalty: float = 0.0) -> Iterator[Any]:
    G, D = nets.generator, nets.discriminator
    real, z = draw()
    yield D, mean(D(without_grad(G, z))) - mean(D(real)) + penalty * zero_gradient_penalty(D, real)
    yield G, -mean(D(G(z)))


def instance_noise(nets: Any, draw: Any, *, sd: float) -> Iterator[Any]:
    G, D = nets.generator, nets.discriminator
    real, z = draw()
    noise = sd * torch.tensor([[-1.0], [1.0]])  # mean 0 and variance sd^2 determine the eigenvalues
    yield D, F.softplus(-D(real + noise)).mean() + F.softplus(D(without_grad(G, z) + noise)).mean()
    yield G, F.softplus(-D(G(z) + noise)).mean()


def wasserstein_family(nets: Any, draw: Any) -> Iterator[Any]:
    """A privileged GAN with Wasserstein losses."""
    A, D2, G1, D1 = nets.generator.child, nets.discriminator, nets.parent.generator, nets.parent.discriminator
    real, z = draw()
    y = G1(z)
    yield D1, mean(D1(y)) - mean(D1(real))
    yield G1, -mean(D1(y))
    y = stop_gradient(y)
    yield D2, mean(D2(without_grad(A, y))) - mean(D2(real))
    yield nets.generator, -mean(D2(A(y)))


def with_bias() -> Networks:
    """A point, and a discriminator psi x + b."""
    line = nn.Linear(1, 1)
    nn.init.zeros_(line.weight)
    nn.init.zeros_(line.bias)
    return Networks(Point(), line, latent_dim=1)


def at(theta: float, psi: float) -> Networks:
    """A point and a line with these weights."""
    point, line = Point(), Line()
    nn.init.constant_(point.theta, theta)
    nn.init.constant_(line.psi, psi)
    return Networks(point, line, latent_dim=1)
