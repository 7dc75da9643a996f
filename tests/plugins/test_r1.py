from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ganzoo.registry.recipe import resolve
from ganzoo.registry.registry import registry
from ganzoo.testing import check
from tests.support import Bowl, losses_of

PUBLISHED = {"optimizer": "rmsprop", "penalty": 10.0, "discriminator.norm": "none"}


def test_the_losses_are_those_of_the_paper() -> None:
    torch.manual_seed(0)
    real, z, G, D = torch.randn(6, 2), torch.randn(6, 2), nn.Linear(2, 2), Bowl()
    recipe = resolve(registry().gan("r1"), {"penalty": 10.0})
    of_D, of_G = losses_of(recipe.functions["trainer"], G, D, real, z, **recipe.values["trainer"])
    game = F.softplus(-D(real)).mean() + F.softplus(D(G(z))).mean()
    torch.testing.assert_close(of_D, game + 10 / 2 * D.squared_norms(real).mean())
    torch.testing.assert_close(of_G, F.softplus(-D(G(z))).mean())


@pytest.mark.parametrize("preset", [None, "published"])
def test_the_discriminator_has_no_batch_norm(preset: str | None) -> None:
    """It would couple the samples whose gradients the penalty takes one by one."""
    recipe = resolve(registry().gan("r1"), preset=preset)
    assert recipe.values["discriminator"]["norm"] == "none"
    assert recipe.values["trainer"]["penalty"] > 0


def test_the_published_parts_keep_the_contract() -> None:
    narrow = {"generator.width": 4, "discriminator.width": 4, "generator": "dcgan", "discriminator": "dcgan"}
    check("r1", settings=PUBLISHED | narrow)
