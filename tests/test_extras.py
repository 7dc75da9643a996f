"""Each extra, installed from the wheel into an environment of its own. Slow: ``pytest -m slow tests/test_extras.py``"""

from __future__ import annotations

import os
import tomllib
import venv
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.test_packaging import built, call, wheel

__all__ = ["built", "wheel"]  # fixtures

EXTRAS: dict[str, tuple[str, str]] = {
    "": ("click numpy pluggy", "list"),
    "sample": ("onnxruntime PIL safetensors", "sample cgan --label 7 -n 4 --out x.png"),
    "gpu": ("onnxruntime PIL safetensors", "sample cgan --label 7 -n 4 --out x.png"),
    "train": ("torch torchvision onnx onnxruntime rich sklearn", "train simple --iterations 3 --out run"),
    "eval": ("torch_fidelity torch", "evaluate stylegan2 -n 100"),
    "hub": ("huggingface_hub", "push --help"),
    "lab": ("matplotlib scipy torch", "stability --help"),
    "notebook": ("ipywidgets", "list"),
    "serve": ("starlette uvicorn PIL", "serve --help"),
    "tensorboard": ("tensorboard", "list loggers"),
    "tiff": ("tifffile", "list datasets"),
    "docs": ("sphinx myst_parser furo torch", "list"),
    "dev": ("pytest mypy ruff build twine torch", "list"),
}
"""Modules that an extra brings, and a command of ganzoo that works with it."""


def test_all_extras_are_listed() -> None:
    about = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert set(EXTRAS) == {"", *about["project"]["optional-dependencies"]}


@pytest.mark.slow
@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_brings_what_it_is_for(extra: str, wheel: Path, tmp_path: Path) -> None:
    modules, command = EXTRAS[extra]
    venv.create(tmp_path / "env", with_pip=True)
    scripts = tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin")
    requirement = f"ganzoo-kit{f'[{extra}]' if extra else ''} @ {wheel.as_uri()}"
    for command_line in (
        (scripts / "python", "-m", "pip", "install", "--quiet", "--no-cache-dir", requirement),
        (scripts / "python", "-c", f"import ganzoo, {', '.join(modules.split())}"),
        (scripts / "ganzoo", *command.split()),
    ):
        done = call(*command_line, cwd=tmp_path)
        assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
