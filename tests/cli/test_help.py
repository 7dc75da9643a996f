"""Help texts."""

from __future__ import annotations

import re
from collections.abc import Callable

import click
import pytest

from ganzoo.cli import main

COMMANDS = {"": main, **main.commands}


def help_of(name: str) -> list[str]:
    context = click.Context(COMMANDS[name], info_name=f"ganzoo {name}".strip(), terminal_width=80)
    return COMMANDS[name].get_help(context).splitlines()


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_examples_and_fits_into_80_columns(name: str) -> None:
    lines = help_of(name)
    assert "  Examples:" in lines
    assert [line for line in lines if len(line) > 80] == []
    assert not any(line.endswith("...") for line in lines[1:]), "a summary that is cut"


def test_every_command_is_listed_in_a_section() -> None:
    listed = [line.split()[0] for line in help_of("") if re.match("  [a-z][a-z-]*  ", line)]
    assert listed[:5] == ["train", "sample", "evaluate", "score", "export"]
    assert set(listed) >= set(main.commands)


@pytest.mark.parametrize("name", main.commands)
def test_a_command_that_writes_takes_out(name: str) -> None:
    options = {opt for parameter in main.commands[name].params for opt in parameter.opts}
    reads_only = ("check", "doctor", "list", "push", "serve", "show", "weights")
    assert ({"-o", "--out"} <= options) == (name not in reads_only)
    assert ("--force" in options) == (name not in (*reads_only, "new-plugin")), "which never replaces a file"


@pytest.mark.parametrize(
    "line", ["sample simple -o", "export simple -o", "report", "train simple --out", "evaluate x.npz -o"]
)
def test_an_empty_path_is_refused(line: str, refused: Callable[[str], str]) -> None:
    assert "a path cannot be empty" in refused(f"{line} ''")
