"""``ganzoo new-plugin``: what it writes can be installed, keeps the contract, and replaces nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from ganzoo.registry.installed import OURS

Text = Callable[[str], str]
FILES = [
    ".github/workflows/test.yml", ".gitignore", "README.md", "ganzoo_my_gan.py", "pyproject.toml",
    "tests/test_ganzoo_my_gan.py",
]  # fmt: skip


def written(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def call(command: list[str], folder: Path, **environment: str) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_new_plugin_is_installed_and_passes_its_own_tests(ganzoo: Text, tmp_path: Path) -> None:
    said = ganzoo("new-plugin my-gan").splitlines()
    assert said[0] == (
        "Wrote ganzoo-my-gan: pyproject.toml, ganzoo_my_gan.py, tests/test_ganzoo_my_gan.py, README.md, "
        ".github/workflows/test.yml, .gitignore."
    )
    assert said[1:5] == ["Next:", "  cd ganzoo-my-gan", "  pip install -e '.[test]'", "  pytest"]
    source, target = tmp_path / "ganzoo-my-gan", tmp_path / "installed"
    assert written(source) == FILES
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-index"]
    call([*pip, "--no-build-isolation", "--target", str(target), str(source)], tmp_path)
    passed = call([sys.executable, "-m", "pytest", "-q", "-p", "no:randomly"], source, PYTHONPATH=str(target))
    assert "1 passed" in passed
    listed = call([sys.executable, "-m", "ganzoo", "list", "plugins"], tmp_path, PYTHONPATH=str(target))
    (line,) = [line for line in listed.splitlines() if line.startswith("  my-gan ")]
    assert line.split() == ["my-gan", "ganzoo-my-gan", "0.1.0", "ganzoo_my_gan", "loaded"]


def test_its_metadata_are_those_of_its_name(ganzoo: Text) -> None:
    ganzoo("new-plugin 3d-gan --out some/where")
    about = tomllib.loads(Path("some/where/pyproject.toml").read_text())
    assert about["project"]["name"] == "ganzoo-3d-gan"
    assert about["project"]["entry-points"]["ganzoo"] == {"3d-gan": "ganzoo_3d_gan"}
    assert about["tool"]["setuptools"]["py-modules"] == ["ganzoo_3d_gan"]
    assert about["project"]["dependencies"][0].startswith(f"{OURS}>=")
    for path in Path("some/where").rglob("*"):
        assert not path.is_file() or "$" not in path.read_text(), path


def test_nothing_is_replaced(ganzoo: Text, refused: Text) -> None:
    Path("mine").mkdir()
    Path("mine/README.md").write_text("my own")
    assert refused("new-plugin my-gan --out mine") == (
        "mine/README.md exists, and is not replaced; name another folder with --out"
    )
    assert written(Path("mine")) == ["README.md"]
    assert Path("mine/README.md").read_text() == "my own"
    Path("mine/README.md").rename("mine/NOTES.md")
    ganzoo("new-plugin my-gan --out mine")
    assert Path("mine/NOTES.md").read_text() == "my own"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dcgan", "a GAN is named 'dcgan', of plugin 'dcgan' of ganzoo-kit"),
        ("datasets", "a plugin is named 'datasets' (ganzoo list plugins)"),
        ("plugins", "the module ganzoo_plugins is installed"),
        ("kit", "the distribution ganzoo-kit is installed"),
        ("a/b", "'a/b' is not a name of letters, digits and hyphens, of at most 50, such as my-gan"),
        ("''", "'' is not a name"),
        ("é", "'é' is not a name"),
        ("../x", "'../x' is not a name"),
        ("-- -", "'-' is not a name"),
        ("x" * 51, "is not a name"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused(name: str, message: str, refused: Text) -> None:
    assert message in refused(f"new-plugin {name}")
    assert not list(Path().iterdir())


def test_names_of_trained_weights_are_in_use(refused: Text, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # the weights that come with ganzoo are there
    assert "trained weights are named 'cgan-fashion-mnist' (ganzoo weights)" in refused("new-plugin cgan-fashion-mnist")
