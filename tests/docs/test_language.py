"""Text for people uses the terms of the field: no banned word in documentation, help, pages, comments or docstrings."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from ganzoo.cli import main
from ganzoo.cli.plugin_commands import PluginGroup
from tests.support import ROOT

BANNED = {
    r"rounds(?! (to|half|up|down)\b)": "iterations",
    r"(a|an|each|every|per|one|the|this|whole|first|last|next) round(?! number)": "iteration",
    r"movers?": "the updated network",
    r"(an?|its|the|each|every|one|own|whose|last|generator|discriminator|critic) moves?(?! (the|to)\b)": "update",
    r"(play|plays|played|playing|players?|games?)": "train, network(s), objective",
    r"knobs?": "settings",
    r"(every|each|which|turn an?|turn the|all the) numbers?(?= (that can be|to turn|worth|of the parts))": "setting(s)",
    r"numbers worth": "settings",
    r"told": "given, conditional, reported",
    r"says? (all )?of (itself|themselves|its)": "metadata",
    r"whoever": "who, anyone who",
    r"anew": "again",
    r"lies": "is",
    r"(go|goes|going|went|gone) on": "continue, resume",
    r"beside": "next to, compared with",
    r"figures": "metrics, results, values",
    r"rehears\w*": "warm up",
    r"nobody (has )?picked": "uncurated",
}
PATTERN = re.compile("|".join(rf"\b(?:{word})(?!\w)" for word in BANNED), re.IGNORECASE)

ALLOWED = {  # where a word means something else
    "ganzoo/generators/latents.py": ("rounds", "Philox has rounds"),
    "ganzoo/pages/demo/latents.js": ("rounds", "Philox has rounds"),
    "ganzoo/pages/demo/page.html": ("play", "the button of an animation"),
    "ganzoo/pages/demo/page.js": ("play", "the button of an animation"),
    "ganzoo/pages/demo/picked.js": ("play", "the button of an animation"),
    "ganzoo/pages/demo/translation.js": ("play", "the method of a video"),
    "docs/embedding.md": ("rounds play", "Philox has rounds; the button of an animation"),
    "ganzoo/cli/hints.py": ("rounds", "what users of other programs type"),
    "ganzoo/registry/renamed.py": ("rounds", "the old name of a setting"),
    "ganzoo/generators/metadata.py": ("rounds", "the old name of a key"),
    "ganzoo/pages/report/document.py": ("play player", "the button of an animation"),
    "ganzoo/pages/report/page.css": ("play player", "the button of an animation"),
    "ganzoo/pages/report/page.js": ("play player figures", "the button of an animation; figure elements"),
}
GAME_THEORY = ("plugins/stability/", "docs/stability.md", "docs/claims/stability", "docs/claims/compared.py")
GAMES = re.compile(r"(play|plays|played|playing|players?|games?|(a|its|the) moves?)", re.IGNORECASE)

MARKDOWN = [path for path in ROOT.glob("*.md") if path.name != "CHANGELOG.md"]  # which names what was renamed
MARKDOWN += [path for folder in ("docs", "weights") for path in (ROOT / folder).rglob("*.md")]
MARKDOWN.remove(ROOT / "docs" / "cli.md")  # it is checked as the help of the commands
PAGES = [path for folder in ("ganzoo", "plugins", "docs/examples") for path in (ROOT / folder).rglob("*.*")]
PAGES = [path for path in PAGES if path.suffix in (".html", ".js", ".css") and "node_modules" not in path.parts]
CODE = [path for folder in ("ganzoo", "plugins", "weights", "docs") for path in (ROOT / folder).rglob("*.py")]
CODE = [path for path in CODE if "node_modules" not in path.parts]

Line = tuple[str, str]


def lines_of(path: Path) -> Iterator[Line]:
    for number, line in enumerate(path.read_text().splitlines(), 1):
        yield f"{path.relative_to(ROOT)}:{number}", line


def prose_of(path: Path) -> Iterator[Line]:
    """The comments and strings of a Python file, docstrings and messages included."""
    text = path.read_text()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.COMMENT, tokenize.STRING):
            for offset, line in enumerate(token.string.splitlines()):
                yield f"{path.relative_to(ROOT)}:{token.start[0] + offset}", line


def names_of(path: Path) -> Iterator[Line]:
    """The names that a Python file defines, as words."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            name = node.name
        elif isinstance(node, ast.arg):
            name = node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            name = node.id
        else:
            continue
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).replace("_", " ")
        yield f"{path.relative_to(ROOT)}:{node.lineno}", words


def help_of(words: str, command: click.Command) -> Iterator[Line]:
    context = click.Context(command, info_name=words, **{**main.context_settings, "terminal_width": 200})
    yield from ((f"{words} --help", line) for line in command.get_help(context).splitlines())
    if isinstance(command, click.Group):
        below = command.all_commands() if isinstance(command, PluginGroup) else command.commands
        for name, inner in below.items():
            yield from help_of(f"{words} {name}", inner)


def hits(lines: Iterator[Line]) -> Iterator[str]:
    for where, line in lines:
        path = where.partition(":")[0]
        for match in PATTERN.finditer(line):
            if match[0].lower() in ALLOWED.get(path, ("", ""))[0].split():
                continue
            if (where.startswith(GAME_THEORY) or " stability" in where) and GAMES.fullmatch(match[0]):
                continue
            yield f"{where}: {match[0]!r} in: {line.strip():.120}"


def all_lines() -> Iterator[Line]:
    for path in (*MARKDOWN, *PAGES):
        yield from lines_of(path)
    for path in CODE:
        yield from prose_of(path)
        yield from names_of(path)
    yield from help_of("ganzoo", main)


def test_no_banned_word() -> None:
    found = sorted(set(hits(all_lines())))
    assert not found, "\n".join([f"{len(found)} banned words:", *found])


@pytest.mark.parametrize(
    "line",
    ["after 10 rounds", "the mover's loss", "each move", "all players", "it is told", "made anew", "the run goes on"],
)
def test_a_banned_word_is_found(line: str) -> None:
    assert list(hits(iter([("somewhere", line)])))


@pytest.mark.parametrize(
    "line", ["rounds to even", "round(x)", "move the slider", "grounds", "display", "random numbers"]
)
def test_other_words_are_not(line: str) -> None:
    assert not list(hits(iter([("somewhere", line)])))
