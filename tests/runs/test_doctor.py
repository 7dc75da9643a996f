"""Each failure is found in a training that is made to fail so, and nothing in those that do not."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ganzoo
from ganzoo.parts.trainers import non_saturating
from ganzoo.registry.gan import GAN
from ganzoo.registry.recipe import Recipe, resolve
from ganzoo.runs.doctor import Finding, diagnose, distance, diversity, features, noted, reviewed, rises, spread
from ganzoo.runs.folders import read_metrics
from ganzoo.runs.options import Options
from ganzoo.runs.probes import Checkup
from ganzoo.runs.run import Run
from ganzoo.training.loop import Training
from ganzoo.util.errors import GanzooError
from tests.support import begin, differing, play, snapshot

TINY = {"generator.widths": (32, 32), "discriminator.widths": (32, 32), "latent_dim": 2}


class Silent:
    """A reporter that shows nothing, and keeps the lines that it would show."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def start(self, training: Training, folder: Path) -> None:
        pass

    def log(self, training: Training, entry: Mapping[str, Any]) -> None:
        self.lines += map(str, noted([entry]))

    def stop(self) -> None:
        pass


def run(folder: Path, gan: str | GAN = "simple", data: str = "ring8", **settings: Any) -> Run:
    record = ganzoo.get(gan) if isinstance(gan, str) else gan
    options = Options(data=data, device="cpu", precision="fp32")
    return Run.start(folder, resolve(record, TINY | settings), options)


def found(run: Run) -> dict[str, Finding]:
    """What is found in a run, by kind; every line was shown once, and lies in the folder."""
    reporter = Silent()
    run.play(reporter)
    assert reporter.lines == [str(finding) for finding in run.findings]
    assert noted(read_metrics(run.folder)) == run.findings
    kinds = {finding.kind: finding for finding in run.findings}
    assert len(kinds) == len(run.findings)
    return kinds


# Runs that are made to fail.


def test_a_blow_up_is_found(tmp_path: Path) -> None:
    blown = found(run(tmp_path, lr=10, iterations=60))["blow-up"]
    assert blown.iteration <= 50
    assert "has grown to" in blown.line
    assert blown.line.endswith("; try --set lr=5 or less")


def test_what_is_no_longer_finite_stops_the_run_and_stays_in_its_metrics(tmp_path: Path) -> None:
    failing = run(tmp_path, optimizer="sgd", lr=0.1, momentum=0.95, lr_schedule="constant", iterations=1000)
    with pytest.raises(GanzooError, match=r"iteration \d+: non-finite: the (loss|gradient) of the .* became") as raised:
        found(failing)
    (finding,) = noted(read_metrics(tmp_path))
    assert str(raised.value).startswith(str(finding))
    assert finding.line.endswith("try --set lr=0.05 or less")
    assert "keeps the last good checkpoint, of iteration 0" in str(raised.value)


def test_a_discriminator_that_wins_is_found_and_its_remedy_helps(tmp_path: Path) -> None:
    iterations = 600
    line = found(run(tmp_path / "x", data="corner49", ttur=100, lr=1e-5, iterations=iterations))["won"].line
    assert line.startswith("won: the discriminator's accuracy is 0.99")
    assert line.endswith("; try --set ttur=1")
    assert found(run(tmp_path / "y", data="corner49", ttur=1, lr=1e-5, iterations=iterations)) == {}


def test_a_collapse_is_found_and_its_remedy_helps(tmp_path: Path) -> None:
    line = found(run(tmp_path / "x", lr=0.3, iterations=800))["collapse"].line
    assert "samples differ from each other by" in line or "one sample, whatever z is" in line
    assert line.endswith("; try --set penalty=1")
    assert "collapse" not in found(run(tmp_path / "y", lr=0.3, penalty=1, iterations=800))


def test_an_oscillation_is_found(tmp_path: Path) -> None:
    kinds = found(run(tmp_path, lr=0.02, beta1=0.9, lr_schedule="constant", ema=0, iterations=1000))
    assert kinds["oscillation"].line.startswith("oscillation: the samples come and go: their distance to the data")
    assert kinds["oscillation"].line.endswith("; try --set beta1=0.5")


def test_forgetting_is_found(tmp_path: Path) -> None:
    """After 550 iterations the generator begins to flee from what it has learnt."""
    played = 0

    def turning(nets: Any, draw: Any) -> Any:
        nonlocal played
        played += 1
        for player, loss, *more in non_saturating(nets, draw):
            flees = played > 550 and player is nets.generator
            yield (player, -loss if flees else loss, *more)

    gan = replace(ganzoo.get("simple"), name="turning", trainer=turning)
    kinds = found(run(tmp_path, gan, lr_schedule="constant", iterations=800, lr=3e-3, ema=0.99))
    assert "forgetting" in kinds
    assert kinds["forgetting"].iteration > 550
    assert kinds["forgetting"].line.endswith("; try --set lr_schedule=linear")


