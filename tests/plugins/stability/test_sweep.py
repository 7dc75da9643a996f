"""Sweeps: what is tried, that it is tried once, what is found, and that seeds abreast are what they are alone."""

from __future__ import annotations

import json
import math
import os
import signal
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pytest
import torch
from ganzoo_plugins.stability.sweep import Case, Plan, Stopped, metric_of, plan, summarise, sweep
from ganzoo_plugins.stability.sweep.abreast import Abreast, abreast
from ganzoo_plugins.stability.sweep.metrics import MIXTURES
from ganzoo_plugins.stability.sweep.plan import iterations_of
from ganzoo_plugins.stability.sweep.play import begun, play
from ganzoo_plugins.stability.sweep.summary import best_of, row, spread, wilson
from ganzoo_plugins.stability.sweep.table import lines, plot
from ganzoo_plugins.stability.sweep.trials import kept

from ganzoo.data import load
from ganzoo.evaluation.toys import modes
from ganzoo.training.loop import Training
from ganzoo.util.errors import GanzooError

TINY = {"batch_size": "16", "generator.widths": "8", "discriminator.widths": "8"}


def tiny(*gans: str, seeds: int = 2, iterations: int = 2, **options: Any) -> Plan:
    settings = TINY | options.pop("settings", {})
    return plan(gans, options.pop("data", "ring8"), seeds=seeds, iterations=iterations, settings=settings, **options)


def trainings(case: Case, seeds: Sequence[int]) -> list[Training]:
    data = load("ring8")
    return [begun(case.recipe, data, seed, lambda _: None) for seed in seeds]


# Plans.


def test_every_setting_is_tried_and_a_gan_without_a_key_is_swept_without_it() -> None:
    planned = tiny("simple", "wgan", grid={"lr": ["1e-3", "0.0001"], "penalty": ["0", "1"]})
    assert [(case.gan, str(case)) for case in planned.cases] == [
        *(("simple", f"lr={lr} penalty={penalty}") for lr in ("1e-3", "0.0001") for penalty in "01"),
        *(("wgan", f"lr={lr}") for lr in ("1e-3", "0.0001")),
    ]
    assert planned.notes == ("wgan: no setting 'penalty', swept without it",)
    assert {case.settings["optimizer.lr"] for case in planned.cases} == {1e-3, 1e-4}


def test_settings_that_are_the_same_are_tried_once() -> None:
    assert len(tiny("simple", grid={"lr": ["1e-3", "0.001"]}).cases) == 1


@pytest.mark.parametrize("gan", ["simple", "lsgan", "pacgan", "hinge", "r3gan", "skip-gan", "privileged-v1"])
def test_the_tier_says_networks_and_rounds_and_the_gan_its_game(gan: str) -> None:
    (case,) = plan([gan], "ring8").cases
    recipe = case.recipe
    assert (recipe.loop.iterations, recipe.loop.latent_dim, recipe.loop.lr_schedule) == (10_000, 2, "linear")
    for part in ("generator", "discriminator"):
        assert recipe.values[part]["widths"] == (128, 128)
    assert recipe.loop.batch_size == (512 if gan == "pacgan" else 256), "D judges as many packs"
    assert iterations_of(recipe) == (20_000 if gan.startswith("privileged") else 10_000)


def test_the_paper_tier_has_the_papers_networks_and_cannot_be_changed() -> None:
    (case,) = plan(["pacgan"], "grid25", tier="paper", settings={"packing": "3"}).cases
    assert (case.settings["loop.iterations"], case.settings["loop.batch_size"]) == (400_000, 300)
    assert (case.settings["optimizer.lr"], case.settings["optimizer.beta1"]) == (1e-4, 0.8)
    (single,) = plan(["simple"], "ring8", tier="paper").cases
    nets = begun(single.recipe, load("ring8"), 0, lambda _: None).nets
    sizes = [sum(p.numel() for p in net.parameters()) for net in (nets.generator, nets.discriminator)]
    assert sizes == [484_802, 405_201], "those of the authors' code"
    for wrong in ({"iterations": 10}, {"settings": {"lr": "1e-3"}}, {"grid": {"batch_size": ["50"]}}):
        with pytest.raises(GanzooError, match="a published protocol, in which"):
            plan(["simple"], "ring8", tier="paper", **wrong)  # type: ignore[arg-type]


