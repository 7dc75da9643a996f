"""Logs are read with care: whatever is in a file, the entries that come out of it have the right types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ganzoo.records.metrics import MOST_CURVES, curves, read_log
from ganzoo.util.errors import GanzooError

GOOD = {"iteration": 50, "loss.generator": 1.5, "diversity": 1}
FINDING = {"kind": "collapse", "iteration": 50, "line": "collapse: all samples are the same"}


def log(path: Path, *lines: Any) -> Path:
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return path


def test_a_missing_log_is_empty(tmp_path: Path) -> None:
    assert read_log(tmp_path / "metrics.jsonl") == ([], 0)


def test_entries_are_read_in_order(tmp_path: Path) -> None:
    entries = [GOOD, {"iteration": 100, "findings": [FINDING]}]
    assert read_log(log(tmp_path / "x", *entries)) == (entries, 0)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        "null",
        [1],
        {"loss.generator": 1},
        {"iteration": "x"},
        {"iteration": -1},
        {"iteration": True},
        {"iteration": 1.5},
        {"iteration": 10**13},
        {"iteration": 1, "a": [1]},
        {"iteration": 1, "a": None},
        {"iteration": 1, "a": True},
        {"iteration": 1, "a": 10**400},
        {"iteration": 1, "findings": {}},
        {"iteration": 1, "findings": [{"kind": 1}]},
        {"iteration": 1, "findings": [FINDING | {"kind": 1}]},
        {"iteration": 1, "findings": [FINDING | {"more": 1}]},
        "[" * 10_000,
        '{"iteration": 1, "a": ' + " " * 2**16 + "1}",
        '{"iteration": 1, "a": ' + "1" * 5000 + "}",
    ],
)
def test_lines_that_are_no_entries_are_left_out_and_counted(tmp_path: Path, line: Any) -> None:
    assert read_log(log(tmp_path / "x", GOOD, line, GOOD)) == ([GOOD, GOOD], 1)


def test_an_incomplete_last_line_does_not_count(tmp_path: Path) -> None:
    path = log(tmp_path / "x", GOOD)
    path.write_text(path.read_text() + '{"iteration": 51, "lo')
    assert read_log(path) == ([GOOD], 0)


def test_a_log_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = log(tmp_path / "x", *[GOOD] * 4, "")
    monkeypatch.setattr("ganzoo.records.metrics.MOST_ENTRIES", 4)
    with pytest.raises(GanzooError, match="has more than 4 lines, too many for the log of a run"):
        read_log(path)
    monkeypatch.setattr("ganzoo.records.metrics.LARGEST_LOG", 10)
    with pytest.raises(GanzooError, match="is larger than 10 bytes, too large for the log of a run"):
        read_log(path)


def test_a_folder_is_not_a_log(tmp_path: Path) -> None:
    with pytest.raises(GanzooError, match="is not a regular file, so it is not read as the log of a run"):
        read_log(tmp_path)


def test_curves_hold_finite_values_in_the_order_of_iterations() -> None:
    entries = [
        {"iteration": 5, "a": 1.0, "b": float("nan")},
        {"iteration": 2, "a": 3, "b": float("inf"), "c": 1e300},
        {"iteration": 5, "a": 2.0, "findings": [FINDING]},
    ]
    (curve,) = curves(entries)
    assert curve.name == "a"
    assert curve.iterations.tolist() == [2, 5, 5]
    assert curve.values.tolist() == [3, 1, 2]


def test_the_number_of_curves_is_bounded() -> None:
    entries = [{"iteration": 1, **{f"metric{index}": index for index in range(500)}}] * 3
    assert [curve.name for curve in curves(entries)] == [f"metric{index}" for index in range(MOST_CURVES)]
    assert curves([]) == []


def test_a_file_without_a_size_or_an_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some files of the system say that they have no bytes, and have no end."""
    monkeypatch.setattr("ganzoo.records.metrics.LARGEST_LOG", 2**20)
    (tmp_path / "metrics.jsonl").symlink_to("/proc/self/pagemap")
    if not (tmp_path / "metrics.jsonl").is_file():
        pytest.skip("there is no such file here")
    with pytest.raises(GanzooError, match="is larger than 1,048,576 bytes"):
        read_log(tmp_path / "metrics.jsonl")


def test_the_end_of_a_long_line_is_no_entry(tmp_path: Path) -> None:
    entry = b'{"iteration": 1, "a": 2}'
    path = tmp_path / "metrics.jsonl"
    for length in (2**16 - len(entry), 2**16, 2**16 + 1, 2 * 2**16 + 1, 3 * 2**16 + 5):
        path.write_bytes(b" " * length + entry + b"\n" + entry + b"\n")
        found = read_log(path)
        assert (len(found.entries), found.unreadable) == (1, 1)
