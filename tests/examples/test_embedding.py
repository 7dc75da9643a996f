"""What docs/embedding.md shows is run."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import ganzoo
from ganzoo.cli import main
from ganzoo.generators.latents import latents
from tests.examples.test_node import NODE, modules
from tests.pages.demo.translators import as_given, exported, picture
from tests.support import ROOT
from tests.support.onnx_files import saved, tiny

PAGE = (ROOT / "docs" / "embedding.md").read_text()
SHAPE = [1, 28, 28]


def blocks(language: str) -> list[str]:
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```$", PAGE)


def test_the_latents_of_the_table() -> None:
    rows = re.findall(r"(?m)^\| (normal|uniform|sphere) \| (\d+) \| ([-\d., ]+) \|$", PAGE)
    assert len(rows) == 7
    for distribution, seed, values in rows:
        expected = [float(value) for value in values.split(",")]
        np.testing.assert_allclose(latents([int(seed)], 4, distribution)[0], expected, rtol=2e-7)


def test_the_python_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(tiny(shape=SHAPE, num_classes=10), tmp_path / "cgan.onnx")
    monkeypatch.chdir(tmp_path)
    scope: dict[str, np.ndarray] = {}
    (code,) = blocks("py")
    exec(code, scope)
    assert (scope["sevens"].shape, scope["sevens"].dtype) == ((3, *SHAPE), np.float32)
    assert (scope["pictures"].shape, scope["pictures"].dtype) == ((3, 28, 28, 1), np.uint8)
    count, *shape = scope["batch"].shape
    assert 0 < count <= 256
    assert shape == [*SHAPE]


def test_the_javascript_code(tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(modules())
    model = saved(tiny(shape=SHAPE, num_classes=10), tmp_path / "cgan.onnx")
    assert CliRunner().invoke(main, ["demo", str(model), "-o", str(tmp_path / "model")]).exit_code == 0
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "app.js").write_text(
        blocks("js")[0] + "console.log(String(samples.dims), width, height, rgba.length);\n"
    )
    done = subprocess.run([str(NODE), "app.js"], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "3,1,28,28 28 28 3136\n"


def test_the_javascript_code_of_images(tmp_path: Path) -> None:
    """With a canvas of its own, since Node has none."""
    (tmp_path / "node_modules").symlink_to(modules())
    model = exported("outlines", tmp_path)
    assert CliRunner().invoke(main, ["demo", str(model), "-o", str(tmp_path / "model")]).exit_code == 0
    image, sampler = picture(16, 16), ganzoo.Sampler(model, threads=1)
    canvas = f"""
      globalThis.ImageData = class {{
        constructor(data, width, height) {{ Object.assign(this, {{ data, width, height }}); }}
      }};
      const shown = new ImageData(Uint8ClampedArray.from({np.asarray(image).ravel().tolist()}), 16, 16);
      const canvas = {{ width: 16, height: 16, getContext: () => ({{
        getImageData: () => shown,
        putImageData: (data) => console.log(JSON.stringify([data.width, data.height, Array.from(data.data)])),
      }}) }};
    """
    start, *rest = blocks("js")
    start = start.partition("const samples")[0]
    code = [start, canvas, *rest, "console.log(JSON.stringify([dims, Array.from(data)]));"]
    (tmp_path / "app.mjs").write_text("".join(code))
    done = subprocess.run([str(NODE), "app.mjs"], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    (width, height, rgba), (dims, data) = map(json.loads, done.stdout.splitlines())
    given = as_given(image, 1)
    made = np.array(rgba).reshape(height, width, 4)[..., :3]
    assert np.abs(made - sampler.translate(given)).max() <= 1
    expected = sampler.sample(2, conditions=np.moveaxis(given, -1, 0)[None].repeat(2, 0))
    np.testing.assert_allclose(np.array(data).reshape(dims), expected, atol=1e-5)