def test_wrong_plans_are_refused() -> None:
    with pytest.raises(GanzooError, match="simple has no setting 'clip'"):
        tiny("simple", "lsgan", grid={"clip": ["1"]})
    with pytest.raises(GanzooError, match="stands in the grid and among the settings"):
        tiny("simple", grid={"batch_size": ["1"]})
    with pytest.raises(GanzooError, match="no tier named 'slow'"):
        tiny("simple", tier="slow")
    with pytest.raises(GanzooError, match="tiers are networks for points"):
        plan(["simple"], "mnist-10k", tier="quick")
    with pytest.raises(GanzooError, match="cannot judge samples of 'circle'"):
        metric_of(load("circle"))


# Trials.


def test_trials_are_played_once_and_others_never_mixed_in(tmp_path: Path) -> None:
    first = tiny("simple")
    sweep(first, tmp_path, jobs=1)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(files) == 2
    assert all("simple-ring8-quick-seed" in path.name for path in files)
    sweep(tiny("simple", seeds=3), tmp_path, jobs=1)
    assert len(list(tmp_path.iterdir())) == 3, "one seed more"
    assert all(path.stat().st_mtime_ns == time for path, time in files.items())
    sweep(tiny("simple", seeds=1, iterations=3), tmp_path, jobs=1)
    assert len(list(tmp_path.iterdir())) == 4, "other settings are another trial"


def test_a_file_that_is_no_record_of_the_trial_is_refused(tmp_path: Path) -> None:
    planned = tiny("simple", seeds=1)
    sweep(planned, tmp_path, jobs=1)
    (path,) = tmp_path.iterdir()
    entry = json.loads(path.read_text())
    path.write_text(json.dumps(entry | {"trial": entry["trial"] | {"data_sha256": "0"}}))
    with pytest.raises(GanzooError, match=r"no record of this trial.*delete it"):
        sweep(planned, tmp_path, jobs=1)
    path.write_text("{")
    with pytest.raises(GanzooError, match="no record of this trial"):
        sweep(planned, tmp_path, jobs=1)


def test_what_is_infinite_comes_back_from_a_record(tmp_path: Path) -> None:
    planned = tiny("simple", seeds=1, settings={"lr": "1e-9"})
    sweep(planned, tmp_path, jobs=1)
    (trial,) = planned.trials(planned.cases[0])
    outcome = kept(tmp_path, trial)
    assert outcome is not None
    assert outcome.figures["reverse_kl"] == math.inf or outcome.figures["high_quality"] > 0
    assert "Infinity" not in (tmp_path / trial.file).read_text()


def test_a_stopped_sweep_keeps_what_is_finished(tmp_path: Path) -> None:
    planned = tiny("hinge", seeds=3)

    def after_the_first(done: int, total: int) -> None:
        if done == 4:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Stopped):
        sweep(planned, tmp_path, jobs=1, report=after_the_first)
    assert len(list(tmp_path.iterdir())) == 1, "the second was not measured"
    sweep(planned, tmp_path, jobs=1)
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.slow
def test_processes_find_what_one_finds(tmp_path: Path) -> None:
    planned = tiny("simple", "hinge", seeds=1)
    told: list[tuple[int, int]] = []
    sweep(planned, tmp_path / "two", jobs=2, report=lambda *now: told.append(now))
    sweep(planned, tmp_path / "one", jobs=1)
    assert told[-1] == (4, 4)
    for case in planned.cases:
        for trial in planned.trials(case):
            one, two = (kept(tmp_path / name, trial) for name in ("one", "two"))
            assert one and two and one.figures == two.figures


def test_what_cannot_be_played_is_told_before_anything_is_trained(tmp_path: Path) -> None:
    planned = plan(["simple", "skip-gan"], "ring8", iterations=2, settings={"prior": "parent"})
    with pytest.raises(GanzooError, match="needs a parent"):
        sweep(planned, tmp_path, jobs=1)
    assert not list(tmp_path.iterdir())


