from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from ganzoo.cli.plugin_commands import load_command, plugin_commands
from ganzoo.util.errors import GanzooError


@pytest.mark.parametrize("code", ["raise SystemExit(0)", "raise GeneratorExit", "1 / 0", "command = 3", "def ("])
def test_a_command_that_cannot_be_loaded_is_one_line(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"odd_command_{abs(hash(code))}"
    (tmp_path / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(
        GanzooError, match=r"command 'odd' of an unknown distribution (cannot be loaded|is a int)"
    ) as odd:
        load_command([EntryPoint("odd", f"{name}:command", "ganzoo.commands")])
    assert str(odd.value).isprintable()


@pytest.mark.parametrize("line", ["--help", "stability --help", "list plugins", "no-such-command"])
def test_an_unknown_plugin_in_the_environment_is_one_line(
    line: str, refused: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANZOO_PLUGINS", "stabilty")
    assert refused(line) == (
        "no plugin named 'stabilty' in GANZOO_PLUGINS; did you mean 'stability'? (unset GANZOO_PLUGINS; ganzoo list "
        "plugins)"
    )


def test_commands_that_are_left_out_are_not_there(
    refused: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANZOO_PLUGINS", "simple")
    assert "no command 'stability'" in refused("stability --help")
    monkeypatch.setenv("GANZOO_PLUGINS", "stability")
    assert list(plugin_commands()) == ["stability"]


@pytest.mark.parametrize("error", ["RuntimeError('odd\\nmany')", "GanzooError('odd')", "OSError(28, 'odd')"])
def test_a_command_of_a_plugin_that_fails_is_one_line(
    error: str, refused: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"failing_command_{abs(hash(error))}"
    (tmp_path / f"{name}.py").write_text(
        "import click\nfrom ganzoo import GanzooError\n\n@click.command()\n"
        f"def command():\n    '''Fails.'''\n    raise {error}\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    point = EntryPoint("failing", f"{name}:command", "ganzoo.commands")
    monkeypatch.setattr("ganzoo.cli.plugin_commands.plugin_commands", lambda: {"failing": [point]})
    assert "odd" in refused("failing")
