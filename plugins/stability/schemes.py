"""Ways to follow a field in steps, and where they lead.

On an eigenvalue z of the step times J, a step multiplies by 1 + z (simultaneous), 1 + z + z^2 (extragradient) or
1 + z + z^2/2 + z^3/6 + z^4/24 (rk4). On a pure rotation the first is always above 1 in modulus; alternating steps keep
their distance for ever, and the other two come closer.
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
"""Where a trajectory is no longer followed."""

Step = Callable[[Field, Tensor, float, int], Tensor]


def simultaneous(v: Field, w: Tensor, h: float, _: int) -> Tensor:
    """All players at once: Euler's method."""
    return v.projected(w + h * v(w))


def alternating(v: Field, w: Tensor, h: float, moves: int) -> Tensor:
    """One player after the other, as trainers do, with so many moves of each discriminator."""
    for player, own in v.players.items():
        for _ in range(moves if player.endswith("discriminator") else 1):
            w = w.clone()
            w[own] += h * v.of(player, w)
            w = v.projected(w)
    return w


def extragradient(v: Field, w: Tensor, h: float, _: int) -> Tensor:
    """All at once, by the field at the place where a step would lead (Korpelevich, 1976)."""
    return v.projected(w + h * v(v.projected(w + h * v(w))))


def rk4(v: Field, w: Tensor, h: float, _: int) -> Tensor:
    """Runge and Kutta's method of order four, as in ODE-GAN (Qin et al., 2020): nearest to continuous time."""
    a = v(w)
    b = v(w + h / 2 * a)
    c = v(w + h / 2 * b)
    d = v(w + h * c)
    return v.projected(w + h / 6 * (a + 2 * b + 2 * c + d))


SCHEMES: MappingProxyType[str, Step] = MappingProxyType(
    {"simultaneous": simultaneous, "alternating": alternating, "extragradient": extragradient, "rk4": rk4}
)


def trajectory(v: Field, begin: Tensor, scheme: str, *, steps: int, lr: float, moves: int = 1) -> Tensor:
    """The weights ``(steps + 1, N)`` at every step; fewer if they leave all bounds."""
    places = [begin]
    for _ in range(steps):
        w = SCHEMES[scheme](v, places[-1], lr, moves)
        if not w.abs().max() < LARGEST:
            break
        places.append(w)
    return torch.stack(places)


def step_limit(eigenvalues: NDArray[np.complex128]) -> float:
    """The largest step at which simultaneous steps converge, min -2 Re/|z|^2 (Mescheder et al., 2017).

    Neutral directions, in which the equilibria are a line, are left out. 0 if no step is small enough.

    >>> step_limit(np.array([-0.15 + 0.47696960j, -0.15 - 0.47696960j])).__round__(6)
    1.2
    """
    moving = eigenvalues[np.abs(eigenvalues) > 1e-9]
    limits = -2 * moving.real / np.abs(moving) ** 2
    return float(limits.min()) if len(moving) and limits.min() > 1e-9 else 0.0


def verdict(seen: NDArray[np.float64], lr: float, steps: int) -> str:
    """What a trajectory ``(steps + 1, planes, 2)`` around the origin does, in words.

    Its distance is judged by the largest in each quarter of the time t = lr x step, since what circles on an ellipse
    comes near and goes far all the time. An exponential and a power of t are told apart by which of the two is the
    same in both halves of what follows the first quarter; what slows down more than either nears a limit cycle, whose
    radius is extrapolated (Aitken, 1926).

    >>> time = 0.1 * np.arange(2001)
    >>> turn = np.stack([np.cos(time), np.sin(time)], -1)[:, None]
    >>> def told(radius): return verdict(turn * radius[:, None, None], 0.1, 2000)
    >>> told(2 + 0 * time)
    'circles at radius 2'
    >>> told(np.exp(-0.15 * time))
    'converges like exp(-0.15 t)'
    >>> told((0.1 + 8 * time) ** -0.5)
    'converges like t^-0.50'
    >>> told(2 + np.exp(-0.03 * time))
    'limit cycle of radius 2.01'
    """
    if len(seen) <= steps:
        return f"spirals out of all bounds in {len(seen):,} steps"
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
        at = crests(radius, len(quarters[0]))
        time, height = lr * at, np.log(radius[at])
        if exponential < power:
            return f"{words} like exp({np.polyfit(time, height, 1)[0]:.3g} t)"
        return f"{words} like t^{np.polyfit(np.log(time), height, 1)[0]:.2f}"
    if abs(rates[1]) > abs(rates[0]):
        return f"{words} ever faster"
    before, last = np.diff(peaks)
    return f"nears a limit cycle of radius {peaks[2] - last**2 / (last - before):.2g}"


def crests(radius: NDArray[np.float64], begin: int) -> NDArray[np.int64]:
    """From there on, where the distance is larger than just before and after; everywhere, if it has no such waves."""
    inner = radius[1:-1]
    found = 1 + np.flatnonzero((inner >= radius[:-2]) & (inner > radius[2:]))
    found = found[found >= begin]
    return found if len(found) > 3 else np.arange(begin, len(radius))
