"""Each player's Hessian is that of its own loss, and what it says of the place is said in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from ganzoo_plugins.stability import curvature as curvatures
from ganzoo_plugins.stability.curvature import Curvature, Hessian
from ganzoo_plugins.stability.field import Field, Jacobian
from torch import Tensor

from ganzoo.parts.trainers import wasserstein
from ganzoo.util.errors import GanzooError
from tests.plugins.stability.games import at, wasserstein_r1
from tests.plugins.stability.games import field_of as field_of_game
from tests.plugins.stability.test_field import begun, field_of, smallest

GANS: dict[str, dict[str, Any]] = {
    "simple": {},
    "wgan-gp": {},
    "lsgan": {},
    "privileged-v1": {"parent_training": "joint", "penalty": 0.3},
}


def moved(field: Field) -> Field:
    """Off the kinks at which biases of 0 put some units."""
    field.start += 0.05 * torch.randn(len(field.start), dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return field


def hessian_of(field: Field, player: str) -> Tensor:
    """By torch's own function, of the loss alone."""
    own = field.players[player]

    def loss(part: Tensor) -> Tensor:
        return field.losses(torch.cat([field.start[: own.start], part, field.start[own.stop :]]), [player])[player]

    found: Tensor = torch.autograd.functional.hessian(loss, field.start[own])  # type: ignore[no-untyped-call]
    return found


@pytest.mark.parametrize("gan", GANS)
def test_it_is_the_hessian_of_each_players_own_loss(gan: str, monkeypatch: pytest.MonkeyPatch) -> None:
    field = moved(field_of(smallest(gan, **GANS[gan])))
    assert len(field.players) == (4 if "privileged" in gan else 2)
    J = Jacobian(field, field.start).dense()
    for player, own in field.players.items():
        dense = hessian_of(field, player)
        scale = dense.abs().max()
        H = Hessian(field, player, field.start)
        assert (H.dense() - dense).abs().max() < 1e-8 * scale
        assert (J[own, own] + dense).abs().max() < 1e-8 * scale
        assert torch.allclose(H.slope, -field(field.start)[own])
        exact = np.linalg.eigvalsh(dense.numpy())
        far = np.abs(exact).max()
        whole = curvatures.curvature(field, player, 2)
        assert whole.dense
        assert np.abs(whole.eigenvalues - exact).max() < 1e-8 * far
        with monkeypatch.context() as patch:
            patch.setattr(curvatures, "DENSE", 0)
            found = curvatures.curvature(field, player, 2)
        assert not found.dense
        assert found.eigenvalues == pytest.approx(exact[[0, 1, -2, -1]], rel=0, abs=1e-8 * far)
        assert found.residuals.max() < 1e-6 * far
        assert (found.kind, found.slope) == (whole.kind, pytest.approx(float(H.slope.norm())))


@pytest.mark.parametrize(
    ("eigenvalues", "kind"),
    [
        ([-1, 2], "saddle"),
        ([-1e-7, 2], "minimum"),
        ([-2, -1], "maximum"),
        ([-2, 1e-7], "maximum"),
        ([0, 0], "flat place"),
    ],
)
def test_the_place_has_a_name(eigenvalues: list[float], kind: str) -> None:
    found = Curvature("parent.generator", np.array(eigenvalues, float), np.zeros(2), 0.0, 2, True)
    assert found.verdict == f"the parent's generator stands at a {kind} of its own loss"


def test_a_penalty_makes_a_minimum_of_the_critics_place() -> None:
    found = {own.player: own for own in curvatures.curvatures(field_of_game(at(0, 0), wasserstein_r1, penalty=0.6), 1)}
    assert found["discriminator"].eigenvalues == pytest.approx([0.6])
    assert found["discriminator"].kind == "minimum"
    assert found["generator"].kind == "flat place", "a critic that is a line does not bend the generator's loss"


def test_weights_at_the_bound_of_a_clip_are_left_out() -> None:
    made, batch = begun(smallest("wgan"))
    field = Field(made.nets, lambda nets, draw: wasserstein(nets, draw, clip=0.1), batch)
    J = Jacobian(field, field.start)
    assert sum(own.size for own in curvatures.curvatures(field, 1)) == J.size < len(field.start)


def test_a_player_that_cannot_move_is_told() -> None:
    field = field_of_game(at(1, 0.1), wasserstein, clip=0.1)
    field.start[field.players["discriminator"]] = -0.1  # it is pushed further down, since the fakes are at 1
    with pytest.raises(GanzooError, match="all weights of the discriminator stand at their bounds"):
        curvatures.curvatures(field, 1)
