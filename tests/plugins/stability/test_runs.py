"""Spectra and paths of runs."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from ganzoo_plugins.stability import spectrum as spectra
from ganzoo_plugins.stability.analysis import CheckpointAnalysis, analyse, distance
from ganzoo_plugins.stability.field import Jacobian
from ganzoo_plugins.stability.games import Games
from ganzoo_plugins.stability.path import line_path
from ganzoo_plugins.stability.schemes import spectral_radius, step_limit

from ganzoo.parts.trainers import non_saturating
from ganzoo.records.run_folder import RunFolder
from ganzoo.training.loop import Training
from ganzoo.util.errors import GanzooError
from tests.plugins.stability.games import at, field_of, wasserstein_r1
from tests.support import TRAIN, run_iterations, small_training
from tests.support.commands import invoke


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of six iterations on points, extended by two; every second checkpoint is kept."""
    folder = tmp_path_factory.mktemp("lab") / "ring"
    line = f"train simple {TRAIN} --data ring8 --set generator.norm=none --set ttur=0.5 --keep-every 2 --out {folder}"
    assert invoke(line).exit_code == 0
    assert invoke(f"train --resume {folder} --iterations 8").exit_code == 0
    return folder


def repeated(iterations: int) -> Training:
    """The same training after that many iterations."""
    training = small_training("simple", "ring8", iterations=6, seed=1, **{"generator.norm": "none", "ttur": 0.5})
    run_iterations(training, iterations)
    return training


def test_a_game_starts_at_the_weights_of_its_checkpoint(run: Path) -> None:
    games = Games(run, 32)
    assert games.iterations == (0, 2, 4, 6, 8)
    for number in (0, 4, 6):
        game = games.at(number)
        assert game.field.start.equal(game.field.vector(repeated(number).nets))
        assert games.weights(number, game.field).equal(game.field.start)
        assert (game.gan, game.iterations, game.optimizer) == ("simple", number, "adam")
    assert Games(run, 32).at(4).field(game.field.start).equal(games.at(4).field(game.field.start))


