"""Sweeps: plans, trials that run once, failures, and summaries."""

from __future__ import annotations

import json
import math
import os
import signal
from itertools import combinations
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pytest
from ganzoo_plugins.stability.sweep import Plan, Stopped, plan, protocol_for, summarise, sweep
from ganzoo_plugins.stability.sweep.plan import iterations_of
from ganzoo_plugins.stability.sweep.protocol import MIXTURES, measure, relative_diversity
from ganzoo_plugins.stability.sweep.summary import best_of, row, spread, wilson
from ganzoo_plugins.stability.sweep.table import lines, plot
from ganzoo_plugins.stability.sweep.train import run_trial, start
from ganzoo_plugins.stability.sweep.trials import load_outcome

from ganzoo.data import load
from ganzoo.evaluation.toys import mixture_metrics
from ganzoo.util.errors import GanzooError

TINY = {"batch_size": "16", "generator.widths": "8", "discriminator.widths": "8"}


def tiny(*gans: str, seeds: int = 2, iterations: int = 2, **options: Any) -> Plan:
    settings = TINY | options.pop("settings", {})
    return plan(gans, options.pop("data", "ring8"), seeds=seeds, iterations=iterations, settings=settings, **options)


# Plans.


def test_a_gan_without_a_setting_of_the_grid_is_trained_without_it() -> None:
    planned = tiny("simple", "wgan", grid={"lr": ["1e-3", "0.0001"], "penalty": ["0", "1"]})
    assert [(case.gan, str(case)) for case in planned.cases] == [
        *(("simple", f"lr={lr} penalty={penalty}") for lr in ("1e-3", "0.0001") for penalty in "01"),
        *(("wgan", f"lr={lr}") for lr in ("1e-3", "0.0001")),
    ]
    assert planned.notes == ("wgan: no setting 'penalty', trained without it",)
    assert {case.settings["optimizer.lr"] for case in planned.cases} == {1e-3, 1e-4}


def test_equal_settings_are_one_case() -> None:
    assert len(tiny("simple", grid={"lr": ["1e-3", "0.001"]}).cases) == 1


@pytest.mark.parametrize("gan", ["simple", "lsgan", "pacgan", "hinge", "r3gan", "skip-gan", "privileged-v1"])
def test_a_tier_sets_networks_and_iterations(gan: str) -> None:
    (case,) = plan([gan], "ring8").cases
    recipe = case.recipe
    assert (recipe.loop.iterations, recipe.loop.latent_dim, recipe.loop.lr_schedule) == (10_000, 2, "linear")
    for part in ("generator", "discriminator"):
        assert recipe.values[part]["widths"] == (128, 128)
    assert recipe.loop.batch_size == (512 if gan == "pacgan" else 256), "D gets as many packs"
    assert iterations_of(recipe) == (20_000 if gan.startswith("privileged") else 10_000)


def test_the_paper_tier_has_the_networks_of_the_paper_and_cannot_be_changed() -> None:
    (case,) = plan(["pacgan"], "grid25", tier="paper", settings={"packing": "3"}).cases
    assert (case.settings["loop.iterations"], case.settings["loop.batch_size"]) == (400_000, 300)
    assert (case.settings["optimizer.lr"], case.settings["optimizer.beta1"]) == (1e-4, 0.8)
    (single,) = plan(["simple"], "ring8", tier="paper").cases
    nets = start(single.recipe, load("ring8"), 0, lambda _: None).nets
    sizes = [sum(p.numel() for p in net.parameters()) for net in (nets.generator, nets.discriminator)]
    assert sizes == [484_802, 405_201], "those of the authors' code"
    for wrong in ({"iterations": 10}, {"settings": {"lr": "1e-3"}}, {"grid": {"batch_size": ["50"]}}):
        with pytest.raises(GanzooError, match="a published protocol, in which"):
            plan(["simple"], "ring8", tier="paper", **wrong)  # type: ignore[arg-type]