def test_a_training_whose_numbers_are_not_finite_has_failed() -> None:
    planned = tiny("hinge", "simple", iterations=150, settings={"lr": "1e30"})
    metric = metric_of(planned.data)
    for case in planned.cases:
        told: list[int] = []
        outcomes = list(play(case, [0, 1], planned.data, metric, told.append))
        assert [metric.failure(outcome.figures) for outcome in outcomes] == ["non-finite"] * 2
        assert sum(told) == 300


@pytest.mark.parametrize("parent_training", ["joint", "first"])
def test_a_child_and_its_parent_are_one_trial(parent_training: str) -> None:
    small = {f"parent.{key}": value for key, value in TINY.items()}
    planned = tiny("privileged-v1", seeds=1, settings=small | {"parent_training": parent_training})
    told: list[int] = []
    (outcome,) = list(play(planned.cases[0], [0], planned.data, metric_of(planned.data), told.append))
    assert outcome.figures.keys() == {"modes", "high_quality", "reverse_kl", "diversity"}
    assert sum(told) == iterations_of(planned.cases[0].recipe) == (2 if parent_training == "joint" else 4)


# Seeds abreast.


@pytest.mark.parametrize("gan", ["simple", "lsgan", "wgan", "r1", "r3gan", "pacgan"])
def test_seeds_abreast_are_what_they_are_alone(gan: str) -> None:
    (case,) = tiny(gan, iterations=20).cases
    alone = trainings(case, range(3))
    together = abreast(lambda: trainings(case, range(3)))
    assert together is not None
    z = torch.randn(64, 2)
    for _ in together:
        pass
    for single, apart in zip(alone, together.apart(), strict=True):
        for _ in single:
            pass
        torch.testing.assert_close(apart.generator(z), single.generator(z), rtol=1e-3, atol=1e-4)
        assert apart.number == 20


@pytest.mark.parametrize("gan", ["wgan-gp", "dragan", "hinge", "skip-gan"])
def test_games_that_mix_their_samples_are_played_alone(gan: str) -> None:
    (case,) = tiny(gan).cases
    assert abreast(lambda: trainings(case, range(2))) is None


def test_packs_of_two_seeds_are_never_made() -> None:
    planned = tiny("pacgan", settings={"batch_size": "15"})
    assert abreast(lambda: trainings(planned.cases[0], range(2))) is None


def test_which_seeds_are_abreast_changes_no_bit() -> None:
    """So a sweep that was stopped and resumed is the uninterrupted one."""
    (case,) = tiny("r1", iterations=30).cases
    z = torch.randn(64, 2)
    made = []
    for seeds in ([2, 2], [1, 2], [0, 1, 2, 3], [*range(8)]):
        together = Abreast(trainings(case, seeds))
        for _ in together:
            pass
        made.append(list(together.apart())[seeds.index(2)].generator(z))
    assert all(made[0].equal(other) for other in made[1:])


# What is found.


def test_failures_of_points_are_told_apart() -> None:
    metric = metric_of(load("ring8"))
    mixture = MIXTURES["ring8"]
    random = np.random.default_rng(0)
    perfect = mixture.centres[random.integers(8, size=2500)] + 0.01 * random.standard_normal((2500, 2))
    sets = {
        "": perfect,
        "missing": perfect[np.abs(perfect[:, 0]) < 0.5],
        "collapse": mixture.centres[random.integers(1, size=2500)] + 0.01 * random.standard_normal((2500, 2)),
        "noise": random.uniform(-1.5, 1.5, (2500, 2)),
    }
    assert {metric.failure(metric.all(points.astype(np.float32))) for points in sets.values()} == sets.keys()
    for kind, points in sets.items():
        assert metric.failure(metric.all(points.astype(np.float32))) == kind
    strict = metric.bounded(0.995)
    assert strict.failure(metric.all(perfect.astype(np.float32))) == "noise"
    assert "high_quality below 0.995" in strict.definition
    assert metric.scored(metric.all(sets["noise"])) == metric.scored({}) == pytest.approx(math.log(8))


