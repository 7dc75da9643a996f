"""``ganzoo train --keep-every``: checkpoints that stay, and not a bit of training changed."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from ganzoo.generators.weights import read
from ganzoo.records.run_folder import RunFolder
from tests.cli.test_train import at
from tests.support import TRAIN, differing, tensors_of

Text = Callable[[str], str]
KEEPING = f"train simple {TRAIN} --save-every 4 --sample-every 6"


def test_a_training_is_the_same_with_and_without_kept_checkpoints(ganzoo: Text, runs: Path) -> None:
    ganzoo(f"{KEEPING} --keep-every 3 --out x")
    assert list(RunFolder("x").kept_checkpoints) == [0, 3, 6]
    assert (
        Path("x/checkpoints/iteration-000006.safetensors").read_bytes() == Path("x/checkpoint.safetensors").read_bytes()
    )
    assert read("x/checkpoints/iteration-000003.safetensors")[1].iterations == 3
    assert not differing(tensors_of(Path("x")), tensors_of(runs / "simple"))
    assert not RunFolder(runs / "simple").kept_checkpoints
    assert json.loads(Path("x/run.json").read_text())["keep_every"] == 3


def test_a_resumed_run_keeps_its_earlier_checkpoints(
    ganzoo: Text, stopped: Text, monkeypatch: pytest.MonkeyPatch
) -> None:
    ganzoo(f"{KEEPING} --keep-every 2 --out whole")
    with monkeypatch.context() as patch:
        at(4, patch, lambda: os.kill(os.getpid(), signal.SIGINT))
        stopped(f"{KEEPING} --keep-every 2 --out x")
    assert list(RunFolder("x").kept_checkpoints) == [0, 2, 4]
    later = Path("x/checkpoints/iteration-000006.safetensors")
    shutil.copy("whole/checkpoint.safetensors", later)  # as if it had been killed between the two
    seen = []
    with monkeypatch.context() as patch:
        at(6, patch, lambda: seen.append(later.exists()))
        ganzoo("train --resume x")
    assert seen == [False]
    for number, path in RunFolder("whole").kept_checkpoints.items():
        assert not differing(read(path)[0], read(RunFolder("x").kept_checkpoints[number])[0])


def test_a_new_run_does_not_keep_the_checkpoints_of_an_old_one(ganzoo: Text, refused: Text) -> None:
    ganzoo(f"{KEEPING} --keep-every 3 --out x")
    ganzoo(f"{KEEPING} --iterations 2 --out x --force")
    assert not Path("x/checkpoints").exists()
    ganzoo(f"{KEEPING} --iterations 2 --keep-every 2 --out x --force")
    Path("x/checkpoints/notes.txt").write_text("mine")
    ganzoo(f"{KEEPING} --iterations 2 --out x --force")
    assert [path.name for path in Path("x/checkpoints").iterdir()] == ["notes.txt"]
    Path("other/checkpoints").mkdir(parents=True)
    Path("other/checkpoints/iteration-000001.safetensors").write_text("mine")
    assert "is not a run folder, so its checkpoints is not replaced" in refused(f"{KEEPING} --out other --force")


def test_a_run_of_an_older_version_is_resumed(ganzoo: Text, runs: Path) -> None:
    shutil.copytree(runs / "simple", "x")
    record = json.loads(Path("x/run.json").read_text())
    del record["keep_every"]
    Path("x/run.json").write_text(json.dumps(record))
    ganzoo("train --resume x --iterations 7")


def test_zero_iterations_are_refused(refused: Text) -> None:
    assert "--keep-every" in refused(f"{KEEPING} --keep-every 0")
