"""A third party's plugin, really installed: a distribution of its own that knows ganzoo only by its public names."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

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