def test_wrong_plans_are_refused() -> None:
    with pytest.raises(GanzooError, match="simple has no setting 'clip'"):
        tiny("simple", "lsgan", grid={"clip": ["1"]})
    with pytest.raises(GanzooError, match="is in the grid and among the settings"):
        tiny("simple", grid={"batch_size": ["1"]})
    with pytest.raises(GanzooError, match="no tier named 'slow'"):
        tiny("simple", tier="slow")
    with pytest.raises(GanzooError, match="tiers are networks for points"):
        plan(["simple"], "mnist-10k", tier="quick")
    with pytest.raises(GanzooError, match="cannot evaluate samples of 'circle'"):
        protocol_for(load("circle"))


# Trials.


def test_trials_run_once_and_are_not_mixed_with_others(tmp_path: Path) -> None:
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


def test_a_file_that_is_not_the_record_of_the_trial_is_refused(tmp_path: Path) -> None:
    planned = tiny("simple", seeds=1)
    sweep(planned, tmp_path, jobs=1)
    (path,) = tmp_path.iterdir()
    entry = json.loads(path.read_text())
    path.write_text(json.dumps(entry | {"trial": entry["trial"] | {"data_sha256": "0"}}))
    with pytest.raises(GanzooError, match=r"not the record of this trial.*delete it"):
        sweep(planned, tmp_path, jobs=1)
    path.write_text("{")
    with pytest.raises(GanzooError, match="not the record of this trial"):
        sweep(planned, tmp_path, jobs=1)


def test_infinite_metrics_are_read_back_from_a_record(tmp_path: Path) -> None:
    planned = tiny("simple", seeds=1, settings={"lr": "1e-9"})
    sweep(planned, tmp_path, jobs=1)
    (trial,) = planned.trials(planned.cases[0])
    outcome = load_outcome(tmp_path, trial)
    assert outcome is not None
    assert outcome.metrics["reverse_kl"] == math.inf or outcome.metrics["high_quality"] > 0
    assert "Infinity" not in (tmp_path / trial.file).read_text()


def test_a_stopped_sweep_keeps_finished_trials(tmp_path: Path) -> None:
    planned = tiny("hinge", seeds=3)

    def after_the_first(done: int, total: int) -> None:
        if done == 4:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Stopped):
        sweep(planned, tmp_path, jobs=1, report=after_the_first)
    assert len(list(tmp_path.iterdir())) == 1, "the second was not evaluated"
    sweep(planned, tmp_path, jobs=1)
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.slow
def test_several_processes_give_the_results_of_one(tmp_path: Path) -> None:
    planned = tiny("simple", "hinge", seeds=1)
    reported: list[tuple[int, int]] = []
    sweep(planned, tmp_path / "two", jobs=2, report=lambda *now: reported.append(now))
    sweep(planned, tmp_path / "one", jobs=1)
    assert reported[-1] == (4, 4)
    for case in planned.cases:
        for trial in planned.trials(case):
            one, two = (load_outcome(tmp_path / name, trial) for name in ("one", "two"))
            assert one and two and (one.metrics, one.real) == (two.metrics, two.real)


def test_a_case_that_cannot_be_trained_is_found_before_the_sweep(tmp_path: Path) -> None:
    planned = plan(["simple", "skip-gan"], "ring8", iterations=2, settings={"prior": "parent"})
    with pytest.raises(GanzooError, match="needs a parent"):
        sweep(planned, tmp_path, jobs=1)
    assert not list(tmp_path.iterdir())


def test_a_training_with_a_loss_that_is_not_finite_has_failed() -> None:
    planned = tiny("hinge", "simple", iterations=150, settings={"lr": "1e30"})
    for case in planned.cases:
        counted: list[int] = []
        outcome = run_trial(case, planned.data, 0, counted.append)
        assert (outcome.metrics, outcome.real) == ({}, {})
        assert protocol_for(planned.data).failure(outcome.metrics) == "non-finite"
        assert sum(counted) == 150


