"""The example in plain Python makes the images of ganzoo."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganzoo.generators.onnx_session import Sampler
from tests.support import ROOT
from tests.support.onnx_files import saved, tiny

EXAMPLE = ROOT / "docs" / "examples" / "python"

SEEDS = [0, 7, 2**40 + 7, 2**63 - 1]


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.syspath_prepend(EXAMPLE)
    import sample_onnx

    return sample_onnx


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_classes": 3},
        {"uint8": True, "shape": [3, 4, 6]},
        {"range": [0.0, 1.0], "distribution": "uniform"},
        {"distribution": "sphere"},
    ],
)
def test_the_images_are_those_of_the_sampler(example: object, tmp_path: Path, options: dict[str, object]) -> None:
    path = saved(tiny(**options), tmp_path / "x.onnx")
    sampler = Sampler(path)
    samples, metadata = example.sample(str(path), SEEDS)
    assert np.array_equal(samples, sampler.sample(SEEDS))
    assert np.array_equal(example.images(samples, metadata), sampler.images(samples))
    if metadata["num_classes"]:
        assert np.array_equal(example.sample(str(path), SEEDS, [2] * 4)[0], sampler.sample(SEEDS, labels=2))


@pytest.mark.parametrize(("channels", "name"), [(1, "row.pgm"), (3, "row.ppm")])
def test_it_writes_a_row_of_images_without_ganzoo(tmp_path: Path, channels: int, name: str) -> None:
    path = saved(tiny(shape=[channels, 4, 6]), tmp_path / "x.onnx")
    code = "import runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__'); print('ganzoo' in sys.modules)"
    command = [
        sys.executable,
        "-c",
        code.replace("sys.argv[1]", repr(str(EXAMPLE / "sample_onnx.py"))),
        "x.onnx",
        "3",
        "5",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
    sampler = Sampler(path)
    row = np.concatenate(sampler.images(sampler.sample([3, 5])), axis=1)
    assert np.array_equal(np.asarray(Image.open(tmp_path / name)).reshape(row.shape), row)
