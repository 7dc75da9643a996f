from __future__ import annotations

import torch
from torch import nn

from ganzoo.parts.trainers import least_squares
from ganzoo.registry.registry import registry
from tests.support import Bowl, losses_of


def test_the_targets_are_plus_and_minus_one() -> None:
    torch.manual_seed(0)
    real, z, G, D = torch.randn(6, 2), torch.randn(6, 2), nn.Linear(2, 2), Bowl()
    of_D, of_G = losses_of(least_squares, G, D, real, z)
    torch.testing.assert_close(of_D, (D(real) - 1).square().mean() + (D(G(z)) + 1).square().mean())
    torch.testing.assert_close(of_G, (D(G(z)) - 1).square().mean())


def test_they_are_the_targets_one_and_zero_of_a_shifted_discriminator() -> None:
    torch.manual_seed(0)
    real, z, G, D = torch.randn(6, 2), torch.randn(6, 2), nn.Linear(2, 2), Bowl()
    of_D, of_G = losses_of(least_squares, G, D, real, z)
    real_logits, fake_logits = ((D(samples) + 1) / 2 for samples in (real, G(z)))
    torch.testing.assert_close(of_D, 4 * ((real_logits - 1).square().mean() + fake_logits.square().mean()))
    torch.testing.assert_close(of_G, 4 * (fake_logits - 1).square().mean())


def test_it_trains_with_that_loss() -> None:
    assert registry().gan("lsgan").trainer == "least-squares"
    assert registry().part("trainer", "least-squares") is least_squares
