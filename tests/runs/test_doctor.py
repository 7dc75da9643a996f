"""Each failure is found in a training that fails in this way, and nothing is found in a healthy one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ganzoo
from ganzoo.parts.trainers import non_saturating
from ganzoo.records.run_folder import RunFolder
from ganzoo.registry.recipe import Recipe, resolve
from ganzoo.runs import doctor
from ganzoo.runs.doctor import Finding, count_rises, diagnose, findings_in, remedy, review
from ganzoo.runs.run import Run
from ganzoo.util.errors import GanzooError
from tests.runs.conftest import SilentReporter, run


def findings_of(run: Run) -> dict[str, Finding]:
    """Train, and return what is found, by kind; every finding was reported once and is in the log."""
    reporter = SilentReporter()
    run.train(reporter)
    assert reporter.findings == run.findings
    assert findings_in(RunFolder(run.folder.path).metrics) == run.findings
    kinds = {finding.kind: finding for finding in run.findings}
    assert len(kinds) == len(run.findings)
    return kinds


# Trainings that fail.


def test_a_blow_up_is_found(tmp_path: Path) -> None:
    blown = findings_of(run(tmp_path, lr=10, iterations=60))["blow-up"]
    assert blown.iteration <= 50
    assert "has grown to" in blown.line
    assert blown.line.endswith("; try --set lr=5 or less")


def test_values_that_are_not_finite_stop_the_run_and_are_logged(tmp_path: Path) -> None:
    failing = run(tmp_path, optimizer="sgd", lr=0.1, momentum=0.95, lr_schedule="constant", iterations=1000)
    with pytest.raises(GanzooError, match=r"iteration \d+: non-finite: the (loss|gradient) of the .* became") as raised:
        findings_of(failing)
    (finding,) = findings_in(RunFolder(tmp_path).metrics)
    assert str(raised.value).startswith(str(finding))
    assert finding.line.endswith("try --set lr=0.05 or less")
    assert "keeps the last good checkpoint, of iteration 0" in str(raised.value)


def test_a_dominant_discriminator_is_found_and_its_remedy_helps(tmp_path: Path) -> None:
    iterations = 600
    line = findings_of(run(tmp_path / "x", data="corner49", ttur=100, lr=1e-5, iterations=iterations))["dominance"].line
    assert line.startswith("dominance: the discriminator's accuracy is 0.99")
    assert line.endswith("; try --set ttur=1")
    assert findings_of(run(tmp_path / "y", data="corner49", ttur=1, lr=1e-5, iterations=iterations)) == {}


def test_a_collapse_is_found_and_its_remedy_helps(tmp_path: Path) -> None:
    line = findings_of(run(tmp_path / "x", lr=0.3, iterations=800))["collapse"].line
    assert "samples differ from each other by" in line or "all samples are the same, whatever z is" in line
    assert line.endswith("; try --set penalty=1")
    assert "collapse" not in findings_of(run(tmp_path / "y", lr=0.3, penalty=1, iterations=800))


def test_an_oscillation_is_found(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"beta1": 0.9, "lr_schedule": "constant", "ema": 0, "iterations": 1000}
    for lr in (0.02, 0.03):  # such a training is chaotic: rounding, which differs between processors, decides
        kinds = findings_of(run(tmp_path / str(lr), lr=lr, **settings))
        if "oscillation" in kinds:
            break
    assert kinds["oscillation"].line.startswith("oscillation: the samples' distance to the data swings between")
    assert kinds["oscillation"].line.endswith("; try --set beta1=0.5")


def test_forgetting_is_found(tmp_path: Path) -> None:
    """After 550 iterations the sign of the generator's loss changes."""
    iterations = 0

    def reversing(nets: Any, draw: Any) -> Any:
        nonlocal iterations
        iterations += 1
        for network, loss, *metrics in non_saturating(nets, draw):
            reverses = iterations > 550 and network is nets.generator
            yield (network, -loss if reverses else loss, *metrics)

    gan = replace(ganzoo.get("simple"), name="reversing", trainer=reversing)
    kinds = findings_of(run(tmp_path, gan, lr_schedule="constant", iterations=800, lr=3e-3, ema=0.99))
    assert "forgetting" in kinds
    assert kinds["forgetting"].iteration > 550
    assert kinds["forgetting"].line.endswith("; try --set lr_schedule=linear")


@pytest.mark.parametrize("gan", ["simple", "wgan-gp"])
def test_nothing_is_found_in_a_healthy_run(tmp_path: Path, gan: str) -> None:
    healthy = run(tmp_path, gan, iterations=600)
    assert findings_of(healthy) == {}
    measured = [entry for entry in healthy.log.entries if "diversity" in entry]
    assert len(measured) >= 12
    assert measured[-1]["diversity"] > 0.5


# Detectors.

SIMPLE = resolve(ganzoo.get("simple"), {"iterations": 4000})


def series(count: int, **metrics: Callable[[float], float] | float) -> list[dict[str, float]]:
    """Entries of every fiftieth iteration. A metric is a number, or a function of the share of the run that is over."""
    return [
        {"iteration": 50 * (n + 1)} | {k: v(n / count) if callable(v) else v for k, v in metrics.items()}
        for n in range(count)
    ]


