"""A third party's plugin, really installed: a distribution of its own that knows ganzoo only by its public names."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ganzoo.registry import hookspecs
from tests.support import ROOT

SOURCE = ROOT / "tests" / "example-plugin"
SMALL = [
    "--iterations",
    "3",
    "--set",
    "batch_size=8",
    "--set",
    "generator.widths=16",
    "--set",
    "discriminator.widths=16",
]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the plugin in it, as pip installs it; nothing is downloaded."""
    copy, target = tmp_path_factory.mktemp("source") / "plugin", tmp_path_factory.mktemp("target")
    shutil.copytree(SOURCE, copy)  # setuptools leaves its droppings beside the source
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    call([*pip, "--no-deps", "--no-build-isolation", "--no-index", "--target", str(target), str(copy)], copy)
    return target


def call(command: list[str], folder: Path, **environment: str) -> str:
    result = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def ganzoo(installed: Path, folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-c", "from ganzoo.cli import main; main()", *arguments]
    return call(command, folder, PYTHONPATH=str(installed))


def test_it_is_listed_with_its_distribution(installed: Path, tmp_path: Path) -> None:
    gans = ganzoo(installed, tmp_path, "list").splitlines()
    assert [line for line in gans if line.startswith("  gan-qp ") and "Su, 2018" in line]
    plugins = ganzoo(installed, tmp_path, "list", "plugins").splitlines()
    (line,) = [line for line in plugins if line.startswith("  gan-qp ")]
    assert "ganzoo-example-plugin 0.1.0" in line
    assert line.endswith("loaded")


def test_its_settings_are_shown(installed: Path, tmp_path: Path) -> None:
    assert "trainer.discriminator_steps" in ganzoo(installed, tmp_path, "show", "gan-qp")


def test_it_is_trained_and_sampled(installed: Path, tmp_path: Path) -> None:
    ganzoo(installed, tmp_path, "train", "gan-qp", *SMALL, "--set", "discriminator_steps=2", "--out", "run")
    assert (tmp_path / "run" / "weights.safetensors").is_file()
    assert (tmp_path / "run" / "samples" / "iteration-000003.png").is_file()
    ganzoo(installed, tmp_path, "sample", "run", "-n", "4", "--out", "grid.png")
    assert (tmp_path / "grid.png").is_file()


def test_its_trainer_fits_other_gans(installed: Path, tmp_path: Path) -> None:
    printed = ganzoo(installed, tmp_path, "train", "wgan-gp", "--trainer", "quadratic", "--dry-run")
    assert "trainer.discriminator_steps" in printed


def test_it_keeps_the_contract(installed: Path, tmp_path: Path) -> None:
    assert ganzoo(installed, tmp_path, "check", "gan-qp").endswith("gan-qp: the contract holds\n")


# One example for each hook.


def test_every_hook_has_an_example() -> None:
    code = (SOURCE / "every_hook.py").read_text() + (SOURCE / "qp_gan.py").read_text()
    missing = [name for name in vars(hookspecs) if name.startswith("ganzoo_") and f"def {name}(" not in code]
    assert missing == []


def test_every_example_keeps_the_contract(installed: Path, tmp_path: Path) -> None:
    lines = ganzoo(installed, tmp_path, "check", "ganzoo-example-plugin").splitlines()
    heads = [line.removesuffix(":") for line in lines if not line.startswith("  ")]
    assert heads[:-1] == [
        "example-affine", "generator affine", "discriminator shallow", "optimizer momentum", "augmentation upside-down",
        "schedule two-steps", "dataset spiral", "logger csv", "metric moments",
        "gan-qp", "trainer quadratic",
        "command example-points",
    ]  # fmt: skip
    assert all(line.startswith("  ok  ") for line in lines if line.startswith("  "))
    assert lines[-1].endswith("example-points: the contract holds")


def test_its_logger_and_metric_are_used_in_a_training(installed: Path, tmp_path: Path) -> None:
    small = ["--iterations", "6", "--evaluate-every", "3", "--metric", "moments", "--log-to", "csv"]
    said = ganzoo(installed, tmp_path, "train", "example-affine", *small, "--out", "run")
    with (tmp_path / "run" / "example.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert [row[0] for row in rows if row[1] == "moments.mean"] == ["3", "6"]
    assert {"loss.generator", "loss.discriminator", "moments.deviation"} <= {row[1] for row in rows}
    assert "Best weights: run/best.safetensors (moments.mean " in said
    ganzoo(installed, tmp_path, "train", "--resume", "run", "--iterations", "9")
    with (tmp_path / "run" / "example.csv").open(newline="") as file:
        iterations = [int(row[0]) for row in csv.reader(file) if row[1] == "loss.generator"]
    assert iterations == sorted(set(iterations)), "one curve"
    assert iterations[-1] == 9


def test_its_metric_is_evaluated(installed: Path, tmp_path: Path) -> None:
    assert "  moments  How far the means" in ganzoo(installed, tmp_path, "list", "metrics")
    np.savez(tmp_path / "points.npz", images=np.ones((30, 2), np.float32))
    points = ["points.npz", "--data", "spiral", "--metric", "moments", "-o", "x.json"]
    shown = ganzoo(installed, tmp_path, "evaluate", *points)
    assert [line for line in shown.splitlines() if line.startswith(" moments.deviation ")]
    found = json.loads((tmp_path / "x.json").read_text())
    assert found["score"] == "moments.mean"
    assert found["references"]["real"]["moments.mean"] < found["metrics"]["moments.mean"]


def test_its_command_runs(installed: Path, tmp_path: Path) -> None:
    assert "example-points  from ganzoo-example-plugin 0.1.0" in ganzoo(installed, tmp_path, "--help")
    assert len(ganzoo(installed, tmp_path, "example-points", "-n", "4").splitlines()) == 4


def test_its_plugins_are_chosen_by_the_name_of_the_distribution(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANZOO_PLUGINS", "ganzoo-example-plugin,simple")
    assert [line.split()[0] for line in ganzoo(installed, tmp_path, "list").splitlines()] == [
        "example-affine", "gan-qp", "simple",
    ]  # fmt: skip
    monkeypatch.setenv("GANZOO_PLUGINS", "gan-qp")
    assert "example-points" not in ganzoo(installed, tmp_path, "--help")
