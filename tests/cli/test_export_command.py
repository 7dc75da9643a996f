from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from ganzoo.generators.onnx_reader import read
from ganzoo.util.optional import install_command
from tests.support import python

Text = Callable[[str], str]


@pytest.fixture(autouse=True)
def runs_here(runs: Path, empty_folder: Path) -> None:
    for run in runs.iterdir():
        (empty_folder / run.name).symlink_to(run)


def onnx_files() -> list[str]:
    return sorted(path.name for path in Path().iterdir() if path.is_file())


def test_a_run_is_exported_under_its_gans_name(ganzoo: Text) -> None:
    lines = ganzoo("export simple").splitlines()
    assert onnx_files() == ["simple.onnx"]
    assert re.fullmatch(r"simple \(simple/weights\.safetensors\) in simple\.onnx: 0\.\d+ MB, fp32", lines[0])
    assert re.fullmatch(
        r"onnxruntime \S+ \(CPUExecutionProvider\) compared with torch, 1,074 seeds, \d+\.\d s:", lines[1]
    )
    assert [line.split()[0] for line in lines[2:]] == ["batch", "1", "2", "7", "64", "1,000", "all", "PSNR"]
    assert lines[-2].endswith("tolerance 0.0001")
    assert read("simple.onnx")[1].gan == "simple"


def test_a_file_is_replaced_only_with_force(ganzoo: Text, refused: Text) -> None:
    path = Path("made.onnx")
    path.write_text("mine")
    complaint = refused("export simple -o made.onnx")
    assert complaint == "made.onnx exists; replace it with --force, or name another with --out"
    assert path.read_text() == "mine"
    ganzoo("export simple --out made.onnx --force")
    assert onnx_files() == ["made.onnx"]
    assert read(path)[1].precision == "fp32"


def test_precisions_and_stages(ganzoo: Text) -> None:
    assert "levels" in ganzoo("export simple -o bytes.onnx --uint8")
    assert "at least 50 dB" in ganzoo("export ring -o half.onnx --fp16")
    assert "at least 35 dB" in ganzoo("export cgan -o int8.onnx --int8")
    ganzoo("export child -o parent.onnx --stage parent")
    found = {name: read(name)[1] for name in onnx_files()}
    assert found["bytes.onnx"].output_dtype == "uint8"
    assert found["half.onnx"].precision == "fp16"
    assert found["int8.onnx"].precision == "int8"
    assert found["parent.onnx"].stage == "parent"


def test_a_file_is_verified(ganzoo: Text, refused: Text) -> None:
    ganzoo("export cgan -o made.onnx")
    before = Path("made.onnx").read_bytes()
    said = ganzoo("export cgan --verify-only made.onnx").splitlines()
    assert said[0] == "made.onnx gives the samples of cgan/weights.safetensors (fp32)"
    assert len(said) == 10
    said = ganzoo("export made.onnx --verify-only").splitlines()
    assert said[0] == "made.onnx keeps the contract; its samples are finite and in range"
    assert [line.split(maxsplit=1) for line in said[1:4]] == [
        ["gan", "cgan"],
        ["stage", "child"],
        ["precision", "fp32"],
    ]
    assert [line.split(maxsplit=1)[1] for line in said[-3:]] == [
        "z float32 (N, 8)",
        "labels int64 (N,)",
        "samples float32 (N, 1, 28, 28) in (-1.0, 1.0)",
    ]
    assert "is of another generator: its gan is 'cgan', not 'simple'" in refused(
        "export simple --verify-only made.onnx"
    )
    assert Path("made.onnx").read_bytes() == before
    assert onnx_files() == ["made.onnx"]


@pytest.mark.parametrize("name", ["onnx", "onnxscript", "onnxruntime"])
def test_a_missing_library_is_one_line(name: str) -> None:
    done = python(
        "import sys\n"
        "from ganzoo.cli import main\n"
        f"sys.modules[{name!r}] = None\n"
        "main(['export', 'simple'], prog_name='ganzoo')"
    )
    assert done.returncode == 2
    assert done.stderr == f"Error: this needs {name}, which is not installed; run: {install_command('train')}\n"


@pytest.mark.parametrize("content", [b"", b"no ONNX", bytes(1000)])
def test_hostile_files_are_one_line(refused: Text, content: bytes) -> None:
    Path("bad.onnx").write_bytes(content)
    assert refused("export bad.onnx --verify-only").startswith("bad.onnx ")
    assert refused("export simple --verify-only bad.onnx").startswith("bad.onnx ")
    assert onnx_files() == ["bad.onnx"]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("export simple -o y.onnx --verify-only x.onnx", "leave out the other options"),
        ("export simple -o made.png", "cannot write made.png; --out takes the name of a file that ends in .onnx"),
        ("export simple --verify-only", "--verify-only needs an ONNX file"),
        ("export simple --verify-only x.onnx --uint8", "leave out the other options"),
        ("export missing.onnx --verify-only", "there is no file missing.onnx"),
        ("export simple --verify-only missing.onnx", "there is no file missing.onnx"),
        ("export simpel", "did you mean 'simple'?"),
        ("export simple --stage parent", "simple has no parent"),
        ("export ring --uint8", "simple makes no images, so it cannot make bytes; leave out --uint8"),
        ("export simple -o missing/made.onnx", "cannot write missing/made.onnx"),
    ],
)
def test_a_wrong_command_is_one_line(refused: Text, line: str, complaint: str) -> None:
    assert complaint in refused(line)
    assert onnx_files() == []
