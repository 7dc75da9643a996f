"""Metrics of plugins, in evaluations and during trainings."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ganzoo
from ganzoo.data import Data, load
from ganzoo.evaluation import evaluate, registered
from ganzoo.evaluation.reference import Splits
from ganzoo.evaluation.registered import RegisteredMetrics
from ganzoo.evaluation.sources import NpzSource
from ganzoo.records.run_folder import RunFolder
from ganzoo.registry.registry import registry
from ganzoo.runs.best_weights import BestWeights
from ganzoo.util.errors import GanzooError
from tests.support import run_iterations, small_training
from tests.support.translation import PAIRS, TRANSLATION

Metric = Callable[[Any, Any], Any]


class Recorder:
    """Keeps the samples that it gets; its numbers are their means."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, Any]] = []

    def __call__(self, generated: Any, real: Any) -> dict[str, float]:
        self.calls.append((generated, real))
        return {"generated": generated.mean(), "real": np.float32(real.mean())}


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Metric], None]:
    return lambda name, function: monkeypatch.setitem(registry().parts["metric"], name, function)


@pytest.fixture
def means(register: Callable[[str, Metric], None]) -> Recorder:
    recorder = Recorder()
    register("means", recorder)
    return recorder


def points(path: Path, count: int = 50) -> Path:
    np.savez(path / "points.npz", images=np.random.default_rng(0).standard_normal((count, 2)).astype(np.float32))
    return path / "points.npz"


def test_the_numbers_are_added_to_those_of_ganzoo(means: Recorder, tmp_path: Path) -> None:
    found = evaluate(points(tmp_path), "ring8", metrics=["means"])
    assert found.score == "modes"
    assert {"modes", "high_quality", "reverse_kl", "means.generated", "means.real"} == set(found.metrics)
    assert set(found.references["real"]) == set(found.metrics)
    plain = evaluate(points(tmp_path), "ring8")
    assert {name: value for name, value in found.metrics.items() if name in plain.metrics} == plain.metrics
    (generated, real), (train, again) = means.calls
    assert (generated.shape, real.shape) == ((50, 2), (10_000, 2))
    assert np.array_equal(np.sort(real, axis=0), np.sort(again, axis=0))
    assert len(train) == 50
    assert found.metrics["means.real"] == pytest.approx(real.mean(), abs=1e-6)


def test_repetitions_have_a_mean_and_a_spread(means: Recorder) -> None:
    training = small_training("simple", "ring8", iterations=1)
    run_iterations(training)
    found = evaluate(training.model(), number=30, repeats=3, metrics=["means"])
    values = [float(generated.mean()) for generated, _ in means.calls[:3]]
    assert found.metrics["means.generated"] == pytest.approx(np.mean(values))
    assert found.spread["means.generated"] == pytest.approx(np.std(values, ddof=1))


def test_data_without_metrics_have_those_of_plugins(means: Recorder, tiny: Data) -> None:
    training = small_training("simple", tiny, iterations=1)
    run_iterations(training)
    with pytest.raises(GanzooError):
        evaluate(training.model(), tiny, number=20)
    found = evaluate(training.model(), tiny, number=20, metrics=["means"])
    assert (found.score, set(found.metrics)) == (
        "means.generated",
        {"means.generated", "means.real"} | discriminators(found),
    )
    assert set(found.references) == {"real", "noise"}
    assert "tiny has no metrics but those of plugins" in found.notes
    generated, real = means.calls[0]
    assert (generated.dtype, generated.shape) == (np.uint8, (20, 1, 8, 8))
    assert (real.dtype, real.shape) == (np.uint8, (45, 1, 8, 8))
    train, half = means.calls[1]
    assert len(train) + len(half) == 45, "without a test split, one half is compared with the other"


def discriminators(found: Any) -> set[str]:
    return {name for name in found.metrics if name.startswith("discriminator_")}


def test_predictions_are_compared_in_the_order_of_their_inputs(means: Recorder) -> None:
    training = ganzoo.train("skip-gan-tabular", "friedman1", iterations=1, batch_size=8, device="cpu")
    run_iterations(training)
    evaluate(training.model(), number=25, metrics=["means"])
    generated, real = means.calls[0]
    assert generated.shape == real.shape == (25, 1)
    assert np.array_equal(real, load("friedman1", split="test").samples[:25])