def test_initial_weights_that_were_not_kept_are_rebuilt(run: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    shutil.copytree(run, plain, ignore=lambda *_: ["checkpoints"])
    games = Games(plain, 32)
    assert games.iterations == (8,)
    game = games.at(8)
    assert games.weights(0, game.field).equal(Games(run, 32).at(0).field.start)
    with pytest.raises(GanzooError, match="holds no checkpoint of iteration 0; it holds those of 8"):
        games.at(0)


def test_learning_rates_are_those_of_the_iteration(run: Path) -> None:
    """They decay to 0 over six iterations; the last checkpoint belongs to the schedule of eight."""
    games = Games(run, 32)
    for number, share in {0: 1, 2: 5 / 6, 6: 1 / 6, 8: 1 / 8}.items():
        rates = games.at(number).rates
        assert rates == {"discriminator": pytest.approx(5e-4 * share), "generator": pytest.approx(1e-3 * share)}


def test_the_spectral_radius_is_that_of_the_iterations_own_step(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    game = Games(run, 32).at(4)
    J = Jacobian(game.field, game.field.start).dense().numpy()
    rates = np.empty(len(J))
    for player, own in game.field.players.items():
        rates[own] = game.rates[player]
    assert len(set(rates)) == 2
    expected = np.abs(1 + np.linalg.eigvals(rates[:, None] * J)).max()
    assert analyse(game, 4, hessians=False).radius == pytest.approx(expected, rel=1e-12)
    monkeypatch.setattr(spectra, "DENSE", 0)
    found = analyse(game, 4, quick=True, hessians=False)
    assert found.difference is None
    assert found.radius == pytest.approx(expected, rel=1e-8)


def test_the_search_finds_the_leading_eigenvalues_of_the_matrix(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    game = Games(run, 32).at(8)
    exact = analyse(game, 3, hessians=False).jacobian
    assert exact.complete
    assert len(exact.values) == len(game.field.start)
    assert exact.residuals[exact.leading(3)].max() < 1e-9
    monkeypatch.setattr(spectra, "DENSE", 0)
    analysis = analyse(game, 3, hessians=False)
    found = analysis.jacobian
    assert not found.complete
    assert analysis.difference is not None
    assert analysis.difference < 1e-8
    assert found.residuals.max() < 1e-6
    assert found.growth == pytest.approx(exact.growth, abs=1e-8)
    distances = np.abs(np.subtract.outer(found.values, exact.values)).min(1)
    assert distances.max() < 1e-8 * np.abs(exact.values).max()
    assert np.abs(found.values).max() == pytest.approx(np.abs(exact.values).max(), rel=1e-8)
    assert found.norm == pytest.approx(float(game.field(game.field.start).norm()))


def test_a_search_that_misses_an_eigenvalue_differs_from_a_second_one() -> None:
    one = np.array([1, 0.5, 4j, -4j])
    assert distance(one, one) == 0
    assert distance(one, np.array([1.5, 1, 4j, -4j])) == 0.5


def test_a_search_that_does_not_converge_is_an_error(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spectra, "DENSE", 0)
    monkeypatch.setattr(spectra, "RESTARTS", 1)
    field = Games(run, 32).at(8).field
    with pytest.raises(GanzooError, match="do not converge within 1 restarts; ask for fewer with --count"):
        spectra.spectrum(Jacobian(field, field.start), 3, basis=8, tolerance=1e-12)


def test_the_verdict_names_the_players() -> None:
    values = np.array([-1.0, 2.0])
    own = spectra.Spectrum(values, np.zeros(2), 0.0, 2, True)
    found = CheckpointAnalysis("x", 1, "adam", {}, 0.1, own, values, None, {"parent.generator": own})
    assert found.verdicts == {"parent.generator": "the parent's generator is at a saddle of its own loss"}


def test_the_step_limit_is_where_the_spectral_radius_is_one() -> None:
    field = field_of(at(0, 0), non_saturating, penalty=0.3)
    found = spectra.spectrum(Jacobian(field, field.start), 1, basis=5, tolerance=1e-9)
    assert step_limit(found.values) == pytest.approx(1.2)
    assert spectral_radius(found.values, step_limit(found.values)) == pytest.approx(1)
    assert spectral_radius(found.values, 0.1) == pytest.approx(0.98615415)
    assert found.rotation == pytest.approx(0.47696960 / 0.15)


def test_a_rotation_crosses_the_line_and_a_damped_one_follows_it() -> None:
    """On a line to the equilibrium: the Wasserstein loss only rotates, and a penalty attracts."""
    ray = torch.tensor([1.0, 0.5], dtype=torch.float64)
    rotating = line_path(field_of(at(0, 0), wasserstein_r1), ray, torch.zeros_like(ray), 24)
    assert np.abs(rotating.angle).max() < 1e-12
    assert rotating.verdict.startswith("rotating")
    assert rotating.norm == pytest.approx(np.abs(1 - rotating.a) * ray.norm().item())
    gamma = 0.6
    damped = line_path(field_of(at(0, 0), wasserstein_r1, penalty=gamma), ray, torch.zeros_like(ray), 24)
    psi, theta = ray.tolist()
    v = np.array([-theta - gamma * psi, psi])
    expected = gamma * psi**2 / (np.linalg.norm(v) * ray.norm().item())
    assert damped.angle == pytest.approx(expected * np.sign(1 - damped.a))
    assert damped.verdict.startswith("attracting")


def test_a_run_without_a_checkpoint_is_refused(tmp_path: Path, run: Path) -> None:
    with pytest.raises(GanzooError, match=r"holds no run\.json"):
        Games(tmp_path, 8)
    (tmp_path / "run.json").write_text((run / "run.json").read_text())
    with pytest.raises(GanzooError, match="holds no checkpoint yet"):
        Games(tmp_path, 8)


def test_a_checkpoint_of_another_run_is_refused(run: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(run, other)
    folder = RunFolder(other)
    shutil.copy(folder.kept_checkpoint(2), folder.kept_checkpoint(4))
    with pytest.raises(GanzooError, match=r"iteration-000004\.safetensors is not the checkpoint of iteration 4 of"):
        Games(other, 8).at(4)
