"""Every reader of a file meets damaged and hostile copies: it reads them, or raises one GanzooError of one short line.

A copy is cut, has bytes changed, inserted or repeated, or has a value of its JSON replaced. The number of cases is
bounded; more are run with ``GANZOO_FUZZ=1000 pytest tests/test_mutated_files.py``.
"""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganzoo.data import load as load_data
from ganzoo.evaluation.sources import open_source
from ganzoo.generators import pretrained
from ganzoo.generators.metadata import read_metadata
from ganzoo.generators.onnx_reader import read as read_onnx
from ganzoo.generators.weights import load as load_weights
from ganzoo.pages import card
from ganzoo.pages.report.document import document
from ganzoo.records.run_folder import RunFolder
from ganzoo.util.errors import GanzooError
from tests.support.commands import invoke

EXAMPLES = int(os.environ.get("GANZOO_FUZZ", "25"))
LONGEST_LINE = 1000
VALUES = ["null", "-1", "1e999", "[]", "{}", '"' + "x" * 300 + '"', "true", "0", "9" * 400, '"\\u0000\\u001b[31m"']


def changed(content: bytes, data: st.DataObject) -> bytes:
    """A damaged copy of a file."""
    place = data.draw(st.integers(0, max(0, len(content) - 1)))
    kind = data.draw(st.sampled_from(["cut", "flip", "insert", "repeat", "value"]))
    if kind == "cut":
        return content[:place]
    if kind == "flip":
        return content[:place] + bytes([content[place] ^ data.draw(st.integers(1, 255))]) + content[place + 1 :]
    if kind == "insert":
        return content[:place] + data.draw(st.binary(min_size=1, max_size=20)) + content[place:]
    if kind == "repeat":
        return content[:place] + content[place : place + 50] * data.draw(st.integers(2, 50)) + content[place + 50 :]
    colon = content.find(b": ", place)  # a value of JSON
    ends = [end for end in (content.find(mark, colon + 2) for mark in (b",", b"}", b"\n")) if end > 0]
    if colon < 0 or not ends:
        return content[::-1]
    return content[: colon + 2] + data.draw(st.sampled_from(VALUES)).encode() + content[min(ends) :]


def png() -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)).save(buffer, "png")
    return buffer.getvalue()


def tiff(**options: Any) -> bytes:
    tifffile = pytest.importorskip("tifffile")
    buffer = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 65536, (9, 7, 5), dtype=np.uint16)
    tifffile.imwrite(buffer, pixels, photometric="minisblack", planarconfig="contig", **options)
    return buffer.getvalue()


def stack() -> bytes:
    tifffile = pytest.importorskip("tifffile")
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer, np.zeros((5, 9, 7), np.uint8), photometric="minisblack", ome=True, metadata={"axes": "CYX"}
    )
    return buffer.getvalue()


def npz() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, images=np.zeros((4, 8, 8, 1), np.uint8), labels=np.arange(4))
    return buffer.getvalue()


@cache
def finished_run(folder: str) -> Path:
    """A run of two iterations."""
    small = "--set batch_size=8 --set generator.widths=8 --set discriminator.widths=8"
    assert invoke(f"train simple --iterations 2 --device cpu {small} --out {folder}/run").exit_code == 0
    return Path(folder) / "run"


def read_run(path: Path) -> None:
    """Everything that is read from a run folder, strictly and leniently."""
    folder = RunFolder(path.parent)
    for read in (folder.read_record, lambda: folder.curves, lambda: folder.findings, lambda: folder.scores):
        try:
            read()
        except GanzooError as error:
            one_line(error)
    assert document(RunFolder(path.parent))


def draw_from_source(path: Path) -> None:
    source = open_source(str(path))
    list(source.batches(range(2), (1, 8, 8)))


def one_line(error: GanzooError) -> None:
    assert len(str(error).splitlines()) == 1
    assert len(str(error)) <= LONGEST_LINE


def card_of_onnx(path: Path) -> str:
    return card.card(read_onnx(path)[1], str(path))


SHIPPED = pretrained.FOLDER / "skip-gan-tabular.safetensors"
READERS: dict[str, tuple[Callable[[Path], bytes], str, Callable[[Path], Any]]] = {
    "metadata of weights": (lambda run: SHIPPED.read_bytes(), "x.safetensors", read_metadata),
    "weights": (lambda run: SHIPPED.read_bytes(), "x.safetensors", load_weights),
    "ONNX": (lambda run: SHIPPED.with_suffix(".onnx").read_bytes(), "x.onnx", read_onnx),
    "card of an ONNX file": (lambda run: SHIPPED.with_suffix(".onnx").read_bytes(), "x.onnx", card_of_onnx),
    "run.json": (lambda run: (run / "run.json").read_bytes(), "run.json", read_run),
    "metrics.jsonl": (lambda run: (run / "metrics.jsonl").read_bytes(), "metrics.jsonl", read_run),
    "evaluation.json": (lambda run: json.dumps({"metrics": {"fd": 1.5}}).encode(), "evaluation.json", read_run),
    "checkpoint": (lambda run: (run / "checkpoint.safetensors").read_bytes(), "checkpoint.safetensors", read_metadata),
    "index of weights": (
        lambda run: (pretrained.FOLDER / "index.json").read_bytes(),
        "index.json",
        lambda path: pretrained.index(path.parent),
    ),
    "npz": (lambda run: npz(), "x.npz", draw_from_source),
    "TIFF": (lambda run: tiff(), "x.tif", lambda path: load_data(f"folder:{path.parent}", size=8)),
    "TIFF by deflate": (
        lambda run: tiff(compression="zlib", bigtiff=True),
        "x.tif",
        lambda path: load_data(f"folder:{path.parent}", size=8),
    ),
    "OME-TIFF": (lambda run: stack(), "x.tif", lambda path: load_data(f"folder:{path.parent}", size=8)),
    "images": (lambda run: png(), "x.png", lambda path: load_data(f"folder:{path.parent}", size=8)),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", READERS)
def test_a_damaged_file_is_read_or_refused_in_one_line(
    name: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path_factory.getbasetemp() / "mutated"
    root.mkdir(exist_ok=True)
    run = finished_run(str(root))
    content, file, read = READERS[name]
    original = content(run)
    folder = tmp_path_factory.mktemp("case")

    @given(st.data())
    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def check(data: st.DataObject) -> None:
        if read is read_run:
            shutil.copytree(run, folder, dirs_exist_ok=True)
        (folder / file).write_bytes(changed(original, data))
        try:
            read(folder / file)
        except GanzooError as error:
            one_line(error)

    check()
