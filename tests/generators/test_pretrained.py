"""The trained weights that come with ganzoo, and installations in which something is wrong with them."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ganzoo_weights.__main__ import card_of

import ganzoo
from ganzoo.data import load
from ganzoo.export import contract
from ganzoo.export.opset import set_opset
from ganzoo.generators import pretrained as shipped
from ganzoo.generators.locate import find
from ganzoo.registry.registry import registry
from ganzoo.util.errors import GanzooError
from tests.support import ROOT


def written(folder: Path, **changes: Any) -> Path:
    """A folder with one entry of weights."""
    (folder / "tiny.onnx").write_bytes(b"weights")
    file = {"file": "tiny.onnx", "bytes": 7, "sha256": hashlib.sha256(b"weights").hexdigest()}
    entry = {
        "name": "tiny", "also": ["small"], "gan": "simple", "overrides": {}, "data": "mnist", "licence": "free",
        "iterations": 1, "seed": 0, "cpu_seconds": 1.0, "command": "ganzoo train simple", "files": {"onnx": file},
        "opset": 13, "scores": {}, "measured": {},
    } | changes  # fmt: skip
    (folder / "index.json").write_text(json.dumps({"format": 1, "weights": [entry]}))
    return folder


def test_a_file_is_what_the_index_says(tmp_path: Path) -> None:
    entry = shipped.index(written(tmp_path))["tiny"]
    assert entry.path("onnx", tmp_path).read_bytes() == b"weights"


@pytest.mark.parametrize("content", [b"", b"weightz", b"weights and more"])
def test_a_file_that_was_swapped_or_cut_is_refused(tmp_path: Path, content: bytes) -> None:
    entry = shipped.index(written(tmp_path))["tiny"]
    (tmp_path / "tiny.onnx").write_bytes(content)
    with pytest.raises(
        GanzooError, match=r"tiny.onnx is not the file that was evaluated: its SHA-256 differs; install"
    ):
        entry.path("onnx", tmp_path)


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    entry = shipped.index(written(tmp_path))["tiny"]
    (tmp_path / "tiny.onnx").unlink()
    with pytest.raises(
        GanzooError, match=r"the weights of tiny are not in this installation; get them: ganzoo weights --get tiny"
    ):
        entry.path("onnx", tmp_path)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"weights": 3}', '{"weights": [{"name": "tiny"}]}', "[" * 100_000, b"\xff\xfe"]
)
def test_a_damaged_index_is_told(tmp_path: Path, text: str | bytes) -> None:
    (tmp_path / "index.json").write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(GanzooError, match=r"index.json is damaged; install ganzoo again"):
        shipped.index(tmp_path)


@pytest.mark.parametrize("file", ["../tiny.onnx", "/etc/passwd", "folder/tiny.onnx"])
def test_an_index_cannot_name_files_elsewhere(tmp_path: Path, file: str) -> None:
    with pytest.raises(GanzooError, match="damaged"):
        shipped.index(written(tmp_path, files={"onnx": {"file": file, "bytes": 7, "sha256": ""}}))


def test_without_an_index_there_are_none(tmp_path: Path) -> None:
    assert shipped.index(tmp_path) == {}


# What ships.

MOST = 48_500_000  # bytes


def test_every_gan_comes_trained_or_its_page_says_that_it_does_not() -> None:
    entries = shipped.index()
    names = {name for entry in entries.values() for name in (entry.name, *entry.also)}
    ours = {
        gan.name for gan in registry().gans.values() if registry().owners["GAN", gan.name].distribution == "ganzoo-kit"
    }
    pages = "".join(page.read_text() for page in (ROOT / "docs" / "gans").glob("*.md"))
    assert {gan for gan in ours if f"`{gan}` has no shipped weights" in pages} == ours - names
    assert {entry.gan for entry in entries.values()} <= registry().gans.keys()
    assert sum(path.stat().st_size for path in shipped.FOLDER.iterdir() if path.is_file()) <= MOST
    recipes = tomllib.loads((shipped.FOLDER / "recipes.toml").read_text())
    assert list(entries) == [name for name in recipes if name in entries], "the index is in the order of the recipes"
    assert recipes.keys() == entries.keys()


@pytest.mark.parametrize("name", shipped.index())
def test_both_files_are_what_was_measured_and_make_the_same_samples(name: str) -> None:
    entry = shipped.index()[name]
    sampler, model = ganzoo.Sampler(entry.path("onnx")), ganzoo.load(entry.path("safetensors"))
    for metadata in (sampler.metadata, model.metadata):
        assert (metadata.gan, metadata.iterations, metadata.seed) == (entry.gan, entry.iterations, entry.seed)
        assert (metadata.data.name, metadata.data.licence) == (entry.data, entry.licence)
    conditions = load(entry.data, split="test").conditions if model.metadata.condition else None
    condition = {} if conditions is None else {"conditions": conditions[:5]}
    made, expected = sampler.sample(5, **condition), model.sample(5, **condition)
    assert np.abs(made - expected).max() < 1e-4
    assert entry.scores[entry.measured["score"]] > 0


def test_names_mean_what_ships(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert ganzoo.Sampler("cgan").metadata.gan == "cgan"
    assert find("privileged-v2-ann") == find("privileged-v2") == shipped.index()["privileged-v2"].path("safetensors")


def test_sevens_come_right_after_the_installation_without_torch(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['torch'] = None; from ganzoo.cli import main; "
        "main(['sample', 'cgan', '--label', '7', '-n', '4', '--out', 'sevens.npz'])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    with np.load(tmp_path / "sevens.npz") as file:
        assert file["labels"].tolist() == [7] * 4


@pytest.mark.parametrize("name", shipped.index())
def test_exported_files_have_the_lowest_opset_that_their_graph_needs(name: str) -> None:
    """The oldest supported runtime reads opsets to 19 and IR versions to 9."""
    entry = shipped.index()[name]
    proto, metadata = contract.read(entry.path("onnx"))
    assert metadata.opset == entry.opset <= 18
    assert proto.ir_version == {13: 7, 18: 8}[entry.opset]
    assert set_opset(proto, metadata) == entry.opset


@pytest.mark.parametrize("name", shipped.index())
def test_a_card_says_what_the_index_says(name: str) -> None:
    entry = shipped.index()[name]
    assert (shipped.FOLDER / f"{name}.md").read_text() == card_of(entry)


DAMAGE: list[tuple[str, Any]] = [
    ("name", 3), ("name", None), ("also", "small"), ("also", [3]), ("gan", []), ("overrides", []), ("data", 1),
    ("licence", {}), ("iterations", "1"), ("iterations", True), ("seed", 0.5), ("opset", "13"), ("cpu_seconds", "1"),
    ("command", None), ("files", []), ("files", {"onnx": []}), ("files", {"onnx": {}}), ("files", {"pickle": {}}),
    ("files", {"onnx": {"file": 3, "bytes": 7, "sha256": ""}}),
    ("files", {"onnx": {"file": "x", "bytes": "7", "sha256": ""}}),
    ("files", {"onnx": {"file": "x", "bytes": 7, "sha256": 5}}), ("scores", []), ("scores", {"fid": "1"}),
    ("scores", {"fid": None}), ("scores", {"fid": 1.0}), ("measured", []), ("measured", 3), ("further", 1),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), DAMAGE)
def test_an_index_of_other_types_is_damaged(field: str, value: Any, tmp_path: Path) -> None:
    with pytest.raises(GanzooError, match=r"index.json is damaged; install ganzoo again"):
        shipped.index(written(tmp_path, **{field: value}))
