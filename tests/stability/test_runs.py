"""Spectra and paths of games whose weights are many."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from ganzoo.spec import GanzooError
from ganzoo.stability import spectrum as spectra
from ganzoo.stability.games import of_run
from ganzoo.stability.path import path
from ganzoo.trainers import non_saturating

from ..cli.conftest import invoke
from ..support import TRAIN, begin, play
from .games import at, field_of, wasserstein_r1


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of six rounds on vectors."""
    folder = tmp_path_factory.mktemp("lab") / "ring"
    assert invoke(f"train simple {TRAIN} --data ring8 --set generator.norm=none --out {folder}").exit_code == 0
    return folder


def test_a_runs_game_stands_where_the_checkpoint_does(run: Path) -> None:
    game = of_run(run, 32)
    again = begin("simple", "ring8", rounds=6, seed=1, **{"generator.norm": "none"})
    assert game.first.equal(game.field.vector(again.nets))
    play(again)
    assert game.field.start.equal(game.field.vector(again.nets))
    assert (game.gan, game.rounds, game.lr, game.optimizer) == ("simple", 6, 1e-3, "adam")
    assert of_run(run, 32).field(game.first).equal(game.field(game.first))


def test_the_search_finds_the_leading_eigenvalues_of_the_matrix(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    field = of_run(run, 32).field
    exact = spectra.spectrum(field, 3)
    assert exact.dense
    assert len(exact.eigenvalues) == len(field.start)
    assert exact.residuals[exact.leading(3)].max() < 1e-9
    monkeypatch.setattr(spectra, "DENSE", 0)
    found = spectra.spectrum(field, 3)
    assert not found.dense
    assert found.difference < 1e-8
    assert found.residuals.max() < 1e-6
    assert found.growth == pytest.approx(exact.growth, abs=1e-8)
    distances = np.abs(np.subtract.outer(found.eigenvalues, exact.eigenvalues)).min(1)
    assert distances.max() < 1e-8 * np.abs(exact.eigenvalues).max()
    assert np.abs(found.eigenvalues).max() == pytest.approx(np.abs(exact.eigenvalues).max(), rel=1e-8)
    assert found.v == pytest.approx(float(field(field.start).norm()))


def test_the_step_limit_of_many_weights_is_where_steps_stop_growing(run: Path) -> None:
    field = field_of(at(0, 0), non_saturating, penalty=0.3)
    found = spectra.spectrum(field, 1)
    assert found.step_limit == pytest.approx(1.2)
    assert found.radius(found.step_limit) == pytest.approx(1)
    assert found.radius(0.1) == pytest.approx(0.98615415)
    assert found.rotation == pytest.approx(0.47696960 / 0.15)


def test_a_rotation_crosses_every_line_and_a_damped_one_does_not() -> None:
    """On the line through the place of rest: the Wasserstein game only turns, a penalty draws it in."""
    ray = torch.tensor([1.0, 0.5], dtype=torch.float64)
    turning = path(field_of(at(0, 0), wasserstein_r1), ray, torch.zeros_like(ray), 24)
    assert np.abs(turning.angle).max() < 1e-12
    assert turning.verdict.startswith("turning")
    assert turning.norm == pytest.approx(np.abs(1 - turning.a) * ray.norm().item())
    gamma = 0.6
    damped = path(field_of(at(0, 0), wasserstein_r1, penalty=gamma), ray, torch.zeros_like(ray), 24)
    psi, theta = ray.tolist()
    v = np.array([-theta - gamma * psi, psi])
    expected = gamma * psi**2 / (np.linalg.norm(v) * ray.norm().item())
    assert damped.angle == pytest.approx(expected * np.sign(1 - damped.a))
    assert damped.verdict.startswith("attracted")


def test_a_run_without_a_checkpoint_is_refused(tmp_path: Path, run: Path) -> None:
    with pytest.raises(GanzooError, match=r"holds no run\.json"):
        of_run(tmp_path, 8)
    (tmp_path / "run.json").write_text((run / "run.json").read_text())
    with pytest.raises(GanzooError, match="holds no checkpoint yet"):
        of_run(tmp_path, 8)
