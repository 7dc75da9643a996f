"""Spectra and paths of games whose weights are many."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from ganzoo_plugins.stability import spectrum as spectra
from ganzoo_plugins.stability.field import Jacobian
from ganzoo_plugins.stability.games import Games
from ganzoo_plugins.stability.moment import look
from ganzoo_plugins.stability.path import path

from ganzoo.parts.trainers import non_saturating
from ganzoo.runs.folders import keeping
from ganzoo.training.loop import Training
from ganzoo.util.errors import GanzooError
from tests.plugins.stability.games import at, field_of, wasserstein_r1
from tests.support import TRAIN, run_iterations, small_training
from tests.support.commands import invoke


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of six iterations on vectors, of which every second is kept; it was made longer by two."""
    folder = tmp_path_factory.mktemp("lab") / "ring"
    line = f"train simple {TRAIN} --data ring8 --set generator.norm=none --set ttur=0.5 --keep-every 2 --out {folder}"
    assert invoke(line).exit_code == 0
    assert invoke(f"train --resume {folder} --iterations 8").exit_code == 0
    return folder


def again(iterations: int) -> Training:
    """The same training, played so far."""
    training = small_training("simple", "ring8", iterations=6, seed=1, **{"generator.norm": "none", "ttur": 0.5})
    run_iterations(training, iterations)
    return training


def test_a_runs_games_stand_where_its_checkpoints_do(run: Path) -> None:
    games = Games(run, 32)
    assert games.iterations == (0, 2, 4, 6, 8)
    for number in (0, 4, 6):
        game = games.at(number)
        assert game.field.start.equal(game.field.vector(again(number).nets))
        assert games.weights(number, game.field).equal(game.field.start)
        assert (game.gan, game.iterations, game.optimizer) == ("simple", number, "adam")
    assert Games(run, 32).at(4).field(game.field.start).equal(games.at(4).field(game.field.start))


def test_first_weights_that_were_not_kept_are_built_anew(run: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    shutil.copytree(run, plain, ignore=lambda *_: ["checkpoints"])
    games = Games(plain, 32)
    assert games.iterations == (8,)
    game = games.at(8)
    assert games.weights(0, game.field).equal(Games(run, 32).at(0).field.start)
    with pytest.raises(GanzooError, match="holds no checkpoint of iteration 0; it holds those of 8"):
        games.at(0)


def test_learning_rates_are_those_of_the_round(run: Path) -> None:
    """They fall to 0 over six iterations, and then again over eight, at which iteration 7 is."""
    games = Games(run, 32)
    for number, share in {0: 1, 2: 5 / 6, 6: 1 / 6, 8: 1 / 8}.items():
        rates = games.at(number).rates
        assert rates == {"discriminator": pytest.approx(5e-4 * share), "generator": pytest.approx(1e-3 * share)}


def test_the_spectral_radius_is_that_of_the_rounds_own_step(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    game = Games(run, 32).at(4)
    J = Jacobian(game.field, game.field.start).dense().numpy()
    rates = np.empty(len(J))
    for player, own in game.field.players.items():
        rates[own] = game.rates[player]
    assert len(set(rates)) == 2
    expected = np.abs(1 + np.linalg.eigvals(rates[:, None] * J)).max()
    assert look(game, 4).radius == pytest.approx(expected, rel=1e-12)
    monkeypatch.setattr(spectra, "DENSE", 0)
    found = look(game, 4, quick=True)
    assert found.spectrum.difference is None
    assert found.radius == pytest.approx(expected, rel=1e-8)


def test_the_search_finds_the_leading_eigenvalues_of_the_matrix(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    field = Games(run, 32).at(8).field
    exact = spectra.spectrum(field, 3)
    assert exact.dense
    assert len(exact.eigenvalues) == len(field.start)
    assert exact.residuals[exact.leading(3)].max() < 1e-9
    monkeypatch.setattr(spectra, "DENSE", 0)
    found = spectra.spectrum(field, 3)
    assert not found.dense
    assert found.difference is not None
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
        Games(tmp_path, 8)
    (tmp_path / "run.json").write_text((run / "run.json").read_text())
    with pytest.raises(GanzooError, match="holds no checkpoint yet"):
        Games(tmp_path, 8)


def test_a_checkpoint_of_another_run_is_refused(run: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(run, other)
    shutil.copy(keeping(other, 2), keeping(other, 4))
    with pytest.raises(GanzooError, match=r"iteration-000004\.safetensors is no checkpoint of iteration 4 of this run"):
        Games(other, 8).at(4)
