from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from ganzoo.cli.list import KINDS
from ganzoo.registry.recipe import resolve
from ganzoo.registry.registry import registry

Text = Callable[[str], str]


def test_every_gan_has_a_line(ganzoo: Text) -> None:
    lines = ganzoo("list").splitlines()
    assert [line.split()[0] for line in lines] == list(registry().gans)
    assert ganzoo("list gans").splitlines() == lines


@pytest.mark.parametrize("kind", [kind for kind in KINDS[1:-1] if registry().parts[kind.removesuffix("s")]])
def test_every_part_has_a_line_with_a_summary(ganzoo: Text, kind: str) -> None:
    rows = [line.split(maxsplit=1) for line in ganzoo(f"list {kind}").splitlines()]
    assert [row[0] for row in rows] == list(registry().parts[kind.removesuffix("s")])
    assert all(len(row) == 2 for row in rows)


def test_a_kind_of_which_there_is_nothing_is_said(ganzoo: Text, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry().parts, "metric", {})
    assert ganzoo("list metrics") == "No plugin registers metrics.\n"


def test_commands_of_plugins_are_listed_with_their_distribution(ganzoo: Text) -> None:
    (line,) = [line for line in ganzoo("list plugins").splitlines() if line.startswith("  stability ")]
    assert "ganzoo-kit 0." in line
    assert line.endswith("command")


def test_plugins_are_listed_with_their_distribution(ganzoo: Text) -> None:
    assert all("ganzoo-kit 0." in line for line in ganzoo("list plugins").splitlines() if "ganzoo_plugins." in line)


@pytest.mark.parametrize("name", registry().gans)
def test_a_gan_is_shown_with_all_that_can_be_set(ganzoo: Text, name: str) -> None:
    said = ganzoo(f"show {name}")
    recipe = resolve(registry().gan(name))
    for part, values in recipe.values.items():
        assert all(f"  {part}.{key} " in said for key in values)
    assert all(f"--preset {preset}" in said for preset in recipe.gan.presets)


@pytest.mark.parametrize("what", ["child", "child/weights.safetensors"])
def test_weights_are_shown_with_their_settings(ganzoo: Text, runs: Path, what: str) -> None:
    said = ganzoo(f"show {runs / what}")
    assert "inside (--stage parent)" in said
    assert "mnist-10k" in said
    assert "parent.generator.widths" in said


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("show dcgna", "no GAN named 'dcgna'; did you mean 'dcgan'? (ganzoo list)"),
        ("show .", ". holds no weights.safetensors; is it a run's folder?"),
        ("list models", "Invalid value for '[KIND]'"),
        ("lst", "no command 'lst'; did you mean: ganzoo list (ganzoo --help)"),
    ],
)
def test_what_is_not_there_is_one_line(refused: Text, line: str, message: str) -> None:
    assert message in refused(line)


def test_the_version_is_that_of_the_distribution(ganzoo: Text) -> None:
    assert ganzoo("--version").startswith("ganzoo, version 0.")


def test_warnings_are_one_line(ganzoo: Text, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)
    ganzoo("list")
    assert warnings.formatwarning("iterations are slow", UserWarning, "x.py", 3) == "Warning: iterations are slow\n"
