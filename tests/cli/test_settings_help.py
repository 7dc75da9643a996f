"""Settings in words, from docstrings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pytest

from ganzoo.cli.settings_help import explain, explanations, help_text, summary
from ganzoo.registry.gan import PARTS
from ganzoo.registry.recipe import LoopSettings, Setting, resolve, signature
from ganzoo.registry.registry import registry

OURS = "ganzoo-kit"


def parts() -> dict[str, tuple[str, Callable[..., object]]]:
    """Every part that comes with ganzoo, registered or a GAN's own, by a readable name."""
    known = registry()
    found: dict[str, tuple[str, Callable[..., object]]] = {"loop": ("loop", LoopSettings)}
    for kind in PARTS:
        for name, make in known.parts[kind].items():
            if known.owners[kind, name].distribution == OURS:
                found[f"{kind} {name}"] = kind, make
    for gan in known.gans.values():
        if known.owners["GAN", gan.name].distribution == OURS:
            for kind, make in resolve(gan).functions.items():
                if kind not in resolve(gan).names:
                    found[f"{kind} of {gan.name}"] = kind, make
    return found


@pytest.mark.parametrize(("kind", "make"), parts().values(), ids=parts().keys())
def test_every_setting_is_explained(kind: str, make: Callable[..., object]) -> None:
    settings = signature(kind, make)
    assert [name for name, setting in settings.items() if not explain(make, setting)] == []
    assert sorted(explanations(make).keys() & settings.keys()) == sorted(settings), "in a section Args or Attributes"


def documented(task: object, *, width: int = 3, depth: int = 1, norm: Literal["none", "batch"] = "none") -> None:
    """A part. ``other`` is in prose.

    Args:
        task: what to build for.
        width: features of the last :class:`Layer`,
            on two lines.
        depth, norm: both of
            :func:`ganzoo.parts.build`.

    Returns:
        width: nothing.
    """


def in_prose(*, width: int = 3, depth: int = 1) -> None:
    """First line.

    ``width`` counts the features; it is 3. Nothing about others.
    """


def test_the_section_of_arguments_is_read() -> None:
    found = explanations(documented)
    assert found.keys() == {"task", "width", "depth", "norm"}
    assert found["width"] == "features of the last Layer, on two lines."
    assert found["depth"] == found["norm"] == "both of ganzoo.parts.build."
    assert explanations(in_prose) == explanations(object()) == {}


def test_a_sentence_that_names_a_setting_explains_it() -> None:
    assert explain(in_prose, Setting("generator", "width", int, 3)) == "width counts the features;"
    assert explain(in_prose, Setting("generator", "depth", int, 1)) is None
    assert summary(in_prose) == "First line."


def test_values_are_added_where_they_are_not_named() -> None:
    settings = signature("generator", documented)
    assert help_text(documented, settings["norm"]) == "both of ganzoo.parts.build (one of none, batch)"
    assert help_text(documented, settings["depth"]) == "both of ganzoo.parts.build"
    assert help_text(in_prose, Setting("generator", "depth", int, 1)) == "a whole number"