# Runs that are well.


@pytest.mark.parametrize("gan", ["simple", "wgan-gp"])
def test_nothing_is_found_in_a_healthy_run(tmp_path: Path, gan: str) -> None:
    healthy = run(tmp_path, gan, iterations=600)
    assert found(healthy) == {}
    measured = [entry for entry in healthy.history if "diversity" in entry]
    assert len(measured) >= 12
    assert measured[-1]["diversity"] > 0.5


def test_a_run_plays_the_rounds_of_a_bare_training(tmp_path: Path) -> None:
    """The doctor changes no bit: neither weights nor losses."""
    settings = TINY | {"iterations": 120, "batch_size": 8}
    checked = run(tmp_path, **settings)
    checked.play(Silent())
    assert sum("diversity" in entry for entry in checked.history) > 5
    bare = begin("simple", "ring8", **settings)
    losses = play(bare)
    assert differing(snapshot(checked.training), snapshot(bare)) == []
    for before, entry in zip([{"iteration": 0}, *checked.history], checked.history, strict=False):
        of_iterations = [loss["generator"] for loss in losses[before["iteration"] : entry["iteration"]]]
        assert entry["loss.generator"] == sum(of_iterations) / len(of_iterations)


@pytest.mark.parametrize("gan", ["dcgan", "cgan", "privileged-v2", "skip-gan", "skip-gan-tabular"])
def test_a_checkup_changes_nothing(gan: str, tiny: Any) -> None:
    """Whatever the generator is made of, and whether it is told labels, inputs or a parent's images."""
    data = "friedman1" if gan == "skip-gan-tabular" else "mnist-10k"
    small = {"batch_size": 8, "latent_dim": 4, "parent_training": "joint" if gan == "privileged-v2" else "first"}
    one, other = (ganzoo.train(gan, data, iterations=4, device="cpu", precision="fp32", **small) for _ in range(2))
    checkup = Checkup(one, Options(data=data).load_data())
    for _ in one:
        measures = checkup.samples()
        norms = checkup.gradients()
    assert set(measures) == {"diversity", "distance"}
    assert all(np.isfinite(value) and value >= 0 for value in measures.values())
    assert norms.keys() == one.players.keys()
    assert all(norm > 0 for norm in norms.values())
    play(other)
    assert differing(snapshot(one), snapshot(other)) == []


# Detectors and measures, one by one.

SIMPLE = resolve(ganzoo.get("simple"), {"iterations": 4000})


def series(count: int, **figures: Callable[[float], float] | float) -> list[dict[str, float]]:
    """Entries of every fiftieth iteration; a figure is a number, or a function of the share of the run that is over."""
    return [
        {"iteration": 50 * (n + 1)} | {k: v(n / count) if callable(v) else v for k, v in figures.items()}
        for n in range(count)
    ]


def kinds(history: list[dict[str, float]], recipe: Recipe = SIMPLE) -> list[str]:
    return [finding.kind for finding in diagnose(history, recipe)]


def test_a_quarter_of_the_run_has_to_be_sure() -> None:
    sure = {"discriminator_accuracy": 0.995, "distance": 0.5}
    assert kinds(series(21, **sure, **{"loss.generator": lambda t: 5 + t})) == ["won"]
    assert kinds(series(19, **sure, **{"loss.generator": lambda t: 5 + t})) == []
    assert kinds(series(80, **sure, **{"loss.generator": lambda t: 5 - t})) == []
    by_heart = sure | {"distance": 0.05, "loss.generator": lambda t: 5 + t}
    assert kinds(series(80, **by_heart)) == []
    gone = {"loss.generator": lambda t: 5 - t, "gradient.generator": lambda t: 1e-7 if t else 1.0}
    assert kinds(series(80, **sure, **gone)) == ["won"]


def test_a_critic_neither_wins_nor_blows_up_by_its_scale() -> None:
    assert kinds(series(80, **{"loss.generator": lambda t: 1e5 * (t + 1), "gradient.generator": 1e7})) == []
    assert kinds(series(80, **{"loss.generator": 1e9})) == ["blow-up"]


def test_oscillation_is_neither_descent_nor_noise() -> None:
    assert kinds(series(80, distance=lambda t: 0.3 * 0.01**t + 0.01 * np.sin(99 * t))) == []
    assert "oscillation" in kinds(series(80, distance=lambda t: 0.2 + 0.15 * np.sin(60 * t)))
    assert [rises(np.array(values)) for values in ([1, 2], [2, 1], [1, 2, 1, 2], [1, 1.2, 1, 1.2])] == [1, 0, 2, 0]


