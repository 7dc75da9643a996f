"""A run and the folder that it shares with other processes: locks, leftovers of killed ones, and the report."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ganzoo.generators.weights import read
from ganzoo.records.run_folder import RunFolder
from ganzoo.runs.best_weights import BestWeights
from ganzoo.runs.run import Collapsed, Run
from ganzoo.util.errors import GanzooError
from ganzoo.util.files import locked
from tests.runs.conftest import SilentReporter, run

needs_locks = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such locks")


@pytest.fixture
def trained(tmp_path: Path) -> RunFolder:
    """A finished run of four iterations."""
    path = tmp_path / "run"
    run(path, iterations=4).train(SilentReporter())
    return RunFolder(path)


def contents(path: Path) -> dict[str, bytes]:
    """All files in a folder."""
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


@needs_locks
def test_a_run_in_training_is_neither_replaced_nor_resumed(trained: RunFolder) -> None:
    before = contents(trained.path)
    replacing = run(trained.path, iterations=2, replace=True)
    resuming = Run.resume(trained.path, 8)
    with locked(trained.path):
        for other in (replacing, resuming):
            with pytest.raises(GanzooError, match="another process is training in"):
                other.train(SilentReporter())
    assert contents(trained.path) == before
    replacing.train(SilentReporter())
    assert RunFolder(trained.path).read_record()["settings"]["loop.iterations"] == 2


@needs_locks
def test_the_folder_is_locked_until_the_report_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write_all(path: Path, *_: object) -> None:
        with pytest.raises(GanzooError, match="another process is training in"), locked(path):
            pass
        reported.append(path)

    reported: list[Path] = []
    monkeypatch.setattr("ganzoo.runs.run.write_all", write_all)
    run(tmp_path / "run", iterations=2).train(SilentReporter())
    assert reported == [tmp_path / "run"]
    with locked(tmp_path / "run"):
        pass


@needs_locks
def test_a_file_system_without_locks_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def flock(*_: object) -> None:
        raise OSError(errno.EBADF, "Bad file descriptor")  # what NFS says about a folder

    monkeypatch.setattr("fcntl.flock", flock)
    run(tmp_path / "run", iterations=2).train(SilentReporter())
    assert RunFolder(tmp_path / "run").is_finished
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path / 'run'} cannot be locked (Bad file descriptor): do not start a second training in it"
    ]


@needs_locks
def test_an_error_of_a_training_is_not_taken_for_a_lock(tmp_path: Path) -> None:
    with pytest.raises(BlockingIOError), locked(tmp_path):
        raise BlockingIOError


@pytest.mark.parametrize("how", ["replaced", "moved", "emptied"])
@pytest.mark.parametrize("when", ["score", "log", "draw_samples", "save", "write_all"])
def test_nothing_is_written_into_a_folder_that_took_the_place_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, when: str
) -> None:
    path = tmp_path / "run"
    training = run(path, iterations=4)

    def change() -> None:
        if how == "emptied":
            shutil.rmtree(path)
            path.mkdir()  # which may get the inode of the old one
        else:
            path.rename(tmp_path / "elsewhere")
            if how == "replaced":
                path.mkdir()

    def changed_before(step: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            if training.training.iteration == 4 and not (tmp_path / "changed").exists():
                (tmp_path / "changed").touch()
                change()
            return step(*args, **options)

        return call

    if when == "score":
        monkeypatch.setattr("ganzoo.runs.best_weights.scorer", lambda *_: ("score", lambda model: 1.0))
        best = BestWeights(training.folder, training.training.data, None)
        monkeypatch.setattr(best, "_score", changed_before(best._score))
        training.best_weights = training.log.best_weights = best
        training.schedule = replace(training.schedule, evaluate_every=4)
        when = "save"
    owner, name = {"log": (training.log, "append"), "write_all": (training, "_report")}.get(when, (training, when))
    monkeypatch.setattr(owner, name, changed_before(getattr(owner, name)))
    with pytest.raises(GanzooError, match=r"run was moved, replaced or emptied while the run was trained"):
        training.train(SilentReporter())
    assert not path.exists() or contents(path) == {}


def test_a_folder_that_was_filled_in_the_meantime_is_not_replaced(tmp_path: Path) -> None:
    first, second = (run(tmp_path / "run", iterations=2) for _ in range(2))
    first.train(SilentReporter())
    before = contents(tmp_path / "run")
    with pytest.raises(GanzooError, match=r"run exists; resume it with"):
        second.train(SilentReporter())
    assert contents(tmp_path / "run") == before


@pytest.mark.parametrize("how", ["trained longer", "replaced", "removed"])
def test_a_run_that_another_process_has_changed_in_the_meantime_is_not_resumed(trained: RunFolder, how: str) -> None:
    resuming = Run.resume(trained.path, 6)
    if how == "trained longer":
        Run.resume(trained.path, 8).train(SilentReporter())
    elif how == "replaced":
        run(trained.path, iterations=2, replace=True).train(SilentReporter())
    else:
        shutil.rmtree(trained.path)
    before = contents(trained.path)
    with pytest.raises(GanzooError, match="run was changed in the meantime, by another process"):
        resuming.train(SilentReporter())
    assert contents(trained.path) == before


def test_an_old_run_that_was_half_removed_may_still_be_replaced(
    trained: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by kill -9, at each file that a new run removes."""
    trained.checkpoints.mkdir()
    trained.kept_checkpoint(2).touch()
    old = trained.path.with_name("old")
    trained.path.rename(old)
    unlink, left = Path.unlink, 0

    class Killed(BaseException):
        pass

    def die(path: Path, **options: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed
        unlink(path, **options)

    def killed(after: int) -> bool:
        nonlocal left
        shutil.copytree(old, trained.path)
        left = after
        try:
            with monkeypatch.context() as patch:
                patch.setattr(Path, "unlink", die)
                RunFolder(trained.path).clear()
        except Killed:
            return True
        return False

    for after in range(1, 100):
        if not killed(after):
            break
        with pytest.raises(GanzooError, match="holds no checkpoint yet; start again with"):
            Run.resume(trained.path)
        run(trained.path, iterations=2, replace=True).train(SilentReporter())
        assert RunFolder(trained.path).is_finished
        shutil.rmtree(trained.path)
    assert after > len(trained.files)


def leftovers(folder: RunFolder) -> list[Path]:
    """Temporary files as killed processes leave them."""
    folder.checkpoints.mkdir()
    paths = [
        folder.path / ".checkpoint.0123abcd.safetensors",
        folder.path / ".report.0123abcd.html",
        folder.samples / ".iteration-000002.0123abcd.png",
        folder.checkpoints / ".iteration-000002.0123abcd.safetensors",
    ]
    for path in paths:
        path.write_bytes(b"half a file")
    return paths


@pytest.mark.parametrize("how", ["resume", "replace"])
def test_temporary_files_of_killed_processes_are_removed(trained: RunFolder, how: str) -> None:
    paths = leftovers(trained)
    (trained.path / ".mine.0123abcd.txt").touch()
    reopened = Run.resume(trained.path, 6) if how == "resume" else run(trained.path, iterations=2, replace=True)
    assert all(path.exists() for path in paths), "nothing is removed before the folder is locked"
    reopened.train(SilentReporter())
    assert [path for path in paths if path.exists()] == []
    assert (trained.path / ".mine.0123abcd.txt").exists()


def test_a_run_that_was_killed_before_its_report_is_completed(trained: RunFolder) -> None:
    assert Run.resume(trained.path).is_complete
    before = contents(trained.path)
    trained.report.unlink()
    trained.animation.unlink()
    trained.neighbours.unlink(missing_ok=True)
    resumed = Run.resume(trained.path)
    assert not resumed.is_complete
    resumed.train(SilentReporter())
    assert contents(trained.path) == before
    assert Run.resume(trained.path).is_complete


def test_a_report_from_before_the_last_checkpoint_is_written_again(trained: RunFolder) -> None:
    trained.report.write_text("of a run that was killed")
    os.utime(trained.report, (0, 0))
    resumed = Run.resume(trained.path)
    assert not resumed.is_complete
    resumed.train(SilentReporter())
    assert "of a run that was killed" not in trained.report.read_text("utf-8")


def test_iterations_that_were_logged_but_not_saved_are_trained_again(trained: RunFolder) -> None:
    """As after a kill between the last entry of the log and the last checkpoint."""
    entries = RunFolder(trained.path).metrics
    whole = read(trained.checkpoint)[0]
    path = trained.path.with_name("killed")
    killed = run(path, iterations=4)
    save = killed.save

    class Killed(BaseException):
        pass

    def die() -> None:
        if killed.training.iteration == 4:
            raise Killed
        save()

    killed.save = die  # type: ignore[method-assign]
    with pytest.raises(Killed):
        killed.train(SilentReporter())
    folder = RunFolder(path)
    assert folder.metrics[-1]["iteration"] == 4
    assert not folder.is_finished
    Run.resume(path).train(SilentReporter())
    folder = RunFolder(path)
    assert folder.is_finished
    assert [entry["iteration"] for entry in folder.metrics] == [entry["iteration"] for entry in entries]
    assert all(tensor.equal(whole[name]) for name, tensor in read(folder.checkpoint)[0].items())


def test_unreadable_lines_are_dropped_with_a_warning(trained: RunFolder, caplog: pytest.LogCaptureFixture) -> None:
    first, *rest = trained.log_file.read_text().splitlines(keepends=True)
    trained.log_file.write_text("".join([first, "broken\n", *rest, '{"iteration": 9, "lo']))
    Run.resume(trained.path, 6).train(SilentReporter())
    assert [record.getMessage() for record in caplog.records] == [f"{trained.log_file}: 1 unreadable lines are dropped"]
    assert RunFolder(trained.path).log.unreadable == 0
    assert RunFolder(trained.path).metrics[-1]["iteration"] == 6


def test_a_collapse_stops_the_run_where_it_is_found(tmp_path: Path) -> None:
    collapsing = run(tmp_path, lr=10, iterations=60, lr_schedule="constant")
    with pytest.raises(Collapsed) as stopped:
        collapsing.train(SilentReporter(), stop_on_collapse=True)
    found = stopped.value.finding
    assert found.kind == "blow-up"
    assert read(stopped.value.folder.checkpoint)[1].iterations == found.iteration < 60
    assert list(RunFolder(tmp_path).pictures)[-1] == found.iteration
    assert RunFolder(tmp_path).report.exists()


def test_parts_that_do_not_fit_fail_in_one_line(tmp_path: Path) -> None:
    import ganzoo

    def broken(nets: object, draw: object) -> Iterator[object]:
        raise ValueError("first line\nsecond line")
        yield

    failing = run(tmp_path, replace(ganzoo.get("simple"), name="broken", trainer=broken), iterations=2)
    with pytest.raises(GanzooError, match="broken cannot be trained with these parts and settings: ValueError: first"):
        failing.train(SilentReporter())


def test_a_trainer_that_fails_later_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, error in enumerate((KeyError("late\nand more"), ValueError())):
        training = run(tmp_path / str(number), iterations=4)
        trainer, calls = training.training.recipe.functions["trainer"], []

        def late(*arguments: Any, trainer: Any = trainer, calls: Any = calls, error: Any = error, **values: Any) -> Any:
            calls.append(1)
            if len(calls) > 2:
                raise error
            yield from trainer(*arguments, **values)

        functions = {**training.training.recipe.functions, "trainer": late}
        training.training.recipe = replace(training.training.recipe, functions=functions)
        with pytest.raises(GanzooError, match=r"iteration 3 of simple failed: \w+: .*keeps the last checkpoint"):
            training.train(SilentReporter())
