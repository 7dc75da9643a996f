"""The notebooks run, with fewer iterations, and what is stored of them is valid, small and of the same kind."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
import pytest

from tests.docs.test_docs import FENCE
from tests.docs.test_language import PATTERN
from tests.support import ROOT

NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
LARGEST = 400_000  # bytes
PRIVATE = re.compile(r"/(home|root|tmp|work|Users|private)/|\\Users\\")

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@pytest.fixture
def notebooks(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    return importlib.import_module("run_notebooks")


def kinds(notebook: Any) -> dict[str, list[str]]:
    """What each cell shows, without the numbers and pictures."""
    return {
        cell.id: [output.get("name") or ", ".join(output.data) for output in cell.outputs]
        for cell in notebook.cells
        if cell.cell_type == "code"
    }


@each_notebook
def test_a_notebook_runs(path: Path, notebooks: ModuleType, tmp_path: Path) -> None:
    done = notebooks.run(path, tmp_path, iterations=4)
    notebooks.tidy(done)
    assert kinds(done) == kinds(nbformat.read(path, as_version=4)), "run docs/run_notebooks.py"


@each_notebook
def test_a_stored_notebook_is_valid(path: Path) -> None:
    assert path.stat().st_size < LARGEST
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1)), "run docs/run_notebooks.py"
    outputs = [output for cell in code for output in cell.outputs]
    assert {output.output_type for output in outputs} <= {"display_data", "execute_result", "stream"}
    assert not [output for output in outputs if output.get("name") == "stderr"]
    assert not PRIVATE.search(path.read_text())


@each_notebook
def test_the_text_of_a_notebook(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    assert not [line for cell in cells for line in cell.source.splitlines() if PATTERN.search(line)]
    for cell in cells:
        for line in cell.source.splitlines() if cell.cell_type == "code" else []:
            assert len(line) <= 88, f"{line!r} needs a scroll bar"
        if cell.cell_type == "markdown":
            for target in re.findall(r"\]\(([^)]+)\)", FENCE.sub("", cell.source)):
                assert "://" in target or (path.parent / target.partition("#")[0]).exists(), target


def test_every_notebook_is_on_the_page() -> None:
    page = (ROOT / "docs" / "notebooks.md").read_text()
    assert all(f"](notebooks/{path.name})" in page for path in NOTEBOOKS)
