"""Results become tables and plots; where there are none yet, the page says so."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support import ROOT

PAGE = ROOT / "docs" / "performance" / "measured.py"
MACHINE = {"processor": "abacus", "cores": 2, "threads": 1, "python": "3.11", "torch": "2.6"}
RUN: dict[str, Any] = {"machine": MACHINE, "turns": 5, "seconds": 1.5}


def row(case: str, name: str, rate: float, ratio: float) -> dict[str, Any]:
    return {"gan": case, "row": name, "images/s": rate, "to one script": ratio, "spread": "0.9..1.1"}


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The page's module, with its results in an empty folder."""
    spec = importlib.util.spec_from_file_location("measured", PAGE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "HERE", tmp_path)
    return module


@pytest.fixture
def filled(page: Any, tmp_path: Path) -> Any:
    rows = [row("dense", "one script", 100.0, 1.0), row("dense", "ganzoo", 200.0, 2.0)]
    found = {"training-1": {"rows": rows, "absent": {"torchgan": "not installed"}}}
    found["training-2"] = {"rows": [row("dense", "ganzoo", 300.0, 6.0)], "absent": {}}
    found["memory"] = {"rows": [{"gan": "dense", "row": "ganzoo", "peak MB": 700}]}
    point = {"images/s": 1000.0, "peak MB": 800, "data MB": 10}
    found["scaling"] = {"rows": [{"series": "batch", "value": value, **point} for value in (32, 64)]}
    for name, result in found.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(RUN | result))
    return page


def test_without_results_there_is_no_table(page: Any) -> None:
    assert page.speeds("dense") == page.part("startup", "rows") == []
    assert page.conditions("startup") == page.MISSING
    page.main()
    assert list(page.HERE.iterdir()) == []


def test_speeds_are_columns_by_threads(filled: Any) -> None:
    head, script, ganzoo = filled.speeds("dense")
    assert head[1::3] == ("images/s, 1 thread", "images/s, 2 threads", "peak MB")
    assert script == ("one script", "100.0", "1.0", "0.9..1.1", "", "", "", "")
    assert ganzoo == ("ganzoo", "200.0", "2.0", "0.9..1.1", "300.0", "6.0", "0.9..1.1", "700")
    assert filled.speeds("another") == []


def test_a_table_does_not_repeat_itself(filled: Any) -> None:
    assert [line[:2] for line in filled.part("scaling", "rows")] == [("series", "value"), ("batch", "32"), ("", "64")]


def test_conditions_name_the_machine_and_the_rows_left_out(filled: Any) -> None:
    text = filled.conditions("training-1")
    assert "abacus, 2 cores, with torch 2.6" in text
    assert "Left out: torchgan (not installed)." in text


def test_plots_are_drawn_from_the_results(filled: Any) -> None:
    filled.main()
    assert {path.name for path in filled.HERE.glob("*.svg")} == {"speed.svg", "scaling.svg"}