def kinds(history: list[dict[str, float]], recipe: Recipe = SIMPLE) -> list[str]:
    return [finding.kind for finding in diagnose(history, recipe)]


def test_a_discriminator_has_to_be_confident_for_a_quarter_of_the_run() -> None:
    confident = {"discriminator_accuracy": 0.995, "distance": 0.5}
    assert kinds(series(21, **confident, **{"loss.generator": lambda t: 5 + t})) == ["dominance"]
    assert kinds(series(19, **confident, **{"loss.generator": lambda t: 5 + t})) == []
    assert kinds(series(80, **confident, **{"loss.generator": lambda t: 5 - t})) == []
    memorised = confident | {"distance": 0.05, "loss.generator": lambda t: 5 + t}
    assert kinds(series(80, **memorised)) == []
    vanished = {"loss.generator": lambda t: 5 - t, "gradient.generator": lambda t: 1e-7 if t else 1.0}
    assert kinds(series(80, **confident, **vanished)) == ["dominance"]


def test_the_scale_of_a_critic_is_no_finding() -> None:
    assert kinds(series(80, **{"loss.generator": lambda t: 1e5 * (t + 1), "gradient.generator": 1e7})) == []
    assert kinds(series(80, **{"loss.generator": 1e9})) == ["blow-up"]


def test_oscillation_is_neither_descent_nor_noise() -> None:
    assert kinds(series(80, distance=lambda t: 0.3 * 0.01**t + 0.01 * np.sin(99 * t))) == []
    assert "oscillation" in kinds(series(80, distance=lambda t: 0.2 + 0.15 * np.sin(60 * t)))
    assert [count_rises(np.array(values)) for values in ([1, 2], [2, 1], [1, 2, 1, 2], [1, 1.2, 1, 1.2])] == [
        1,
        0,
        2,
        0,
    ]


def test_forgetting_needs_a_best_value_after_some_training() -> None:
    assert kinds(series(80, distance=lambda t: 0.05 + 0.2 * t)) == ["forgetting"]
    assert kinds(series(80, distance=lambda t: 0.3 if t < 0.5 else 0.4)) == []
    assert kinds(series(24, distance=lambda t: 0.1 if t < 0.3 else 0.4)) == []


@pytest.mark.parametrize(
    ("gan", "settings", "remedies"),
    [
        ("simple", {}, {"dominance": "penalty=1", "collapse": "penalty=1", "oscillation": "lr=0.0005 or less"}),
        ("simple", {"penalty": 2.0, "ttur": 4}, {"dominance": "ttur=1", "collapse": "penalty=4"}),
        ("simple", {"trainer": "least-squares"}, {"dominance": "ttur=0.5 or less", "collapse": "lr=0.0005 or less"}),
        ("simple", {"generator_steps": 32}, {"collapse": "generator_steps=2"}),
        ("simple", {"optimizer": "sgd", "momentum": 0.9}, {"oscillation": "momentum=0"}),
        ("simple", {"lr_schedule": "constant"}, {"forgetting": "lr_schedule=linear"}),
        ("wgan-gp", {}, {"collapse": "penalty=20"}),
        ("wgan", {}, {"collapse": "lr=0.00025 or less"}),
    ],
)
def test_the_remedy_fits_the_parts(gan: str, settings: dict[str, Any], remedies: dict[str, str]) -> None:
    recipe = resolve(ganzoo.get(gan), settings)
    assert {kind: remedy(kind, recipe) for kind in remedies} == {
        kind: f"--set {text}" for kind, text in remedies.items()
    }
    for text in remedies.values():
        key, _, value = text.removesuffix(" or less").partition("=")
        resolve(ganzoo.get(gan), settings | {key: value})


def test_a_run_is_reviewed_entry_by_entry() -> None:
    history = series(40, discriminator_accuracy=0.999, distance=0.5, **{"loss.generator": lambda t: 5 + t})
    (late,) = review(history, SIMPLE)
    assert (late.kind, late.iteration) == ("dominance", 1000)
    earlier = Finding("dominance", 700, "dominance: long ago")
    history[13]["findings"] = [vars(earlier)]  # type: ignore[assignment]
    assert list(review(history, SIMPLE)) == [earlier]


def test_of_a_long_log_some_entries_are_reviewed_and_all_measures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "MOST_REVIEWED", 50)
    lengths: list[int] = []
    monkeypatch.setattr(
        doctor, "diagnose", lambda history, recipe: lengths.append(len(history)) or diagnose(history, recipe)
    )
    history = series(3000, discriminator_accuracy=0.7)
    for place in range(1499, 3000, 50):
        history[place] |= {"diversity": 0.001, "distance": 0.5}
    recipe = resolve(ganzoo.get("simple"), {"iterations": int(history[-1]["iteration"])})
    assert "collapse" in [finding.kind for finding in review(history, recipe)]
    assert 50 <= len(lengths) <= 100
