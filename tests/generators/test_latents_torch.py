"""The latents in torch are those of numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ganzoo.generators.latents import Distribution, latents
from tests.generators.test_latents import ALL, PINNED
from tests.support.latents_torch import latents as latents_torch


@pytest.mark.parametrize("distribution", ALL)
def test_pinned_values(distribution: Distribution) -> None:
    values = latents_torch(torch.tensor([2**40 + 7]), 5, distribution)[0].numpy()
    np.testing.assert_allclose(values, PINNED[distribution], rtol=2e-7, atol=0)


@pytest.mark.parametrize("distribution", ALL)
@pytest.mark.parametrize("length", [1, 4, 33])
def test_seeds_give_what_they_give_in_numpy(distribution: Distribution, length: int) -> None:
    seeds = np.concatenate([np.arange(500), 2**63 - 1 - np.arange(500)])
    values = latents_torch(torch.from_numpy(seeds), length, distribution)
    expected = latents(seeds, length, distribution)
    assert (values.dtype, values.shape) == (torch.float32, expected.shape)
    if distribution == "uniform":
        np.testing.assert_array_equal(values.numpy(), expected)
    np.testing.assert_allclose(values.numpy(), expected, rtol=3e-7, atol=1e-30)
