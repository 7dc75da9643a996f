"""What a docstring says about settings: its ``Args:`` section, or a sentence that names the setting."""

from __future__ import annotations

import inspect
import re
from typing import get_args

from ganzoo.registry.recipe import Setting
from ganzoo.registry.values import Count, Range, Size, describe_type

SECTION = re.compile(r"(?m)^(?:Args|Attributes):\n((?:[ \t]+.*\n?|\n)+)")
ENTRY = re.compile(r"(?m)^ {4}(?=[\w*])")
SENTENCE = re.compile(r"(?<=[.;])\s+")


def summary(function: object) -> str:
    """The first line of a docstring."""
    return (inspect.getdoc(function) or "").partition("\n")[0].replace("``", "")


def explanations(function: object) -> dict[str, str]:
    """What the ``Args:`` or ``Attributes:`` section of a docstring says, by name; ``a, b: text`` explains both."""
    section = SECTION.search(inspect.getdoc(function) or "")
    found: dict[str, str] = {}
    for entry in ENTRY.split(section[1])[1:] if section else ():
        names, _, text = entry.partition(":")
        found |= dict.fromkeys((name.strip(" *`") for name in names.split(",")), plain(text))
    return found


def explain(function: object, setting: Setting) -> str | None:
    """What the docstring of a part says about one of its settings; ``None`` where it says nothing."""
    text = explanations(function).get(setting.name)
    if text is None:
        prose = SECTION.sub("", inspect.getdoc(function) or "")
        text = next((plain(one) for one in SENTENCE.split(prose) if f"``{setting.name}``" in one), None)
    return text


def help_text(function: object, setting: Setting) -> str:
    """A setting in words: its explanation, if there is one, and the values that it takes where these are not clear."""
    kind, text = describe_type(setting.kind), explain(function, setting)
    if not text:
        return kind
    text = text if ". " in text else text.rstrip(".")
    if limits := range_of(setting.kind):
        return f"{text} ({limits})"
    unnamed = [choice for choice in get_args(setting.kind) if isinstance(choice, str) and choice not in text]
    return f"{text} ({kind})" if unnamed else text


def range_of(kind: object) -> Range | None:
    """The range of a number, unless it is one of the sizes and counts that start at 1."""
    limits = [each for each in get_args(kind)[1:] if isinstance(each, Range)]
    return limits[0] if limits and limits[0] not in (*get_args(Count), *get_args(Size)) else None


def plain(text: str) -> str:
    """Text on one line, without the marks of a docstring."""
    text = re.sub(r":\w+:`[~.]?([^`]+)`", r"\1", text)
    return " ".join(text.split()).replace("``", "")
