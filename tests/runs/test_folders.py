from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from ganzoo.records.options import Options
from ganzoo.records.run_folder import RunFolder
from ganzoo.runs.folders import folder_name, left_by, require_free
from ganzoo.util.errors import GanzooError
from tests.support.run_folders import RECORD, write_run


def test_a_folder_is_named_by_its_options() -> None:
    options = Options(data="folder:../cats & dogs", image_size=64, seed=3)
    name = folder_name("dcgan", options, {"loop.batch_size": 32, "generator.widths": (1, 2)})
    assert name == "dcgan-folder_.._cats_dogs-64px-seed3-batch_size=32-generator.widths=1,2"


def test_what_a_run_begins_with_is_part_of_the_name() -> None:
    options = Options(data="ring8", init="runs/dogs", freeze=("discriminator.0-3", "generator.0"))
    name = folder_name("dcgan", options, {"loop.batch_size": 32})
    assert name == "dcgan-ring8-seed0-batch_size=32-init=runs_dogs-freeze=discriminator.0-3,generator.0"


@pytest.mark.parametrize("data", ["folder:" + "图片" * 150, "folder:" + "é" * 240, "folder:" + "a/" * 300, "mnist"])
@pytest.mark.parametrize("overrides", [{"loop.batch_size": 32}, {"loop.batch_size": 32, "x": "y" * 500}])
def test_a_long_name_keeps_seed_and_settings(tmp_path: Path, data: str, overrides: dict[str, Any]) -> None:
    names = [folder_name("dcgan", Options(data=data, image_size=64, seed=seed), overrides) for seed in (3, 4)]
    for name, seed in zip(names, (3, 4), strict=True):
        assert len(name.encode()) <= 255
        assert name.startswith("dcgan-")
        assert f"-64px-seed{seed}-batch_size=32" in name
        (tmp_path / name).mkdir()
    assert folder_name("dcgan", Options(data=data + "2", image_size=64, seed=3), overrides) not in names


def test_a_name_of_255_bytes_is_not_cut() -> None:
    name = folder_name("dcgan", Options(data="x" * 243), {})
    assert name == f"dcgan-{'x' * 243}-seed0"
    assert len(folder_name("dcgan", Options(data="x" * 244), {})) == 255


def test_only_an_empty_folder_or_an_old_run_may_be_used(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        require_free(RunFolder(path), replace=False)
    run = RunFolder(write_run(tmp_path / "run"))
    with pytest.raises(GanzooError, match=r"run exists; replace it with --force, or name another with --out"):
        require_free(run, replace=False)
    run.checkpoint.touch()
    with pytest.raises(GanzooError, match=r"run exists; resume it with: ganzoo train --resume .*/run, or replace it"):
        require_free(run, replace=False)
    require_free(run, replace=True)


@pytest.mark.parametrize("name", ["weights.safetensors", "report.html", "checkpoints"])
def test_files_that_are_not_of_a_run_are_never_replaced(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(GanzooError, match=f"is not a run folder, so its {name} is not replaced"):
        require_free(RunFolder(tmp_path), replace=True)


def test_what_an_earlier_start_has_left(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    command = str(RECORD["command"])
    assert left_by(command, run) == "nothing"
    write_run(run.path)
    assert left_by(command, run) == "record"
    shutil.copy(run.weights, run.checkpoint)
    run.report.touch()
    assert left_by(command, run) == "finished run"
    assert left_by(f"{command} --seed 2", run) == "nothing"


@pytest.mark.parametrize("wrong", ["report", "iterations"])
def test_a_run_without_its_report_or_last_checkpoint_is_not_finished(tmp_path: Path, wrong: str) -> None:
    record: dict[str, Any] = {"settings": {"loop.iterations": 50}} if wrong == "iterations" else {}
    run = RunFolder(write_run(tmp_path / "run", record=record))
    shutil.copy(run.weights, run.checkpoint)
    run.report.touch()
    if wrong == "report":
        os.utime(run.report, (0, 0))
    assert left_by(json.loads(run.record_file.read_text())["command"], run) == "checkpoint"
