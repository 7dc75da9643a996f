from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from ganzoo.generators.metadata import Metadata
from ganzoo.records.run_folder import RunFolder
from ganzoo.util.errors import GanzooError
from tests.support import python
from tests.support.run_folders import METADATA, RECORD, entry, write_run


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder(write_run(tmp_path / "run", evaluation={"fd": 3.5}))


def with_checkpoint(run: RunFolder, iterations: int) -> RunFolder:
    """A checkpoint that has nothing but the right metadata."""
    write_run(run.path.with_name(f"other{iterations}"), metadata={"iterations": iterations})
    shutil.copy(run.path.with_name(f"other{iterations}") / "weights.safetensors", run.checkpoint)
    return run


def test_a_run_folder_is_described_by_its_files(run: RunFolder) -> None:
    assert (run.name, run.data, run.iterations, run.planned_iterations) == ("cgan", "mnist-10k", 40, 40)
    assert run.gan is not None
    assert run.metadata == Metadata.from_json(METADATA, "x")
    assert [item["iteration"] for item in run.metrics] == list(range(1, 41))
    assert [curve.name for curve in run.curves] == ["iterations_per_second", "loss.generator", "loss.discriminator"]
    assert list(run.pictures) == [10, 20, 30, 40]
    assert run.pictures[40] == run.picture(40)
    assert run.scores == [("fd", "3.5")]
    assert run.log_problem == ""


def test_what_is_missing_is_left_out(run: RunFolder) -> None:
    for path in (run.weights, run.log_file, run.evaluation):
        path.unlink()
    shutil.rmtree(run.samples)
    empty = RunFolder(run.path)
    assert (empty.metadata, empty.metrics, empty.curves, empty.pictures, empty.scores) == (None, [], [], {}, [])
    assert (empty.iterations, empty.planned_iterations, empty.kept_checkpoints) == (0, 40, {})
    assert not empty.is_finished
    assert empty.cpu_seconds == 0


def test_iterations_are_known_without_weights(run: RunFolder) -> None:
    run.weights.unlink()
    assert RunFolder(run.path).iterations == 40
    run.log_file.unlink()
    assert RunFolder(run.path).iterations == 40, "from the sample grids"


@pytest.mark.parametrize("settings", [[], {"loop.iterations": "many"}, {"loop.iterations": -5}, None])
def test_planned_iterations_of_a_bad_record_are_those_that_are_done(tmp_path: Path, settings: Any) -> None:
    run = RunFolder(write_run(tmp_path / "run", record={"settings": settings, "gan": 5, "data": None}))
    assert (run.name, run.data, run.planned_iterations) == ("5", "null", 40)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "is not a run folder: it holds no run.json; name one, such as runs/NAME"),
        ("{", "run.json cannot be read as the record of a run"),
        ("[" * 10**5, "run.json cannot be read as the record of a run"),
        ("3", "run.json cannot be read as the record of a run"),
        (" " * (2**22 + 1) + "{}", "run.json cannot be read as the record of a run"),
    ],
)
def test_a_folder_without_a_record_is_refused(run: RunFolder, content: str | None, message: str) -> None:
    run.record_file.unlink() if content is None else run.record_file.write_text(content)
    for read in (lambda: RunFolder(run.path).record, RunFolder(run.path).read_record):
        with pytest.raises(GanzooError, match=message):
            read()


# Strict reading, for resuming.


def test_a_record_of_an_older_run_gets_the_entries_that_it_lacks(run: RunFolder) -> None:
    assert run.read_record() == RECORD | {
        "evaluate_every": None,
        "metrics": [],
        "keep_every": None,
        "init": None,
        "init_sha256": None,
        "freeze": [],
        "log_to": [],
        "id": "",
        "logged": 0,
        "compile": False,
        "graph": False,
        "ranks": 1,
        "channels": None,
        "absolute_data": None,
        "absolute_data_dir": None,
    }


@pytest.mark.parametrize("name", ["gan", "settings", "data_sha256", "threads", "sample_every", "command"])
def test_a_missing_entry_is_named(run: RunFolder, name: str) -> None:
    record = json.loads(run.record_file.read_text())
    del record[name]
    run.record_file.write_text(json.dumps(record))
    with pytest.raises(GanzooError, match=f"cannot be read as the record of a run: it lacks '{name}'"):
        run.read_record()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("gan", 5),
        ("settings", []),
        ("seed", -1),
        ("seed", 1.0),
        ("seed", True),
        ("precision", "fp64"),
        ("threads", 10**6),
        ("ranks", 0),
        ("compile", 1),
        ("save_every", 0),
        ("image_size", "64"),
        ("data_dir", 3),
        ("absolute_data", ["x"]),
        ("absolute_data_dir", 3),
        ("command", ["x" * 1000]),
    ],
)
def test_a_bad_entry_is_named_in_one_short_line(run: RunFolder, name: str, value: Any) -> None:
    run.record_file.write_text(json.dumps(RECORD | {name: value}))
    with pytest.raises(GanzooError, match=f"cannot be read as the record of a run: '{name}' is ") as raised:
        run.read_record()
    assert len(str(raised.value)) < 300


