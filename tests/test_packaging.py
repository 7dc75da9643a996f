"""What is built for a package index: complete, small, and enough to sample a generator."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.support import ROOT

MOST = 12_000_000  # bytes of a wheel
FOLDERS = ("docs", "ganzoo", "plugins", "tests", "weights", ".ci")
CACHES = shutil.ignore_patterns("__pycache__", ".*_cache", "*.egg-info")


def call(*command: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | environment
    return subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True, timeout=600, check=False)


def top_files() -> list[Path]:
    return [path for path in ROOT.iterdir() if path.is_file() and not path.name.startswith(".coverage")]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source distribution, and the wheel that is made of it."""
    source, folder = tmp_path_factory.mktemp("source") / "ganzoo", tmp_path_factory.mktemp("dist")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, source / name, ignore=CACHES)
    for path in top_files():
        shutil.copy(path, source)
    done = call(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ".", cwd=source)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (path,) = built.glob("*.whl")
    return path


def test_the_wheel_has_a_handful_of_generators_and_is_small(wheel: Path) -> None:
    assert wheel.stat().st_size < MOST
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
    trained = {
        name.partition("/")[2] for name in names if name.endswith((".onnx", ".safetensors")) and "weights/" in name
    }
    shipped = ("cgan", "dcgan", "skip-gan-tabular", "stylegan2")
    assert trained == {f"{name}.{kind}" for name in shipped for kind in ("onnx", "safetensors")}
    for folder, package in (("ganzoo", "ganzoo"), ("plugins", "ganzoo_plugins")):
        ours = {path.relative_to(ROOT / folder).as_posix() for path in (ROOT / folder).rglob("*") if path.is_file()}
        listed = {f"{package}/{name}" for name in ours if "__pycache__" not in name}
        assert listed <= names, "a package or its data are not named in pyproject.toml"


def test_the_source_distribution_is_complete(built: Path) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as file:
        names = {name.partition("/")[2] for name in file.getnames()}
    ours = {*top_files(), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file())}
    listed = {path.relative_to(ROOT).as_posix() for path in ours if "__pycache__" not in path.parts}
    assert {name for name in listed if ".egg-info" not in name and "_cache/" not in name} <= names


def test_both_are_as_an_index_wants_them(built: Path, wheel: Path) -> None:
    done = call(sys.executable, "-m", "twine", "check", "--strict", *built.iterdir(), cwd=ROOT, NO_COLOR="1")
    assert (done.returncode, done.stdout.count("PASSED")) == (0, 2), done.stdout + done.stderr
    done = call(sys.executable, "-m", "check_wheel_contents", wheel, cwd=ROOT)
    assert done.returncode == 0, done.stdout


def test_the_wheel_samples_and_gets_what_it_lacks(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        file.extractall(tmp_path / "installed")
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from ganzoo.cli import main; main()"

    def ganzoo(*arguments: str | Path) -> tuple[int, str]:
        command = [sys.executable, "-P", "-c", code, tmp_path / "installed", *arguments]
        done = call(*command, cwd=tmp_path, GANZOO_DATA_DIR=str(tmp_path / "data"))
        return done.returncode, done.stdout + done.stderr

    status, said = ganzoo("sample", "cgan", "--label", "7", "-n", "4", "--out", "sevens.png")
    assert (status, said.startswith("4 samples of cgan, class 7")) == (0, True), said
    assert str(tmp_path / "installed") in said
    status, said = ganzoo("sample", "wgan", "-n", "4", "--out", "x.png")
    command = "ganzoo weights --get wgan --from FOLDER|URL|hf:user/name"
    assert (status, said) == (2, f"Error: the weights of wgan are not in this installation; get them: {command}\n")
    status, said = ganzoo("weights")
    assert f"{len(said.splitlines()) - 6} of {len(said.splitlines()) - 2} are not here" in said
    status, said = ganzoo("weights", "--get", "wgan", "--from", ROOT / "weights")
    assert (status, said) == (0, f"1/1 wgan: 1.2 MB in {tmp_path / 'data' / 'weights'}\n")
    status, said = ganzoo("sample", "wgan", "-n", "4", "--out", "x.png")
    assert (status, str(tmp_path / "data" / "weights" / "wgan.onnx") in said) == (0, True), said
    status, said = ganzoo("weights", "--verify")
    assert said.startswith("10 files have the recorded SHA-256; ")
