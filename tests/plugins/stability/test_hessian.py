"""The Hessian of each player's own loss, its spectrum, and the critical point in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from ganzoo_plugins.stability import spectrum as spectra
from ganzoo_plugins.stability.analysis import hessian
from ganzoo_plugins.stability.field import Field, Hessian, Jacobian
from ganzoo_plugins.stability.spectrum import Spectrum
from torch import Tensor

from ganzoo.parts.trainers import wasserstein
from ganzoo.util.errors import GanzooError
from tests.plugins.stability.games import at, wasserstein_r1
from tests.plugins.stability.games import field_of as field_of_trainer
from tests.plugins.stability.test_field import begun, field_of, smallest

GANS: dict[str, dict[str, Any]] = {
    "simple": {},
    "wgan-gp": {},
    "lsgan": {},
    "privileged-v1": {"parent_training": "joint", "penalty": 0.3},
}


def moved(field: Field) -> Field:
    """Away from the kinks of units whose bias is 0."""
    field.start += 0.05 * torch.randn(len(field.start), dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return field


def torch_hessian(field: Field, player: str) -> Tensor:
    """By torch's own function."""
    own = field.players[player]

    def loss(part: Tensor) -> Tensor:
        return field.losses(torch.cat([field.start[: own.start], part, field.start[own.stop :]]), [player])[player]

    found: Tensor = torch.autograd.functional.hessian(loss, field.start[own])  # type: ignore[no-untyped-call]
    return found


@pytest.mark.parametrize("gan", GANS)
def test_the_hessian_is_that_of_each_players_own_loss(gan: str, monkeypatch: pytest.MonkeyPatch) -> None:
    field = moved(field_of(smallest(gan, **GANS[gan])))
    assert len(field.players) == (4 if "privileged" in gan else 2)
    J = Jacobian(field, field.start).dense()
    for player, own in field.players.items():
        dense = torch_hessian(field, player)
        scale = dense.abs().max()
        H = Hessian(field, player, field.start)
        assert (H.dense() - dense).abs().max() < 1e-8 * scale
        assert (J[own, own] + dense).abs().max() < 1e-8 * scale
        assert torch.allclose(H.v, -field(field.start)[own])
        exact = np.linalg.eigvalsh(dense.numpy())
        far = np.abs(exact).max()
        whole = hessian(field, player, 2)
        assert whole.complete
        assert np.abs(whole.values - exact).max() < 1e-8 * far
        with monkeypatch.context() as patch:
            patch.setattr(spectra, "DENSE", 0)
            found = hessian(field, player, 2)
        assert not found.complete
        assert found.values == pytest.approx(exact[[0, 1, -2, -1]], rel=0, abs=1e-8 * far)
        assert (found.residuals * np.abs(found.values)).max() < 1e-6 * far
        assert (found.critical_point, found.norm) == (whole.critical_point, pytest.approx(float(H.v.norm())))


@pytest.mark.parametrize(
    ("eigenvalues", "critical_point"),
    [
        ([-1, 2], "saddle"),
        ([-1e-7, 2], "minimum"),
        ([-2, -1], "maximum"),
        ([-2, 1e-7], "maximum"),
        ([0, 0], "flat region"),
    ],
)
def test_the_critical_point_has_a_name(eigenvalues: list[float], critical_point: str) -> None:
    assert Spectrum(np.array(eigenvalues, float), np.zeros(2), 0.0, 2, True).critical_point == critical_point


def test_a_penalty_gives_the_critic_a_minimum() -> None:
    field = field_of_trainer(at(0, 0), wasserstein_r1, penalty=0.6)
    critic, generator = (hessian(field, player, 1) for player in ("discriminator", "generator"))
    assert critic.values == pytest.approx([0.6])
    assert critic.critical_point == "minimum"
    assert generator.critical_point == "flat region", "a linear critic gives the generator's loss no curvature"


def test_weights_at_a_bound_are_left_out() -> None:
    made, batch = begun(smallest("wgan"))
    field = Field(made.nets, lambda nets, draw: wasserstein(nets, draw, clip=0.1), batch)
    J = Jacobian(field, field.start)
    assert sum(hessian(field, player, 1).size for player in field.players) == J.size < len(field.start)


def test_a_player_that_cannot_move_is_refused() -> None:
    field = field_of_trainer(at(1, 0.1), wasserstein, clip=0.1)
    field.start[field.players["discriminator"]] = -0.1  # the field pushes it further down, since the fakes are at 1
    with pytest.raises(GanzooError, match="all weights of the discriminator are at their bounds"):
        hessian(field, "discriminator", 1)