def test_checkpoints_of_another_run_are_known(run: RunFolder) -> None:
    same = {**METADATA, "iterations": 7, "settings": {**METADATA["settings"], "loop.iterations": 7}}
    assert run.mismatch(Metadata.from_json(same, "x")) == ""
    for name, value in {"gan": "dcgan", "seed": 4, "settings": {"generator": "dense"}}.items():
        assert run.mismatch(Metadata.from_json({**METADATA, name: value}, "x")) == name


# Progress.


def test_a_run_is_finished_when_its_checkpoint_is_the_last(run: RunFolder) -> None:
    """The log is ahead of the checkpoint, so it does not count."""
    assert not run.is_finished
    assert not with_checkpoint(run, 30).is_finished
    assert with_checkpoint(run, 40).is_finished


def test_a_report_that_is_older_than_the_checkpoint_does_not_count(run: RunFolder) -> None:
    with_checkpoint(run, 40)
    assert not run.has_report
    run.report.touch()
    assert run.has_report
    os.utime(run.report, (0, 0))
    assert not run.has_report


def test_cpu_time_is_that_of_the_last_entry(tmp_path: Path) -> None:
    entries = [entry(1, cpu_seconds=0.5), entry(2, cpu_seconds=1.5), {"iteration": 3}]
    assert RunFolder(write_run(tmp_path / "run", metrics=entries)).cpu_seconds == 1.5


# Scores, pictures and checkpoints.


def test_scores_are_named_by_their_path(tmp_path: Path) -> None:
    scores = {"samples": 10_000, "fd": {"child": 3.14159, "parent": float("inf")}, "who": "LeNet", "shares": [0.5, 0.5]}
    scores["deep"] = {"flag": True, "none": None, "long": list(range(100))}  # type: ignore[assignment]
    assert RunFolder(write_run(tmp_path / "run", evaluation=scores)).scores == [
        ("samples", "10,000"), ("fd child", "3.142"), ("fd parent", "inf"), ("who", "LeNet"), ("shares", "0.5, 0.5"),
    ]  # fmt: skip


def test_only_files_with_the_right_name_are_pictures_or_checkpoints(run: RunFolder) -> None:
    for name in ("x", "50", "0000060", "00007²", "9" * 16, "-00001"):
        (run.samples / f"iteration-{name}.png").touch()
    assert list(run.pictures) == [10, 20, 30, 40]
    run.checkpoints.mkdir()
    for number in (1_000_000, 500):
        run.kept_checkpoint(number).touch()
    assert list(run.kept_checkpoints) == [500, 1_000_000]
    assert run.kept_checkpoint(500).name == "iteration-000500.safetensors"


def test_kept_checkpoints_after_an_iteration_are_removed(run: RunFolder) -> None:
    run.checkpoints.mkdir()
    for number in (0, 10, 20):
        run.kept_checkpoint(number).touch()
    run.remove_checkpoints_after(10)
    assert list(run.kept_checkpoints) == [0, 10]
    run.remove_checkpoints_after(-1)
    assert not run.checkpoints.exists()
    run.remove_checkpoints_after(-1)


def test_a_cleared_folder_keeps_what_is_not_of_the_run(run: RunFolder) -> None:
    run.checkpoints.mkdir()
    run.kept_checkpoint(0).touch()
    for path in (run.path / "notes.txt", run.card, run.samples / "mine.png"):
        path.write_text("mine")
    run.clear()
    assert sorted(path.name for path in run.path.iterdir()) == ["README.md", "notes.txt", "samples"]
    assert [path.name for path in run.samples.iterdir()] == ["mine.png"]


def test_temporary_files_are_removed_and_other_hidden_files_are_not(run: RunFolder) -> None:
    run.checkpoints.mkdir()
    temporary = [
        run.path / ".checkpoint.0123abcd.safetensors",
        run.path / ".run.ffffffff.json",
        run.path / ".README.00000000.md",
        run.samples / ".iteration-000010.0123abcd.png",
        run.checkpoints / ".iteration-000010.0123abcd.safetensors",
    ]
    others = [run.path / ".notes.0123abcd.txt", run.path / ".checkpoint.mine.safetensors", run.path / ".run.json"]
    for path in (*temporary, *others):
        path.touch()
    run.remove_temporary_files()
    assert [path for path in temporary if path.exists()] == []
    assert [path for path in others if not path.exists()] == []


def test_a_path_is_quoted_for_the_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert RunFolder("runs/it's").in_shell == """'runs/it'"'"'s'"""
    assert RunFolder(tmp_path / "runs" / ".." / "x").in_shell == "x"
    assert RunFolder("/elsewhere").in_shell == "/elsewhere"
    assert RunFolder("./-x").in_shell == "./-x"
    assert RunFolder(tmp_path / "-x y").in_shell == "'./-x y'"


def test_reading_a_run_folder_loads_no_torch(run: RunFolder) -> None:
    code = (
        "import sys; from ganzoo.records.run_folder import RunFolder; run = RunFolder(sys.argv[1]);"
        "run.read_record(), run.metadata, run.curves, run.scores; print('torch' in sys.modules)"
    )
    assert python(code, str(run.path)).stdout == "False\n"
