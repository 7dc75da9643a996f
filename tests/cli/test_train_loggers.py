"""``ganzoo train --log-to`` and ``--metric``: what is refused, and what a dry run finds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Text = Callable[[str], str]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--log-to tensorbord", "no logger named 'tensorbord'; did you mean 'tensorboard'? (ganzoo list loggers)"),
        ("--log-to tensorboard --log-to tensorboard", "--log-to tensorboard is given twice; leave one out"),
        ("--metric moments", "--metric is computed with the scores of --evaluate-every; give --evaluate-every N too"),
        ("--metric nothing --evaluate-every 2", "no metric named 'nothing'; list them with: ganzoo list metrics"),
    ],
)
def test_what_cannot_be_logged_is_refused(options: str, message: str, refused: Text) -> None:
    assert refused(f"train simple --data ring8 --out x {options}") == message
    assert not Path("x").exists()


def test_a_dry_run_finds_a_missing_package(refused: Text, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    assert "run: pip install wandb" in refused("train simple --data ring8 --log-to wandb --dry-run")


def test_loggers_cannot_be_changed_by_resuming(refused: Text) -> None:
    assert "--log-to cannot change a run" in refused("train --resume x --log-to tensorboard")
