"""The comparison with other libraries is what was run, and its commands are commands of ganzoo."""

from __future__ import annotations

import json
import re
import tomllib

import click

from ganzoo.cli import main
from tests.support import ROOT

FOLDER = ROOT / "docs" / "other-libraries"
LINES = tomllib.loads((FOLDER / "lines.toml").read_text())["line"]


def test_every_line_was_run() -> None:
    rows = json.loads((FOLDER / "result.json").read_text())["rows"]
    assert [row["what"] for row in rows] == [line["what"] for line in LINES]
    for line, row in zip(LINES, rows, strict=True):
        assert line.keys() == row.keys()
        for library in line.keys() - {"what"}:
            text = line[library]
            done = "not without CUDA" if text.startswith("refuses: ") else "yes"
            assert row[library] == (text if text.startswith("no") else done)


def test_what_ganzoo_offers_are_its_commands() -> None:
    called = {name for line in LINES for name in re.findall(r"\bganzoo ([a-z-]+)", line["ganzoo"])}
    assert len(called) > 8
    assert called <= set(main.list_commands(click.Context(main)))