@pytest.mark.parametrize(("name", "kl"), [("ring8", 0.0014), ("grid25", 0.0049)])
def test_a_perfect_generator_stands_first(name: str, kl: float) -> None:
    real = list(metric_of(load(name)).real())
    assert len(real) == 20
    assert fmean(one["high_quality"] for one in real) == pytest.approx(1 - math.exp(-4.5), abs=0.002)
    assert fmean(one["reverse_kl"] for one in real) == pytest.approx(kl, rel=0.2)
    assert {one["modes"] for one in real} == {len(MIXTURES[name].centres)}


def test_the_famous_ring_of_seven_modes_is_refused() -> None:
    angles = np.linspace(0, 2 * np.pi, 8)
    seven = MIXTURES["ring8"]._replace(centres=np.stack([np.cos(angles), np.sin(angles)], axis=1))
    with pytest.raises(ValueError, match="two of the 8 centres are one"):
        modes(np.zeros((1, 2)), seven)


def test_wilsons_interval() -> None:
    """Newcombe (1998), table I: method 3."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0, 0.1611), abs=5e-5)
    assert wilson(20, 20)[1] == 1


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_the_expected_best_is_the_mean_over_all_draws(k: int) -> None:
    scores = [0.3, 0.1, 0.7, 0.4, 0.2]
    assert best_of(scores, k) == pytest.approx(fmean(min(draw) for draw in combinations(scores, k)))
    assert best_of([0.5, math.inf], 2) == 0.5
    assert best_of([0.5, math.inf], 1) == math.inf


def test_rows_count_what_failed_as_the_worst() -> None:
    metric = metric_of(load("ring8"))
    good = {"modes": 8.0, "high_quality": 0.9, "reverse_kl": 0.01, "diversity": 1.0}
    found = row("x", "", 1, [good, good | {"modes": 6.0}, {}, good], metric, 2)
    assert (found.failures, found.rate) == ({"missing": 1, "non-finite": 1}, 0.5)
    assert found.figures["modes"] == (7, 0, 8)
    assert found.figures["reverse_kl"] == (0.01, 0.01, 0.01)
    assert sorted(found.scores)[-1] == pytest.approx(math.log(8))
    assert spread([1.0, math.inf]) == (math.inf, 1, math.inf)


def test_a_summary_has_a_table_a_plot_and_json(tmp_path: Path) -> None:
    planned = tiny("simple", "hinge", seeds=1, grid={"penalty": ["0", "1"]})
    sweep(planned, tmp_path, jobs=1)
    summary = summarise(planned, tmp_path, metric_of(planned.data))
    assert [(one.gan, one.setting) for one in summary.rows] == [
        ("simple", "penalty=0"), ("simple", "penalty=1"), ("simple", "all"), ("hinge", ""),
    ]  # fmt: skip
    assert summary.rows[2].robust == (0, 2)
    head, real, *others = lines(summary)
    assert real[0] == "real data"
    assert all(line[head.index("tier")] == "quick, 2 iterations" for line in others)
    assert not any("published" in word for word in head)
    json.loads(json.dumps(summary.entry(), allow_nan=False))
    for name in ("x.svg", "x.png"):
        plot(summary, tmp_path / name)
        assert (tmp_path / name).stat().st_size > 5000
    with pytest.raises(GanzooError, match=r"1 trials of simple in .* are not finished"):
        summarise(tiny("simple", seeds=2, grid={"penalty": ["0", "1"]}), tmp_path, metric_of(planned.data))


def test_only_the_paper_tier_shows_what_papers_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ganzoo_plugins.stability.sweep import summary as summaries
    from ganzoo_plugins.stability.sweep.trials import Outcome

    planned = plan(["simple", "pacgan"], "ring8", seeds=2, tier="paper")
    good = {"modes": 8.0, "high_quality": 0.9, "reverse_kl": 0.01, "diversity": 1.0}
    monkeypatch.setattr(summaries, "kept", lambda *_: Outcome(good, 1.0))
    found = summarise(planned, tmp_path, metric_of(planned.data))
    assert [one.published and one.published.modes for one in found.rows] == ["6.3 ± 0.5", "7.9 ± 0.1"]
    assert "published" in next(iter(lines(found)))[-1]
    assert found.cpu_seconds == 4
    quick = summarise(plan(["simple"], "ring8", seeds=2), tmp_path, metric_of(planned.data))
    assert (quick.rows[0].published, quick.source) == (None, "")
