"""The documentation is correct: generated parts are fresh, links have targets, commands parse."""

from __future__ import annotations

import inspect
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from ganzoo.cli import main
from ganzoo.cli.train import plan_run
from ganzoo.generators import pretrained
from ganzoo.registry import hookspecs
from ganzoo.registry.gan import GAN
from ganzoo.registry.registry import registry
from tests.support import ROOT

OURS = "ganzoo-kit"
COMMAND = main.all_commands()
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"(?ms)^```(\w*)\n(.*?)^```$")


def shipped_gans() -> list[GAN]:
    known = registry()
    return [gan for gan in known.gans.values() if known.owners["GAN", gan.name].distribution == OURS]


def commands_in(text: str, languages: tuple[str, ...] = ("",)) -> list[list[str]]:
    """The calls of ganzoo in fenced blocks, each as its arguments."""
    blocks = [block.replace("\\\n", " ") for language, block in FENCE.findall(text) if language in languages]
    lines = [line for block in blocks for line in block.splitlines()]
    words = [shlex.split(line, comments=True) for line in lines]
    return [line[1:] for line in words if line and Path(line[0]).name == "ganzoo"]


COMMANDS = [
    pytest.param(words, id=f"{page.relative_to(ROOT)}: {shlex.join(words)}")
    for page in PAGES
    for words in commands_in(page.read_text())
]
HELP = [
    pytest.param(words, id=f"help: {shlex.join(words)}")
    for command in COMMAND.values()
    for line in inspect.cleandoc(command.help or "").splitlines()
    if line.startswith("  ganzoo ")
    for words in [shlex.split(line.split("  ")[1])[1:]]
]


def test_the_generated_parts_are_fresh() -> None:
    script = [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"]
    result = subprocess.run(script, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("words", [*COMMANDS, *HELP])
def test_a_command_parses(words: list[str]) -> None:
    """Options parse, and GANs, data sets and files that it names exist; the recipe of a training is resolved."""
    command = COMMAND[words[0]]
    context = command.make_context(words[0], words[1:])
    params = context.params
    if params.get("data"):
        registry().part("dataset", params["data"].partition(":")[0])
    if words[0] == "train":
        if params["resume"] is None:
            others = ("resume", "stop_on_collapse", "parent", "force", "dry_run")
            given = {name: value for name, value in params.items() if name not in others}
            if given["gan"] is None:  # the data decide, and may be a folder of the reader
                given["gan"] = registry().default_for("images").name
            plan_run(**given | {"epochs": None}, command="")  # epochs need the data, which may be a download
    elif words[0] in ("show", "sample", "evaluate", "check"):
        what = params["source" if words[0] in ("sample", "evaluate") else "what"]
        if not re.search(r"[./]|^NAME$", what) and pretrained.find(what) is None:
            registry().gan(what)


def test_every_named_make_target_exists() -> None:
    targets = set(re.findall(r"(?m)^([a-z]+):", (ROOT / "Makefile").read_text()))
    named = {name for page in PAGES for name in re.findall(r"(?m)^make ([a-z]+)|`make ([a-z]+)`", page.read_text())}
    assert {a or b for a, b in named} <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_have_targets(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", FENCE.sub("", page.read_text())):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), target
        if anchor:
            heads = re.findall(r"(?m)^#+ (.+)$", linked.read_text())
            assert anchor in {re.sub(r"[^\w -]", "", head).strip().lower().replace(" ", "-") for head in heads}, target


@pytest.mark.parametrize("gan", shipped_gans(), ids=lambda gan: gan.name)
def test_a_gan_has_a_page_with_its_presets(gan: GAN) -> None:
    pages = [page.read_text() for page in (ROOT / "docs" / "gans").glob("*.md") if gan.name in page.read_text()]
    own = [text for text in pages if re.search(rf"(?m)^(#.*\b|\| `.*`?){re.escape(gan.name)}\b", text)]
    assert own, f"no page in docs/gans has {gan.name} in a heading or a table"
    for preset in gan.presets:
        assert any(preset in text for text in own), f"preset {preset} of {gan.name} is not documented"


@pytest.mark.parametrize("hook", [name for name in vars(hookspecs) if name.startswith("ganzoo_")])
def test_a_hook_is_documented(hook: str) -> None:
    assert f"`{hook}`" in (ROOT / "docs" / "writing-a-plugin.md").read_text()


@pytest.mark.parametrize("command", COMMAND)
def test_a_command_is_documented(command: str) -> None:
    assert f"## ganzoo {command}\n" in (ROOT / "docs" / "cli.md").read_text()
    prose = [page for page in PAGES if page.name in ("README.md", "tutorial.md", "writing-a-plugin.md")]
    assert any(f"ganzoo {command}" in page.read_text() for page in prose)


def test_every_option_of_a_command_has_help() -> None:
    for name, command in COMMAND.items():
        assert command.help, name
        for option in command.params:
            assert not isinstance(option, click.Option) or option.help, f"{name} {option.name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_installs_the_other_ganzoo(page: Path) -> None:
    wrong = re.compile(r"""install\s+(-\S+\s+)*['"]?ganzoo(?!-kit)\b|dependencies\s*=.*["']ganzoo(?!-kit)\b""")
    assert not wrong.search(page.read_text())
