"""The example for Node, compared with onnxruntime in Python."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import ganzoo
from ganzoo.cli import main
from tests.support import ROOT
from tests.support.onnx_files import saved, tiny

EXAMPLE = ROOT / "docs" / "examples" / "node"
NODE = shutil.which("node")
Run = Callable[..., Path]


def modules() -> Path:
    """The node_modules that hold onnxruntime-node, if there are any."""
    folder = Path(os.environ.get("GANZOO_ORT_NODE", "node_modules")).resolve()
    if NODE is None or not (folder / "onnxruntime-node").is_dir():
        pytest.skip("no node, or no onnxruntime-node: set GANZOO_ORT_NODE to the node_modules that holds it")
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Copy the example, make the parts of a generator, and run the program."""
    folder = tmp_path / "node"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("node_modules", "model"))
    (folder / "node_modules").symlink_to(modules())

    def program(model: Path, *words: str) -> Path:
        done = CliRunner().invoke(main, ["demo", str(model), "-o", str(folder / "model"), "--force"])
        assert done.exit_code == 0, done.output
        command = [str(NODE), "sample.js", *words]
        ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
        assert ran.returncode == 0, ran.stderr
        return folder

    return program


@pytest.mark.parametrize("label", [None, 2])
@pytest.mark.parametrize("uint8", [False, True])
def test_the_same_samples_as_in_python(run: Run, tmp_path: Path, uint8: bool, label: int | None) -> None:
    """In several batches, whose size is not a multiple of the number of classes."""
    model = saved(tiny(uint8=uint8, num_classes=3), tmp_path / "tiny.onnx")
    seeds = [*range(150), 2**63 - 1]
    options = [] if label is None else ["--label", str(label)]
    folder = run(model, "--seeds", f"0-149,{2**63 - 1}", *options, "--out", "x.json")
    output = json.loads((folder / "x.json").read_text())
    assert output["seeds"] == [str(seed) for seed in seeds]
    expected = ganzoo.Sampler(model, threads=1).sample(seeds, labels=label)
    assert np.abs(np.array(output["data"]).reshape(output["dims"]) - expected).max() <= (1 if uint8 else 1e-5)


def test_a_grid(run: Run, tmp_path: Path) -> None:
    model = saved(tiny(shape=[3, 4, 6]), tmp_path / "tiny.onnx")
    folder = run(model, "--seeds", "0-6", "--out", "grid.png")
    picture = np.array(Image.open(folder / "grid.png"))
    assert picture.shape == (3 * 4, 3 * 6, 4)
    sampler = ganzoo.Sampler(model, threads=1)
    expected = sampler.images(sampler.sample(range(7)))
    assert np.abs(picture[4:8, 6:12, :3].astype(int) - expected[4]).max() <= 1
    assert picture[8:, 6:].max() == 0


def test_conditions(run: Run, tmp_path: Path) -> None:
    model = saved(tiny(shape=[2], range=None, condition_dim=3), tmp_path / "tiny.onnx")
    folder = run(model, "--seeds", "0-3", "--conditions", "0.1,0.2,-0.3", "--out", "x.json")
    output = json.loads((folder / "x.json").read_text())
    conditions = np.tile(np.float32([0.1, 0.2, -0.3]), (4, 1))
    expected = ganzoo.Sampler(model, threads=1).sample(range(4), conditions=conditions)
    np.testing.assert_allclose(np.array(output["data"]).reshape(4, 2), expected, atol=1e-5)


def test_the_snippet_of_the_page_runs_in_a_fresh_project(tmp_path: Path) -> None:
    """In a folder without a package.json, and with one that is of the older kind of module."""
    page = (ROOT / "docs" / "embedding.md").read_text()
    snippet = re.findall(r"```js\n(.*?)```", page, re.S)[0]
    (tmp_path / "node_modules").symlink_to(modules())
    made = CliRunner().invoke(main, ["demo", "cgan", "-o", str(tmp_path / "model")])
    assert made.exit_code == 0, made.output
    (tmp_path / "app.mjs").write_text(snippet + "console.log(samples.dims.join(), width, height, rgba.length);\n")
    for package in (None, '{"type": "commonjs"}'):
        if package:
            (tmp_path / "package.json").write_text(package)
        ran = subprocess.run([str(NODE), "app.mjs"], cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert (ran.returncode, ran.stdout) == (0, "3,1,28,28 28 28 3136\n"), ran.stderr
