"""Step schemes that integrate a field, and what their trajectories do.

Near an equilibrium, along an eigenvector of J whose eigenvalue times the step size is z, a step multiplies the
distance by 1 + z (simultaneous), 1 + z + z^2 (extragradient) or 1 + z + z^2/2 + z^3/6 + z^4/24 (rk4). On a pure
rotation the first has a modulus above 1 and diverges. Alternating steps keep the distance; the other two converge.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .field import Field

LARGEST = 1e6
"""A trajectory ends where a weight exceeds this."""

Step = Callable[[Field, Tensor, float, int], Tensor]


def simultaneous(v: Field, w: Tensor, h: float, _: int) -> Tensor:
    """All players at once: Euler's method, which is simultaneous gradient descent."""
    return v.projected(w + h * v(w))


def alternating(v: Field, w: Tensor, h: float, discriminator_steps: int) -> Tensor:
    """One player after the other, as trainers do; each discriminator takes several steps."""
    for player, own in v.players.items():
        for _ in range(discriminator_steps if player.endswith("discriminator") else 1):
            w = w.clone()
            w[own] += h * v.of(player, w)
            w = v.projected(w)
    return w


def extragradient(v: Field, w: Tensor, h: float, _: int) -> Tensor:
    """All players at once, by the field at the point that a first step reaches (Korpelevich, 1976)."""
    return v.projected(w + h * v(v.projected(w + h * v(w))))


def rk4(v: Field, w: Tensor, h: float, _: int) -> Tensor:
    """The Runge-Kutta method of order four, as in ODE-GAN (Qin et al., 2020): closest to continuous time."""
    a = v(w)
    b = v(w + h / 2 * a)
    c = v(w + h / 2 * b)
    d = v(w + h * c)
    return v.projected(w + h / 6 * (a + 2 * b + 2 * c + d))


SCHEMES: MappingProxyType[str, Step] = MappingProxyType(
    {"simultaneous": simultaneous, "alternating": alternating, "extragradient": extragradient, "rk4": rk4}
)


def trajectory(v: Field, start: Tensor, scheme: str, *, steps: int, lr: float, discriminator_steps: int = 1) -> Tensor:
    """The weights ``(steps + 1, N)`` at every step; fewer if one exceeds :data:`LARGEST`."""
    points = [start]
    for _ in range(steps):
        w = SCHEMES[scheme](v, points[-1], lr, discriminator_steps)
        if not w.abs().max() < LARGEST:
            break
        points.append(w)
    return torch.stack(points)


def step_limit(eigenvalues: NDArray[np.complex128]) -> float:
    """The step size below which simultaneous steps converge, min -2 Re z/|z|^2 (Mescheder et al., 2017).

    Eigenvalues of 0 belong to a continuum of equilibria and are ignored. The result is 0 if no step size converges.

    >>> step_limit(np.array([-0.15 + 0.47696960j, -0.15 - 0.47696960j])).__round__(6)
    1.2
    """
    moving = eigenvalues[np.abs(eigenvalues) > 1e-9]
    limits = -2 * moving.real / np.abs(moving) ** 2
    return float(limits.min()) if len(moving) and limits.min() > 1e-9 else 0.0


def spectral_radius(eigenvalues: NDArray[np.complex128], h: float) -> float:
    """The spectral radius of a simultaneous step of size h: below 1, steps converge near the equilibrium."""
    return float(np.abs(1 + h * eigenvalues).max())


def verdict(seen: NDArray[np.float64], lr: float, steps: int) -> str:
    """What a trajectory ``(steps + 1, planes, 2)`` around the origin does, in words.

    It compares the largest radius in each quarter of the time t = lr x step, since the radius of an ellipse oscillates.
    The change over the last three quarters is an exponential or a power of t, whichever has the same rate in both
    halves. A radius that slows down more than either approaches a limit cycle, which is extrapolated (Aitken, 1926).

    >>> time = 0.1 * np.arange(2001)
    >>> circle = np.stack([np.cos(time), np.sin(time)], -1)[:, None]
    >>> def of(radius): return verdict(circle * radius[:, None, None], 0.1, 2000)
    >>> of(2 + 0 * time)
    'circles at radius 2'
    >>> of(np.exp(-0.15 * time))
    'converges like exp(-0.15 t)'
    >>> of((0.1 + 8 * time) ** -0.5)
    'converges like t^-0.50'
    >>> of(2 + np.exp(-0.03 * time))
    'limit cycle of radius 2.01'
    """
    if len(seen) <= steps:
        return f"diverges in {len(seen):,} steps"
    radius = np.linalg.norm(seen, axis=(1, 2))
    if radius[-1] > 1e-12 and np.ptp(seen[-len(seen) // 4 :], axis=0).max() < 1e-6 * radius[-1]:
        return f"stops at radius {radius[-1]:.3g}"
    quarters = np.array_split(radius, 4)
    starts = np.cumsum([0, *(len(part) for part in quarters[:-1])])
    peaks = [float(part.max()) for part in quarters[1:]]
    if peaks[2] < 1e-12:
        return "converges"
    if abs(peaks[2] / peaks[1] - 1) < 0.02:
        return f"{'circles at' if abs(peaks[2] / radius[0] - 1) < 0.1 else 'limit cycle of'} radius {peaks[2]:.3g}"
    times = lr * np.array([start + part.argmax() for start, part in zip(starts, quarters, strict=True)][1:])
    change = np.diff(np.log(peaks))
    if change[0] * change[1] <= 0:
        return f"wanders at radii up to {max(peaks):.3g}"
    rates, powers = change / np.diff(times), change / np.diff(np.log(times))
    exponential, power = (abs(math.log(pair[1] / pair[0])) for pair in (rates, powers))
    words = "converges" if change[1] < 0 else "spirals out"
    if min(exponential, power) < 0.3:
        peak = local_maxima(radius, len(quarters[0]))
        time, height = lr * peak, np.log(radius[peak])
        if exponential < power:
            return f"{words} like exp({np.polyfit(time, height, 1)[0]:.3g} t)"
        return f"{words} like t^{np.polyfit(np.log(time), height, 1)[0]:.2f}"
    if abs(rates[1]) > abs(rates[0]):
        return f"{words} ever faster"
    before, last = np.diff(peaks)
    return f"approaches a limit cycle of radius {peaks[2] - last**2 / (last - before):.2g}"


def local_maxima(radius: NDArray[np.float64], begin: int) -> NDArray[np.int64]:
    """Indices of the local maxima from ``begin`` on; all indices, if there are at most three."""
    inner = radius[1:-1]
    found = 1 + np.flatnonzero((inner >= radius[:-2]) & (inner > radius[2:]))
    found = found[found >= begin]
    return found if len(found) > 3 else np.arange(begin, len(radius))
