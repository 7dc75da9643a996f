"""Options of ``ganzoo train`` that are settings, and epochs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support import DENSE, TRAIN, differing, tensors_of
from tests.support.commands import invoke

Text = Callable[[str], str]
WIDTHS = " ".join(f"--set {key}=16" for key in DENSE)


def settings_of(folder: str) -> dict[str, Any]:
    settings = json.loads(Path(folder, "run.json").read_text())["settings"]
    assert isinstance(settings, dict)
    return settings


def test_options_are_recorded_as_settings(ganzoo: Text) -> None:
    ganzoo(f"train simple --steps 2 --batch-size 8 --lr 2e-3 --device cpu {WIDTHS} --name mine")
    found = settings_of("runs/mine")
    assert (found["loop.iterations"], found["loop.batch_size"], found["optimizer.lr"]) == (2, 8, 0.002)


def test_an_option_is_the_same_as_its_setting(ganzoo: Text) -> None:
    line = f"train simple --device cpu --precision fp32 {WIDTHS}"
    ganzoo(f"{line} --iterations 3 --batch-size 8 --lr 2e-3 -o a")
    ganzoo(f"{line} --set iterations=3 --set batch_size=8 --set optimizer.lr=0.002 -o b")
    assert differing(tensors_of(Path("a")), tensors_of(Path("b"))) == []


def test_a_dry_run_shows_them_and_the_folder(ganzoo: Text) -> None:
    said = ganzoo("train simple --iterations 7 --batch-size 32 --lr 2e-3 --dry-run")
    assert "in runs/simple-mnist-10k-seed0-iterations=7-batch_size=32-lr=0.002 (dry run):" in said
    rows = dict(line.split() for line in said.partition("\n\n")[0].splitlines()[1:])
    assert (rows["loop.iterations"], rows["loop.batch_size"], rows["optimizer.lr"]) == ("7", "32", "0.002")
    assert "in runs/mine (dry run):" in ganzoo("train simple --name mine --dry-run")


@pytest.mark.parametrize(
    ("line", "iterations", "batches"),
    [
        ("simple --epochs 3 --batch-size 100", 150, "2 batches of 100"),
        ("simple --epochs 1", 79, "2 batches of 64"),
        ("simple --epochs 0.5 --set discriminator_steps=3", 20, "4 batches of 64"),
        ("privileged-v1 --epochs 1 --batch-size 50", 200, "1 batch of 50"),
        ("skip-gan-tabular --epochs 2 --batch-size 100", 40, "2 batches of 100"),
        ("pacgan --epochs 1 --batch-size 100", 50, "2 batches of 100"),
    ],
)
def test_epochs_are_turned_into_iterations(ganzoo: Text, line: str, iterations: int, batches: str) -> None:
    first, _, *rows = ganzoo(f"train {line} --dry-run").splitlines()
    epochs = line.split("--epochs ")[1].split()[0]
    assert first.startswith(f"{epochs} epoch")
    assert first.endswith(f" samples), {batches} in each iteration: {iterations} iterations")
    assert f"  loop.iterations {iterations}" in [" ".join(row.split()) for row in rows] or any(
        row.split() == ["loop.iterations", str(iterations)] for row in rows
    )


def test_a_training_of_epochs_is_one_of_iterations(ganzoo: Text) -> None:
    line = f"train simple --device cpu --precision fp32 --seed 1 --batch-size 2500 {WIDTHS}"
    assert ganzoo(f"{line} --epochs 1 --name epochs").startswith("1 epoch of mnist-10k (10,000 samples), 2 batches")
    ganzoo(f"{line} --iterations 2 --name iterations")
    assert differing(tensors_of(Path("runs/epochs")), tensors_of(Path("runs/iterations"))) == []
    assert settings_of("runs/epochs") == settings_of("runs/iterations")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "--batch-size 32 --set batch_size=64",
            "--batch-size and --set batch_size are the same setting; leave one out",
        ),
        ("--batch-size 32 --set loop.batch_size=64", "--batch-size and --set loop.batch_size are the same setting"),
        ("--iterations 3 --epochs 2", "--iterations and --epochs are the same setting"),
        ("--steps 3 --set iterations=2", "--iterations and --set iterations are the same setting"),
        ("--epochs 3 --set iterations=2", "--epochs and --set iterations are the same setting"),
        ("--lr 1 --set lr=2", "--lr and --set lr are the same setting"),
        ("--lr 1 --set optimizer.lr=2", "--lr and --set optimizer.lr are the same setting"),
        ("--set lr=1 --set optimizer.lr=2", "--set lr and --set optimizer.lr are the same setting"),
        ("--set lr=1 --set lr=1", "--set lr and --set lr are the same setting"),
        ("--trainer wgan --set trainer=wgan-gp", "--trainer and --set trainer are the same setting"),
        ("--name a --out b", "--out and --name both name the run folder; leave one out"),
    ],
)
def test_a_setting_given_twice_is_refused(refused: Text, line: str, message: str) -> None:
    assert message in refused(f"train simple {line} --dry-run")


def test_settings_of_child_and_parent_are_not_the_same(ganzoo: Text) -> None:
    ganzoo("train privileged-v1 --lr 1 --set parent.lr=2 --set parent.optimizer.beta1=0 --dry-run")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--epochs 0", "--epochs 0 is out of range; it has to be above 0 and at most 1,000,000"),
        ("--epochs -1", "--epochs -1 is out of range"),
        ("--epochs nan", "--epochs nan is out of range"),
        ("--epochs inf", "--epochs inf is out of range"),
        ("--epochs 1e300", "--epochs 1e+300 is out of range"),
        ("--epochs two", "Invalid value for '--epochs'"),
        ("--batch-size 0", "batch_size=0 is out of range"),
        ("--batch-size 1.5", "Invalid value for '--batch-size'"),
        ("--lr fast", "Invalid value for '--lr'"),
        ("--lr nan", "lr=nan is not a number above 0 (optimizer.lr)"),
        ("--lr -1", "lr=-1.0 is out of range; it has to be above 0 (optimizer.lr)"),
        ("--name a/b", "--name takes the name of a folder in runs/, not 'a/b'; for a path use --out"),
        ("--name ..", "--name takes the name of a folder in runs/, not '..'"),
        ("--name ''", "--name takes the name of a folder in runs/, not ''"),
        ("--data nosuch --epochs 1", "no dataset named 'nosuch'"),
    ],
)
def test_a_wrong_value_is_one_line(refused: Text, line: str, message: str) -> None:
    assert message in refused(f"train simple {line}")
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    "option", ["--epochs 3", "--batch-size 3", "--lr 3", "--name x", "-o x", "--dry-run", "--force", "--image-size 8"]
)
def test_resume_takes_only_what_may_change(refused: Text, option: str) -> None:
    flag = {"-o": "--out"}.get(option.split()[0], option.split()[0])
    assert refused(f"train --resume x {option}") == (
        f"{flag} cannot change a run; --resume takes only --iterations, --data, --data-dir and --stop-on-collapse"
    )


def test_a_path_is_a_folder_of_images(caplog: pytest.LogCaptureFixture) -> None:
    import numpy as np

    from ganzoo.generators.images import write_png

    Path("cats").mkdir()
    for number in range(12):
        write_png(f"cats/{number}.png", np.full((8, 8, 3), number, np.uint8))
    result = invoke(f"train simple {TRAIN} --data ./cats --image-size 8 --dry-run")
    assert result.exit_code == 0
    assert result.stdout.startswith("simple on folder:./cats, seed 1, in runs/simple-folder_._cats-8px-seed1-")
    assert [record.getMessage() for record in caplog.records] == ["data set ./cats is read as folder:./cats"]