def test_forgetting_needs_a_best_that_was_learnt() -> None:
    assert kinds(series(80, distance=lambda t: 0.05 + 0.2 * t)) == ["forgetting"]
    assert kinds(series(80, distance=lambda t: 0.3 if t < 0.5 else 0.4)) == []
    assert kinds(series(24, distance=lambda t: 0.1 if t < 0.3 else 0.4)) == []


def test_samples_are_compared_within_their_class() -> None:
    random = np.random.default_rng(0)
    classes = np.arange(40) % 2
    real = random.standard_normal((40, 3)) + 9 * classes[:, None]
    alike = np.where(classes[:20, None] == 1, 9.0, 0.0) + np.zeros((20, 3))
    assert diversity(alike, real, classes) == 0
    assert diversity(real[:20], real, classes) == pytest.approx(1, abs=0.2)
    assert spread(real[:1], classes[:1]) == 0
    assert diversity(alike, np.zeros((40, 3)), classes) == 1, "data that do not differ cannot be fallen short of"


def test_the_energy_distance_is_that_of_its_definition() -> None:
    random = np.random.default_rng(0)
    one, other = random.standard_normal((5, 2)), random.standard_normal((7, 2)) + 1
    norms = [np.linalg.norm(a[:, None] - b, axis=2).mean() for a, b in ((one, other), (one, one), (other, other))]
    assert distance(one, other) == pytest.approx((2 * norms[0] - norms[1] - norms[2]) / (2 * norms[0]))
    assert distance(one, one) == pytest.approx(0)
    assert distance(np.zeros((3, 2)), np.ones((4, 2))) == pytest.approx(1)


def test_large_samples_are_looked_at_in_part() -> None:
    assert features(np.zeros((2, 3, 64, 64), np.float32)).shape == (2, 4096)
    assert features(np.zeros((2, 1, 28, 28), np.uint8)).shape == (2, 784)


@pytest.mark.parametrize(
    ("gan", "settings", "line"),
    [
        ("simple", {}, {"won": "penalty=1", "collapse": "penalty=1", "oscillation": "lr=0.0005 or less"}),
        ("simple", {"penalty": 2.0, "ttur": 4}, {"won": "ttur=1", "collapse": "penalty=4"}),
        ("simple", {"trainer": "least-squares"}, {"won": "ttur=0.5 or less", "collapse": "lr=0.0005 or less"}),
        ("simple", {"generator_steps": 32}, {"collapse": "generator_steps=2"}),
        ("simple", {"optimizer": "sgd", "momentum": 0.9}, {"oscillation": "momentum=0"}),
        ("simple", {"lr_schedule": "constant"}, {"forgetting": "lr_schedule=linear"}),
        ("wgan-gp", {}, {"collapse": "penalty=20"}),
        ("wgan", {}, {"collapse": "lr=0.00025 or less"}),
    ],
)
def test_the_remedy_fits_the_parts(gan: str, settings: dict[str, Any], line: dict[str, str]) -> None:
    from ganzoo.runs.doctor import remedy

    recipe = resolve(ganzoo.get(gan), settings)
    assert {kind: remedy(kind, recipe) for kind in line} == {kind: f"--set {text}" for kind, text in line.items()}
    for text in line.values():
        key, _, value = text.removesuffix(" or less").partition("=")
        resolve(ganzoo.get(gan), settings | {key: value})


def test_a_run_is_reviewed_entry_by_entry() -> None:
    history = series(40, discriminator_accuracy=0.999, distance=0.5, **{"loss.generator": lambda t: 5 + t})
    (late,) = reviewed(history, SIMPLE)
    assert (late.kind, late.iteration) == ("won", 1000)
    earlier = Finding("won", 700, "won: long ago")
    history[13]["findings"] = [vars(earlier)]  # type: ignore[assignment]
    assert list(reviewed(history, SIMPLE)) == [earlier]


def test_metrics_of_a_stranger_are_read_with_care(tmp_path: Path) -> None:
    good = {"iteration": 50, "loss.generator": 1.5}
    bad = [
        {"iteration": "x"},
        {"iteration": 1, "a": [1]},
        {"iteration": 1, "findings": [{"kind": 1}]},
        [1],
        {"iteration": -1},
    ]
    lines = [json.dumps(entry) for entry in (good, *bad)] + ["[" * 10_000, '{"iteration": 5']
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines))
    assert read_metrics(tmp_path) == [good]
