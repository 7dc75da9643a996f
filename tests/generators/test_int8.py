"""Quantised weights: their error, and that weights which were quantised before lose nothing more."""

from __future__ import annotations

import numpy as np
import pytest

from ganzoo.generators.int8 import MIN_SIZE, dequantize, quantize, requantize


def values(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("axis", [0, 1])
def test_the_error_is_at_most_half_a_scale(axis: int) -> None:
    before = values(12, 8, 4, 4) * np.float32(10) ** np.arange(-4, 4, dtype=np.float32)[:, None, None]
    quantized, scales = quantize(before, axis)
    assert (quantized.dtype, quantized.shape) == (np.int8, before.shape)
    assert scales.shape == ((12, 1, 1, 1), (1, 8, 1, 1))[axis]
    assert (np.abs(dequantize(quantized, scales) - before) <= scales * 0.5001).all()
    assert np.abs(quantized).max() == 127


def test_channels_of_zeros_stay_zeros() -> None:
    before = values(40, 40)
    before[3] = 0
    after = dequantize(*quantize(before))
    assert (after[3] == 0).all()
    assert np.isfinite(after).all()


@pytest.mark.parametrize(("shape", "axis"), [((64, 32), 0), ((32, 64), 1), ((16, 8, 4, 4), 0), ((16, 8, 4, 4), 1)])
def test_dequantized_weights_are_requantized_without_loss(shape: tuple[int, ...], axis: int) -> None:
    quantized, scales = quantize(values(*shape), axis)
    gains = np.random.default_rng(1).uniform(-2, 2, scales.shape).astype(np.float32)  # as a folded normalisation has
    found = requantize(dequantize(quantized, scales) * gains)
    assert found is not None
    np.testing.assert_array_equal(found[0], quantized * np.sign(gains).astype(np.int8))
    np.testing.assert_allclose(found[1], scales * np.abs(gains), rtol=1e-6)


def test_other_weights_are_left_alone() -> None:
    assert requantize(values(64, 64)) is None
    assert requantize(values(64, 64).astype(np.float64)) is None
    assert requantize(dequantize(*quantize(values(MIN_SIZE - 1, 1)))) is None
    assert requantize(np.ones(MIN_SIZE, np.float32)) is None
