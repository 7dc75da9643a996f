from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from ganzoo.registry.registry import registry
from tests.support import Bowl, losses_of


def test_the_losses_are_those_of_the_paper() -> None:
    torch.manual_seed(0)
    real, z, G, D = torch.randn(6, 2), torch.randn(6, 2), nn.Linear(2, 2), Bowl()
    torch.manual_seed(1)
    of_D, of_G = losses_of(registry().part("trainer", "dragan"), G, D, real, z, penalty=7.0)
    torch.manual_seed(1)
    near = real + 0.5 * real.std() * torch.rand(6, 2)
    penalty = 7 * (D.squared_norms(near).sqrt() - 1).square().mean()
    game = F.softplus(-D(real)).mean() + F.softplus(D(G(z))).mean()
    torch.testing.assert_close(of_D, game + penalty)
    torch.testing.assert_close(of_G, F.softplus(-D(G(z))).mean())


def test_the_points_lie_near_the_data_whatever_is_generated() -> None:
    """In which the penalty differs from that of wgan-gp."""
    real, z, D = torch.ones(6, 2), torch.randn(6, 2), Bowl()
    near, far = nn.Linear(2, 2), nn.Linear(2, 2)
    nn.init.constant_(far.bias, 1e3)
    penalties = []
    for G in (near, far):
        with_penalty, without = (
            losses_of(registry().part("trainer", "dragan"), G, D, real, z, penalty=p) for p in (1, 0)
        )
        penalties.append((with_penalty[0] - without[0]).item())
    assert abs(penalties[0] - penalties[1]) < 0.1