def test_a_generator_with_samples_that_are_not_finite_has_failed() -> None:
    planned = tiny("simple")
    training = start(planned.cases[0].recipe, planned.data, 0, lambda _: None)
    for weight in training.generator.parameters():
        weight.data.fill_(math.nan)
    assert measure(training.model(), planned.data) == ({}, {})


@pytest.mark.parametrize("parent_training", ["joint", "first"])
def test_a_child_and_its_parent_are_one_trial(parent_training: str) -> None:
    small = {f"parent.{key}": value for key, value in TINY.items()}
    planned = tiny("privileged-v1", seeds=1, settings=small | {"parent_training": parent_training})
    counted: list[int] = []
    outcome = run_trial(planned.cases[0], planned.data, 0, counted.append)
    assert outcome.metrics.keys() == {"modes", "high_quality", "reverse_kl", "diversity"}
    assert outcome.real.keys() == {"modes", "high_quality", "reverse_kl"}
    assert sum(counted) == iterations_of(planned.cases[0].recipe) == (2 if parent_training == "joint" else 4)


# Results.


def test_the_kinds_of_failure_of_points() -> None:
    data, mixture = load("ring8"), MIXTURES["ring8"]
    protocol = protocol_for(data)
    random = np.random.default_rng(0)
    perfect = mixture.centres[random.integers(8, size=2500)] + 0.01 * random.standard_normal((2500, 2))
    samples = {
        "": perfect,
        "missing": perfect[np.abs(perfect[:, 0]) < 0.5],
        "collapse": mixture.centres[random.integers(1, size=2500)] + 0.01 * random.standard_normal((2500, 2)),
        "noise": random.uniform(-1.5, 1.5, (2500, 2)),
    }
    metrics = {
        kind: mixture_metrics(points, mixture) | {"diversity": relative_diversity(points, data)}
        for kind, points in samples.items()
    }
    for kind, found in metrics.items():
        assert protocol.failure(found) == kind
    strict = protocol.with_bound(0.995)
    assert strict.failure(metrics[""]) == "noise"
    assert "high_quality below 0.995" in strict.definition
    assert protocol.with_bound(None) == protocol
    assert protocol.score_of(metrics["noise"]) == protocol.score_of({}) == pytest.approx(math.log(8))


@pytest.mark.parametrize(("name", "kl"), [("ring8", 0.0014), ("grid25", 0.0049)])
def test_real_points_have_the_expected_metrics(name: str, kl: float) -> None:
    """The mean of 20 draws. A Gaussian has a share of 1 - exp(-4.5) within 3 sigma."""
    points = load(name, split="test").samples[: 20 * 2500].reshape(20, 2500, 2)
    real = [mixture_metrics(draw, MIXTURES[name]) for draw in points]
    assert fmean(one["high_quality"] for one in real) == pytest.approx(1 - math.exp(-4.5), abs=0.002)
    assert fmean(one["reverse_kl"] for one in real) == pytest.approx(kl, rel=0.2)
    assert {one["modes"] for one in real} == {len(MIXTURES[name].centres)}


@pytest.mark.parametrize(
    ("name", "number", "score", "worst", "second"),
    [
        ("grid25", 2500, "reverse_kl", math.log(25), "noise (high_quality below 0.1)"),
        ("stacked2", 2600, "reverse_kl", math.log(100), "missing (modes below 90)"),
        ("mnist-10k", 2000, "mnist-fd", math.inf, "far (mnist-fd above 100)"),
    ],
)
def test_the_protocols(name: str, number: int, score: str, worst: float, second: str) -> None:
    protocol = protocol_for(load(name))
    assert (protocol.number, protocol.score, protocol.worst_score) == (number, score, worst)
    assert str(protocol.rules[1]) == second


