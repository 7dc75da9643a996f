"""Loggers get what a run logs, once for each iteration, and never cost a training."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganzoo.loggers import LoggedRun, Logger
from ganzoo.records.options import Options
from ganzoo.registry.recipe import resolve
from ganzoo.registry.registry import registry
from ganzoo.runs.run import Collapsed, Run
from ganzoo.util.errors import GanzooError
from tests.runs.conftest import TINY, SilentReporter
from tests.support import differing, tensors_of

Call = tuple[str, Any]


class Recorder(Logger):
    """Keeps what it gets."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def start(self, run: LoggedRun) -> None:
        self.run = run

    def metrics(self, iteration: int, values: Any) -> None:
        self.calls.append(("metrics", (iteration, dict(values))))

    def samples(self, iteration: int, picture: Any) -> None:
        self.calls.append(("samples", (iteration, picture)))

    def end(self, outcome: str) -> None:
        self.calls.append(("end", outcome))

    def iterations(self, kind: str = "metrics") -> list[int]:
        return [call[1][0] for call in self.calls if call[0] == kind]


class Rewinding(Recorder):
    rewinds = True


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Register a logger under a name."""

    def add(name: str, make: Any) -> None:
        monkeypatch.setitem(registry().parts["logger"], name, make)

    return add


@pytest.fixture
def recorder(register: Callable[..., None]) -> Iterator[Recorder]:
    made = Recorder()
    register("recorder", lambda: made)
    yield made
    assert not made.calls or made.calls[-1][0] == "end"


def new_run(folder: Path, *log_to: str, iterations: int = 6, replace: bool = False, **options: Any) -> Run:
    chosen = {"data": "ring8", "device": "cpu", "precision": "fp32", "sample_every": 2, "save_every": 3} | options
    return Run.start(
        folder,
        resolve(registry().gan("simple"), TINY | {"iterations": iterations}),
        Options(log_to=log_to, **chosen),
        replace=replace,
    )


def log(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_a_logger_gets_what_the_log_holds(recorder: Recorder, tmp_path: Path) -> None:
    new_run(tmp_path / "x", "recorder").train(SilentReporter())
    run = recorder.run
    assert (run.name, run.gan, run.iteration, run.iterations, run.folder) == ("x", "simple", 0, 6, tmp_path / "x")
    assert run.settings["loop.latent_dim"] == 2
    assert (run.facts["seed"], run.facts["data"], run.facts["device"]) == (0, "ring8", "cpu")
    assert len(run.id) == 32
    logged = [(entry.pop("iteration"), entry) for entry in log(tmp_path / "x")]
    for _, entry in logged:
        entry.pop("findings", None)
    assert [call[1] for call in recorder.calls if call[0] == "metrics"] == logged
    assert recorder.iterations() == [2, 3, 4, 6]
    assert recorder.iterations("samples") == [0, 2, 4, 6]
    picture = next(call[1][1] for call in recorder.calls if call[0] == "samples")
    assert (picture.dtype, picture.ndim) == (np.uint8, 3)
    assert recorder.calls[-1] == ("end", "finished")


def test_a_training_is_the_same_with_a_logger(recorder: Recorder, tmp_path: Path) -> None:
    new_run(tmp_path / "plain").train(SilentReporter())
    new_run(tmp_path / "logged", "recorder").train(SilentReporter())
    assert not differing(tensors_of(tmp_path / "plain"), tensors_of(tmp_path / "logged"))


def test_scores_are_metrics_unless_a_logger_wants_them_apart(
    recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganzoo.runs.best_weights.scorer", lambda *_: ("my-fd", lambda model: 0.5))
    new_run(tmp_path / "x", "recorder", evaluate_every=4).train(SilentReporter())
    scored = [call[1] for call in recorder.calls if call[0] == "metrics" and "my-fd" in call[1][1]]
    assert scored == [(4, {"my-fd": 0.5}), (6, {"my-fd": 0.5})]
    assert [entry["iteration"] for entry in log(tmp_path / "x") if "my-fd" in entry] == [4, 6]


class Killed(BaseException):
    """What ends the process of a training at once, as far as its folder is concerned."""


def killed_after(iteration: int, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    """Train until an iteration, whose log is written and whose checkpoint is not."""
    with monkeypatch.context() as patch:
        save = run.save

        def kill() -> None:
            if run.training.iteration >= iteration:
                raise Killed
            save()

        patch.setattr(run, "save", kill)
        with pytest.raises(Killed):
            run.train(SilentReporter())


@pytest.mark.parametrize("kind", [Recorder, Rewinding])
def test_a_resumed_run_continues_one_curve(
    kind: type[Recorder], register: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Recorder] = []
    register("mine", lambda: made.append(kind()) or made[-1])  # type: ignore[func-returns-value]
    options = {"iterations": 12, "save_every": 3, "sample_every": 1}
    killed_after(9, monkeypatch, new_run(tmp_path / "x", "mine", **options))  # logged until 9, saved at 6
    assert made[0].iterations() == list(range(1, 10))
    assert made[0].calls[-1] == ("end", "failed")
    killed_after(7, monkeypatch, Run.resume(tmp_path / "x"))  # saved at 6 still, and its log ends before 9
    assert [entry["iteration"] for entry in log(tmp_path / "x")] == list(range(1, 10))
    Run.resume(tmp_path / "x").train(SilentReporter())
    assert {each.run.id for each in made} == {made[0].run.id}
    assert [each.run.iteration for each in made] == [0, 6, 6]
    points: list[int] = []
    for each in made:
        if each.rewinds:
            points = [point for point in points if point <= each.run.iteration]
        points += each.iterations()
    assert points == list(range(1, 13)), "every iteration once, in order"
    assert made[-1].calls[-1] == ("end", "finished")


def test_what_has_been_logged_is_remembered_over_two_kills(
    recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second training is killed before it reaches what the first one has logged."""
    options = {"iterations": 12, "save_every": 12, "sample_every": 1}
    killed_after(12, monkeypatch, new_run(tmp_path / "x", "recorder", **options))
    resumed = Run.resume(tmp_path / "x")
    monkeypatch.setattr(resumed, "draw_samples", lambda: killed() if resumed.training.iteration else None)
    with pytest.raises(Killed):
        resumed.train(SilentReporter())
    assert log(tmp_path / "x")[-1]["iteration"] == 1
    Run.resume(tmp_path / "x").train(SilentReporter())
    assert recorder.iterations() == list(range(1, 13))


