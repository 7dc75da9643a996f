"""The trained weights that come with ganzoo, and installations in which something is wrong with them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from ganzoo import shipped
from ganzoo.spec import GanzooError


def written(folder: Path, **changes: Any) -> Path:
    """A folder with one entry of weights."""
    (folder / "tiny.onnx").write_bytes(b"weights")
    file = {"file": "tiny.onnx", "bytes": 7, "sha256": hashlib.sha256(b"weights").hexdigest()}
    entry = {
        "name": "tiny", "also": ["small"], "gan": "simple", "overrides": {}, "data": "mnist", "licence": "free",
        "rounds": 1, "seed": 0, "cpu_seconds": 1.0, "command": "ganzoo train simple", "files": {"onnx": file},
        "scores": {}, "measured": {},
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
    with pytest.raises(GanzooError, match=r"tiny.onnx is not the file that was shipped: its SHA-256 differs"):
        entry.path("onnx", tmp_path)


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    entry = shipped.index(written(tmp_path))["tiny"]
    (tmp_path / "tiny.onnx").unlink()
    with pytest.raises(GanzooError, match=r"tiny.onnx is missing from this installation"):
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