def test_a_ring_with_a_duplicate_centre_is_refused() -> None:
    angles = np.linspace(0, 2 * np.pi, 8)
    seven = MIXTURES["ring8"]._replace(centres=np.stack([np.cos(angles), np.sin(angles)], axis=1))
    with pytest.raises(ValueError, match="two of the 8 centres are equal"):
        mixture_metrics(np.zeros((1, 2)), seven)


def test_wilsons_interval() -> None:
    """Newcombe (1998), table I: method 3."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0, 0.1611), abs=5e-5)
    assert wilson(20, 20)[1] == 1


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_the_expected_best_is_the_mean_over_all_subsets(k: int) -> None:
    scores = [0.3, 0.1, 0.7, 0.4, 0.2]
    assert best_of(scores, k) == pytest.approx(fmean(min(draw) for draw in combinations(scores, k)))
    assert best_of([0.5, math.inf], 2) == 0.5
    assert best_of([0.5, math.inf], 1) == math.inf


def test_failed_trials_count_with_the_worst_values() -> None:
    protocol = protocol_for(load("ring8"))
    good = {"modes": 8.0, "high_quality": 0.9, "reverse_kl": 0.01, "diversity": 1.0}
    found = row("x", "", 1, [good, good | {"modes": 6.0}, {}, good], protocol, 2)
    assert (found.failures, found.rate) == ({"missing": 1, "non-finite": 1}, 0.5)
    assert found.metrics["modes"] == (7, 0, 8)
    assert found.metrics["reverse_kl"] == (0.01, 0.01, 0.01)
    assert sorted(found.scores)[-1] == pytest.approx(math.log(8))
    assert spread([1.0, math.inf]) == (math.inf, 1, math.inf)


def test_a_summary_has_a_table_a_plot_and_json(tmp_path: Path) -> None:
    planned = tiny("simple", "hinge", seeds=1, grid={"penalty": ["0", "1"]})
    sweep(planned, tmp_path, jobs=1)
    summary = summarise(planned, tmp_path)
    assert [(one.gan, one.setting) for one in summary.rows] == [
        ("simple", "penalty=0"), ("simple", "penalty=1"), ("simple", "all"), ("hinge", ""),
    ]  # fmt: skip
    assert summary.rows[2].robust == (0, 2)
    assert summary.real.keys() == {"modes", "high_quality", "reverse_kl"}
    assert summary.real["modes"] == 8
    head, real, *others = lines(summary)
    assert real[0] == "real data"
    assert all(line[head.index("tier")] == "quick, 2 iterations" for line in others)
    assert not any("published" in word for word in head)
    json.loads(json.dumps(summary.entry(), allow_nan=False))
    for name in ("x.svg", "x.png"):
        plot(summary, tmp_path / name)
        assert (tmp_path / name).stat().st_size > 5000
    with pytest.raises(GanzooError, match=r"1 trials of simple in .* are not finished"):
        summarise(tiny("simple", seeds=2, grid={"penalty": ["0", "1"]}), tmp_path)


def test_only_the_paper_tier_shows_published_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ganzoo_plugins.stability.sweep import summary as summaries
    from ganzoo_plugins.stability.sweep.trials import Outcome

    planned = plan(["simple", "pacgan"], "ring8", seeds=2, tier="paper")
    good = {"modes": 8.0, "high_quality": 0.9, "reverse_kl": 0.01, "diversity": 1.0}
    monkeypatch.setattr(summaries, "load_outcome", lambda *_: Outcome(good, good, 1.0))
    found = summarise(planned, tmp_path)
    assert [one.published and one.published.modes for one in found.rows] == ["6.3 ± 0.5", "7.9 ± 0.1"]
    assert "published" in next(iter(lines(found)))[-1]
    assert found.cpu_seconds == 4
    quick = summarise(plan(["simple"], "ring8", seeds=2), tmp_path)
    assert (quick.rows[0].published, quick.source) == (None, "")