def test_images_from_images_are_compared_with_the_right_ones(means: Recorder) -> None:
    data = replace(PAIRS, name="mine", sha256="")
    training = ganzoo.train(TRANSLATION, data, iterations=1, batch_size=4, device="cpu")
    run_iterations(training)
    evaluate(training.model(), data, number=10, metrics=["means"])
    generated, real = means.calls[0]
    assert (generated.dtype, generated.shape) == (np.uint8, (10, *data.shape))
    assert np.array_equal(real, data.samples[:10])


def test_only_so_many_real_samples_are_taken_and_that_is_said(
    means: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registered, "MOST_REAL", 40)
    found = evaluate(points(tmp_path), "ring8", metrics=["means"])
    assert all(len(real) == 40 for _, real in means.calls)
    total = len(load("ring8", split="test"))
    assert f"metrics of plugins compare with 40 of the {total:,} real samples" in found.notes


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda a, b: 1 / 0, "metric 'odd' failed: ZeroDivisionError: division by zero (GANZOO_DEBUG=1 shows where)"),
        (lambda a, b: None, "metric 'odd' has to return named numbers: it returned None"),
        (lambda a, b: {"x": True}, "metric 'odd' has to return named numbers: x is True"),
        (lambda a, b: {"x\n": 1.0}, "metric 'odd' has to return named numbers: the name of a number is 'x\\n'"),
        (lambda a, b: a.sort(), "metric 'odd' failed: ValueError"),
    ],
)
def test_a_metric_that_fails_is_one_line(
    function: Metric, message: str, register: Callable[[str, Metric], None], tmp_path: Path
) -> None:
    register("odd", function)
    with pytest.raises(GanzooError) as caught:
        evaluate(points(tmp_path), "ring8", metrics=["odd"])
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_an_unknown_metric_names_the_command_that_lists_them(means: Recorder, tmp_path: Path) -> None:
    with pytest.raises(GanzooError, match=r"no metric named 'mean'; did you mean 'means'\? \(ganzoo list metrics\)"):
        evaluate(points(tmp_path), "ring8", metrics=["mean"])


# During a training.


def trained(iterations: int = 1) -> Any:
    training = small_training("simple", "ring8", iterations=iterations)
    run_iterations(training)
    return training


def best_weights(tmp_path: Path, *metrics: str) -> BestWeights:
    folder = RunFolder(tmp_path)
    folder.record_file.write_text("{}")
    folder._is_same = lambda: True  # type: ignore[attr-defined]
    return BestWeights(folder, load("ring8"), None, metrics)


def test_the_first_number_decides_where_ganzoo_has_no_score(
    means: Recorder, register: Callable[[str, Metric], None], tmp_path: Path
) -> None:
    values = iter([9.0, 5.0, 7.0, 3.0])
    register("sinking", lambda generated, real: {"value": next(values), "other": 0.0})
    best = best_weights(tmp_path, "sinking", "means")
    assert best.name == "sinking.value"
    model = trained().model()
    scores = [best.score(replace(model, metadata=replace(model.metadata, iterations=n))) for n in (1, 2, 3)]
    assert [score["sinking.value"] for score in scores] == [5.0, 7.0, 3.0], (
        "9.0 was of real samples, before the training"
    )
    assert set(scores[0]) == {"sinking.value", "sinking.other", "means.generated", "means.real"}
    assert (best.value, best.iteration) == (3.0, 3)
    assert best.path.is_file()


def test_a_metric_that_fails_on_real_samples_is_refused_before_the_training(
    register: Callable[[str, Metric], None], tmp_path: Path
) -> None:
    register("odd", lambda a, b: 1 / 0)
    with pytest.raises(GanzooError, match="metric 'odd' failed"):
        best_weights(tmp_path, "odd")


def test_a_metric_that_fails_in_a_training_is_left_out_of_it(
    means: Recorder, register: Callable[[str, Metric], None], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    calls = []

    def later(generated: Any, real: Any) -> dict[str, float]:
        calls.append(1)
        return {"value": 1 / (3 - len(calls))}

    register("later", later)
    best, model = best_weights(tmp_path, "later", "means"), trained().model()
    assert set(best.score(model)) == {"later.value", "means.generated", "means.real"}
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert set(best.score(model)) == {"means.generated", "means.real"}
    (line,) = caplog.messages
    assert line.startswith("metric 'later' failed: ZeroDivisionError")
    assert line.endswith("it is left out of this training from here on")


def test_samples_of_a_file_are_read_once_for_all_metrics(means: Recorder, tmp_path: Path) -> None:
    source = NpzSource(points(tmp_path))
    splits = Splits(load("ring8"), load("ring8", split="test"))
    found = RegisteredMetrics(["means"], splits, 50).of(source, range(50))
    assert set(found) == {"means.generated", "means.real"}
