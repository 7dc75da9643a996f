"""Schedules: functions of the progress of a training, for its learning rate and for settings that change with it.

Progress goes from 0 in the first iteration to almost 1 in the last. A schedule gives a factor, usually from 1 to 0.
"""

from __future__ import annotations

import math


def constant(progress: float) -> float:
    """Always 1.

    >>> constant(0.9)
    1.0
    """
    return 1.0


def linear(progress: float) -> float:
    """Linear decay to 0.

    >>> linear(0.25)
    0.75
    """
    return 1 - progress


def cosine(progress: float) -> float:
    """Half a period of a cosine, to 0 (Loshchilov & Hutter, 2017).

    >>> round(cosine(0.5), 12)
    0.5
    """
    return (1 + math.cos(math.pi * progress)) / 2


def late_linear(progress: float) -> float:
    """1 for the first half, then linear decay to 0, as in CycleGAN (Zhu et al., 2017).

    >>> [late_linear(progress) for progress in (0.25, 0.75)]
    [1.0, 0.5]
    """
    return min(1.0, 2 * (1 - progress))
