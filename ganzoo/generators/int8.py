"""Symmetric int8 quantisation of weights, with a scale for each output channel.

Source: Krishnamoorthi, 2018, arXiv:1806.08342.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MIN_SIZE = 1024
"""Values in a tensor that is worth quantising."""
TOLERANCE = 1e-6
"""Relative to the largest value: what float32 loses when the same product is computed in two ways."""


def quantize(values: NDArray[np.float32], axis: int = 0) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Round values to int8, so that ``quantized * scales`` is nearest to them.

    Args:
        values: an array with that axis.
        axis: the one of the output channels.

    Returns:
        int8 values in [-127, 127] of the same shape, and float32 scales that broadcast against them.
    """
    others = tuple(index for index in range(values.ndim) if index != axis)
    scales = np.abs(values).max(axis=others, keepdims=True).astype(np.float32) / np.float32(127)
    scales[scales == 0] = 1
    return np.rint(values / scales).astype(np.int8), scales


def dequantize(quantized: NDArray[np.int8], scales: NDArray[np.float32]) -> NDArray[np.float32]:
    """The inverse of :func:`quantize`, up to half a scale."""
    return quantized.astype(np.float32) * scales


def requantize(values: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]] | None:
    """The int8 values and scales of an array that :func:`dequantize` returned; ``None`` for any other array."""
    if values.dtype != np.float32 or values.ndim < 2 or values.size < MIN_SIZE:
        return None
    for axis in range(values.ndim):  # an exporter may have transposed it
        quantized, scales = quantize(values, axis)
        if np.abs(dequantize(quantized, scales) - values).max() <= TOLERANCE * np.abs(values).max():
            return quantized, scales
    return None