def killed() -> None:
    raise Killed


def test_a_new_run_in_the_same_folder_is_another_one(recorder: Recorder, tmp_path: Path) -> None:
    new_run(tmp_path / "x", "recorder").train(SilentReporter())
    first = recorder.run
    new_run(tmp_path / "x", "recorder", replace=True).train(SilentReporter())
    assert recorder.run.id != first.id
    assert recorder.iterations() == [2, 3, 4, 6] * 2


def test_a_run_that_stops_says_so(recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = new_run(tmp_path / "x", "recorder")
    monkeypatch.setattr(run, "_fatal_findings", lambda entry: ["a finding"])
    with pytest.raises(Collapsed):
        run.train(SilentReporter(), stop_on_collapse=True)
    assert recorder.calls[-1] == ("end", "stopped")


@pytest.mark.parametrize("method", ["start", "metrics", "samples", "end"])
@pytest.mark.parametrize("error", [RuntimeError("no\nconnection"), GanzooError("no connection"), SystemExit(3)])
def test_a_logger_that_fails_is_left_out_and_the_training_continues(
    method: str,
    error: BaseException,
    recorder: Recorder,
    register: Callable[..., None],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: object) -> None:
        raise error

    broken = Recorder()
    setattr(broken, method, fail)
    register("broken", lambda: broken)
    with caplog.at_level(logging.WARNING):
        new_run(tmp_path / "x", "broken", "recorder").train(SilentReporter())
    (line,) = caplog.messages
    assert line.startswith(f"logger 'broken' failed in {method}() and gets nothing more; the training continues: ")
    assert line.isprintable()
    assert recorder.iterations() == [2, 3, 4, 6]
    assert log(tmp_path / "x")[-1]["iteration"] == 6
    if method == "start":
        assert broken.calls == []


def unavailable() -> Logger:
    raise GanzooError("this needs curves, which is not installed; run: pip install curves")


def odd() -> Logger:
    raise RuntimeError("odd\none")


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        ("curves", unavailable, "--log-to curves: this needs curves, which is not installed; run: pip install curves"),
        ("odd", odd, "logger 'odd' cannot be made: RuntimeError: odd; leave out --log-to odd"),
        ("text", str, "logger 'text' is a str, not a ganzoo.loggers.Logger"),
    ],
)
def test_a_logger_that_cannot_be_made_is_refused_before_anything_is_written(
    name: str, make: Any, message: str, register: Callable[..., None], tmp_path: Path
) -> None:
    register(name, make)
    with pytest.raises(GanzooError) as caught:
        new_run(tmp_path / "x", name)
    assert str(caught.value) == message
    assert not (tmp_path / "x").exists()


def test_an_unknown_logger_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(GanzooError, match=r"no logger named 'tensorbord'; did you mean 'tensorboard'\?"):
        new_run(tmp_path / "x", "tensorbord")


def test_a_run_of_an_older_version_has_no_loggers(tmp_path: Path) -> None:
    new_run(tmp_path / "x").train(SilentReporter())
    record = json.loads((tmp_path / "x" / "run.json").read_text())
    for name in ("log_to", "metrics", "id"):
        del record[name]
    (tmp_path / "x" / "run.json").write_text(json.dumps(record))
    Run.resume(tmp_path / "x", 8).train(SilentReporter())


def test_loggers_take_less_than_a_hundredth_of_an_iteration(
    register: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ganzoo adds to a logger's own time, as a share of 50 iterations of the smallest GAN."""
    from ganzoo.runs.loggers import Loggers

    register("empty", Logger)
    loggers = Loggers()
    loggers.make(["empty"])
    values = {f"loss.{number}": 1.0 for number in range(12)}
    begin = time.perf_counter()
    for iteration in range(1000):
        loggers.log(iteration, values, {})
    assert (time.perf_counter() - begin) / 1000 < 0.01 * 50 * 0.001, "an iteration takes a millisecond at least"
