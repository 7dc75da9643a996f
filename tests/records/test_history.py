"""The metrics of trainings and runs, as lists and as tables of pandas."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import ganzoo
from ganzoo.data import Data
from ganzoo.records.history import History
from ganzoo.training import history
from ganzoo.training.history import Kept
from ganzoo.util.errors import GanzooError
from tests.support import small_training


def test_a_training_keeps_its_metrics(tiny: Data) -> None:
    training = small_training("simple", tiny, iterations=3)
    assert ganzoo.history(training) == []
    losses = [float(done.losses["generator"]) for done in training]
    entries = ganzoo.history(training)
    assert [entry["iteration"] for entry in entries] == [1, 2, 3]
    assert [entry["loss.generator"] for entry in entries] == pytest.approx(losses)
    assert entries.names == ["iteration", "loss.discriminator", "loss.generator", "discriminator_accuracy"]
    assert "loss.generator" in entries._repr_html_()


def test_long_trainings_keep_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MOST", 10)
    kept = Kept()
    for number in range(1, 102):
        kept.add(number, {"x": torch.tensor(float(number))}, {})
    numbers = [entry["iteration"] for entry in kept.read()]
    assert numbers == [*range(16, 97, 16), 101]
    assert [entry["loss.x"] for entry in kept.read()] == numbers


def test_a_loaded_state_begins_again(tiny: Data) -> None:
    first, second = (small_training("simple", tiny, iterations=3) for _ in range(2))
    next(first)
    next(second)
    second.load(first.state(), "the checkpoint")
    assert ganzoo.history(second) == []


def test_a_run_has_its_log(tmp_path: Path, tiny: Data) -> None:
    for _ in ganzoo.run(small_training("simple", tiny, iterations=2), tmp_path / "run"):
        pass
    assert ganzoo.history(tmp_path / "run")[-1]["iteration"] == 2
    assert ganzoo.history(str(tmp_path / "run")) == ganzoo.history(tmp_path / "run")
    for wrong, message in ((tmp_path, "is not a run folder"), (3, "a int has no metrics")):
        with pytest.raises(GanzooError, match=message):
            ganzoo.history(wrong)  # type: ignore[arg-type]


def test_a_table_needs_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = History([{"iteration": 1, "a": 1.0}, {"iteration": 2, "b": 2.0, "findings": []}])
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(GanzooError, match="run: pip install pandas"):
        entries.frame()

    class Frame:
        def __init__(self, rows: list[dict[str, Any]], columns: list[str]) -> None:
            self.rows, self.columns = rows, columns

        def set_index(self, name: str) -> Frame:
            assert name == "iteration"
            return self

    monkeypatch.setitem(sys.modules, "pandas", SimpleNamespace(DataFrame=Frame))
    frame: Any = entries.frame()
    assert frame.columns == ["iteration", "a", "b"]
    assert frame.rows == [{"iteration": 1, "a": 1.0, "b": None}, {"iteration": 2, "a": None, "b": 2.0}]
