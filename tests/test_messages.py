"""Whatever a name, a path or a library's message holds, the user gets one line of bounded length."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from ganzoo.cli import Failure, LogFormatter, format_warning, main
from ganzoo.generators import pretrained
from ganzoo.generators.metadata import shown
from ganzoo.util.errors import GanzooError, first_line, printable
from ganzoo.util.files import expand_user, require_file, write_text
from ganzoo.util.optional import install_command

HOSTILE = [
    "a\nb",
    "\x1b[31mred\x1b[0m",
    "\r\x00\x07",
    "\u202etxt.exe",
    "\udcff",
    "\u2028",
    "x" * 150_000,
    "\x00" * 150_000,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_become_one_line(text: str) -> None:
    record = logging.LogRecord("ganzoo", logging.WARNING, "", 0, "%s: %s", ("path", text), None)
    for line in (
        printable(text), Failure(text).format_message(), first_line(ValueError(text)), shown(text), shown([text]),
        format_warning(UserWarning(text)).removesuffix("\n"), LogFormatter().format(record),
    ):  # fmt: skip
        assert line.isprintable()
        assert len(line) <= 1010
        line.encode()


def test_what_cannot_be_shown_is_named() -> None:
    nested: list[object] = []
    for _ in range(100_000):
        nested = [nested]
    assert shown(nested) == "a list that is too large to show"
    assert shown(10**5000) == "a int that is too large to show"


def test_warnings_and_logs_of_a_command_are_single_lines() -> None:
    code = (
        "import warnings, logging\nfrom ganzoo.cli import main\nfrom ganzoo.generators import pretrained\n"
        "from ganzoo.util.errors import GanzooError\n"
        "def noisy():\n    warnings.warn('first\\nsecond\\x1b')\n"
        "    logging.getLogger('ganzoo').warning('third\\nfourth')\n"
        "    raise GanzooError('fifth\\nsixth')\npretrained.index = noisy\nmain(['weights'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        r"Warning: first\nsecond\x1b", r"third\nfourth", r"Error: fifth\nsixth",
    ]  # fmt: skip


@pytest.mark.parametrize("path", ["~nobody-of-this-name/x", "~nobody-of-this-name\n/x"])
def test_home_folders_that_do_not_exist(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GanzooError, match="there is no home folder for ~nobody"):
        expand_user(path)
    for arguments in (
        ["train", "simple", "--data", f"folder:{path}"],
        ["train", "simple", "--data", "mnist", "--data-dir", path],
        ["train", "simple", "--data", "cifar10", "--data-dir", path],
        ["evaluate", "dcgan", "--data", f"folder:{path}"],
    ):
        done = CliRunner().invoke(main, arguments)
        assert done.exit_code == 2, (arguments, done.output, done.exception)
        assert len(done.stderr.strip().splitlines()) == 1


def test_no_home_folder_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Path, "expanduser", no_home)
    done = CliRunner().invoke(main, ["train", "simple", "--data", "mnist"])
    assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1)
    assert "there is no home folder" in done.stderr


def test_paths_that_are_no_text(tmp_path: Path) -> None:
    """The file is written, and the message about it too."""
    target = os.fsencode(tmp_path) + b"/\xff\xfe"
    command = [sys.executable, "-m", "ganzoo", "sample", "dcgan", "-n", "2", "-o", target]
    environment = {**os.environ, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "utf-8:strict"}
    done = subprocess.run(command, capture_output=True, timeout=60, check=False, env=environment)
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"\udcff\udcfe" in done.stdout
    assert len(list(Path(os.fsdecode(target)).iterdir())) == 2
    again = subprocess.run(command, capture_output=True, timeout=60, check=False, env=environment)
    assert again.returncode == 2
    assert rb"\udcff\udcfe exists" in again.stderr
    write_text(tmp_path / "page.md", "\udcff")
    assert (tmp_path / "page.md").read_text() == r"\udcff"


def test_files_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry, real = pretrained.index()["dcgan"], Path.open
    for kind in ("safetensors", "onnx"):
        path = tmp_path / f"x.{kind}"
        shutil.copy(entry.path(kind), path)

        def refuse(self: Path, *arguments: object, **options: object) -> object:
            if self.name.startswith("x."):
                raise PermissionError(13, "Permission denied", str(self))
            return real(self, *arguments, **options)  # type: ignore[call-overload]

        with monkeypatch.context() as patch:
            patch.setattr(Path, "open", refuse)
            for command in ("show", "sample", "evaluate"):
                done = CliRunner().invoke(main, [command, str(path)])
                assert done.exit_code == 2
                assert (
                    done.stderr == f"Error: cannot read {path}: Permission denied; check the permissions of the file\n"
                )
    with pytest.raises(GanzooError, match="there is no file"):
        require_file(tmp_path)


@pytest.mark.parametrize(
    ("installed", "extra", "command"),
    [
        ({"onnxruntime"}, "train", "pip uninstall --yes onnxruntime; pip install 'ganzoo-kit[train]'"),
        ({"onnxruntime"}, "eval", "pip uninstall --yes onnxruntime; pip install 'ganzoo-kit[eval]'"),
        ({"onnxruntime"}, "sample", "pip install 'ganzoo-kit[sample]'"),
        ({"onnxruntime-gpu"}, "train", "pip install 'ganzoo-kit[train]'"),
        ({"onnxruntime-gpu"}, "sample", "pip install 'ganzoo-kit[gpu]'"),
        (set(), "sample", "pip install 'ganzoo-kit[sample]'"),
        (set(), "train", "pip install 'ganzoo-kit[train]'"),
        ({"onnxruntime"}, "tiff", "pip install 'ganzoo-kit[tiff]'"),
    ],
)
def test_no_command_installs_both_onnxruntimes(
    installed: set[str], extra: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganzoo.util.optional.is_installed", installed.__contains__)
    assert install_command(extra) == command


@pytest.mark.parametrize("name", ["fakes_v1.5", "images/", "run.2026-01-01", "x"])
def test_a_folder_may_have_a_dot_in_its_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["sample", "dcgan", "-n", "2", "-o", name])
    assert done.exit_code == 0, done.output
    assert len(list(Path(name).glob("seed-*.png"))) == 2


def test_other_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["sample", "dcgan", "-o", "x.jpg"])
    assert done.exit_code == 2
    assert done.stderr == "Error: cannot write '.jpg' files; --out takes x.png, x.npz or a folder, such as x.jpg/\n"
    (tmp_path / "x.jpg").mkdir()
    assert CliRunner().invoke(main, ["sample", "dcgan", "-n", "1", "-o", "x.jpg"]).exit_code == 0


def test_errors_of_any_kind_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    class OddError(Exception):
        """What a library may raise."""

    def fail() -> None:
        raise OddError("first\nsecond\x1b")

    monkeypatch.setattr(pretrained, "index", fail)
    done = CliRunner().invoke(main, ["weights"])
    assert done.exit_code == 2
    assert done.stderr == (
        "Error: OddError: first; this is a fault of ganzoo or of a plugin (GANZOO_DEBUG=1 shows where)\n"
    )
    monkeypatch.setenv("GANZOO_DEBUG", "1")
    assert isinstance(CliRunner().invoke(main, ["weights"]).exception, OddError)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is full")
@pytest.mark.parametrize("arguments", ["--help", "list", "weights"])
def test_output_that_cannot_be_written(arguments: str) -> None:
    """A closed output drops what is written; a full disk is one line."""
    for redirected, code in ((">&-", 0), (">/dev/full", 2)):
        command = f"{sys.executable} -m ganzoo {arguments} {redirected}"
        done = subprocess.run(command, shell=True, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
        assert done.returncode == code, done.stderr
        assert done.stderr == ("" if code == 0 else "Error: No space left on device\n")
