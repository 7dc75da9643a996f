"""Weights in eight bits: how near they come, and that what was packed once loses nothing more."""

from __future__ import annotations

import numpy as np
import pytest

from ganzoo.generators.int8 import SMALLEST, pack, packed_already, unpack


def values(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("axis", [0, 1])
def test_values_come_back_to_within_half_a_step(axis: int) -> None:
    before = values(12, 8, 4, 4) * np.float32(10) ** np.arange(-4, 4, dtype=np.float32)[:, None, None]
    levels, scales = pack(before, axis)
    assert (levels.dtype, levels.shape) == (np.int8, before.shape)
    assert scales.shape == ((12, 1, 1, 1), (1, 8, 1, 1))[axis]
    assert (np.abs(unpack(levels, scales) - before) <= scales * 0.5001).all()
    assert np.abs(levels).max() == 127


def test_channels_of_zeros_stay_zeros() -> None:
    before = values(40, 40)
    before[3] = 0
    after = unpack(*pack(before))
    assert (after[3] == 0).all()
    assert np.isfinite(after).all()


@pytest.mark.parametrize(("shape", "axis"), [((64, 32), 0), ((32, 64), 1), ((16, 8, 4, 4), 0), ((16, 8, 4, 4), 1)])
def test_what_was_packed_is_known_again_and_loses_nothing(shape: tuple[int, ...], axis: int) -> None:
    levels, scales = pack(values(*shape), axis)
    gains = np.random.default_rng(1).uniform(-2, 2, scales.shape).astype(np.float32)  # as a folded normalisation has
    found = packed_already(unpack(levels, scales) * gains)
    assert found is not None
    np.testing.assert_array_equal(found[0], levels * np.sign(gains).astype(np.int8))
    np.testing.assert_allclose(found[1], scales * np.abs(gains), rtol=1e-6)


def test_other_weights_are_left_alone() -> None:
    assert packed_already(values(64, 64)) is None
    assert packed_already(values(64, 64).astype(np.float64)) is None
    assert packed_already(unpack(*pack(values(SMALLEST - 1, 1)))) is None
    assert packed_already(np.ones(SMALLEST, np.float32)) is None
