"""Weights in a quarter of their bytes: whole numbers of eight bits, and a scale for each output channel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SMALLEST = 1024  # values in a tensor; below that there is nothing to gain
STEPS = 127
EXACT = 1e-6  # of the largest value: what float32 arithmetic loses between two ways to one product


def pack(values: NDArray[np.float32], axis: int = 0) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Levels -127 to 127 and scales, so that ``levels * scales`` is nearest to the values.

    Args:
        values: any shape with ``axis``.
        axis: the one of the output channels, each of which has its own scale.

    Returns:
        Levels of the same shape, and scales of a shape that broadcasts against it.
    """
    others = tuple(index for index in range(values.ndim) if index != axis)
    scales = np.abs(values).max(axis=others, keepdims=True).astype(np.float32) / np.float32(STEPS)
    scales[scales == 0] = 1
    return np.rint(values / scales).astype(np.int8), scales


def unpack(levels: NDArray[np.int8], scales: NDArray[np.float32]) -> NDArray[np.float32]:
    """The values that :func:`pack` put away, to within half a step."""
    return levels.astype(np.float32) * scales


def packed_already(values: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]] | None:
    """Levels and scales of values that lose nothing by it, since they were packed before; ``None`` for all others."""
    if values.dtype != np.float32 or values.ndim < 2 or values.size < SMALLEST:
        return None
    for axis in range(values.ndim):  # wherever a graph has its outputs
        levels, scales = pack(values, axis)
        if np.abs(unpack(levels, scales) - values).max() <= EXACT * np.abs(values).max():
            return levels, scales
    return None
