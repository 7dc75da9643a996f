from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from ganzoo.cli.plugin_commands import load_command
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
