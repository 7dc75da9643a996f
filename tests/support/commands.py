from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ganzoo.cli import main
from tests.support import TRAIN, TRAIN_CHILD

Command = Callable[..., Result]


def invoke(line: str) -> Result:
    """Run a command line. Exceptions that a command does not handle are raised here too."""
    result = CliRunner().invoke(main, shlex.split(line), prog_name="ganzoo")
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder of a command, without the weights that come with ganzoo, so that a name means a run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ganzoo.generators.pretrained.index", dict)
    monkeypatch.delenv("GANZOO_DATA_DIR", raising=False)
    return tmp_path


@pytest.fixture
def ganzoo() -> Callable[[str], str]:
    """Run a command that succeeds, and return what it prints."""

    def succeed(line: str) -> str:
        result = invoke(line)
        assert (result.exit_code, result.stderr) == (0, "")
        return result.stdout

    return succeed


@pytest.fixture
def stopped() -> Callable[[str], str]:
    """Run a command that the user stops, and return what it prints."""

    def stop(line: str) -> str:
        result = invoke(line)
        assert (result.exit_code, result.stderr) == (130, "")
        return result.stdout

    return stop


@pytest.fixture
def refused() -> Callable[[str], str]:
    """Run a command that fails with one line and exit code 2, and return the line."""

    def refuse(line: str) -> str:
        result = invoke(line)
        assert result.exit_code == 2
        assert result.stderr.startswith("Error: ")
        assert result.stderr.count("\n") == 1
        return result.stderr.removeprefix("Error: ").rstrip("\n")

    return refuse


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Finished runs: ``simple``, ``cgan``, a ``child`` with its parent, and ``ring``, vectors with kept checkpoints."""
    root = tmp_path_factory.mktemp("runs")
    parent = " ".join(f"--set parent.{part}.widths=16" for part in ("generator", "discriminator"))
    for name, line in {
        "simple": f"simple {TRAIN}",
        "cgan": f"cgan {TRAIN}",
        "child": f"privileged-v1-ann {TRAIN_CHILD} {parent} --set parent.iterations=2 --set parent.latent_dim=8",
        "ring": f"simple {TRAIN} --data ring8 --keep-every 2",
    }.items():
        assert invoke(f"train {line} --out {root / name}").exit_code == 0
    return root
