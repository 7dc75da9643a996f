"""The argument of a data set that is made of others: their names, then settings, as in ``a,b,holdout=10%``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from ganzoo.registry.values import OutOfRangeError, Range, convert, describe_type
from ganzoo.util.errors import GanzooError, printable

SETTING = re.compile("([a-z]+)=(.*)", re.DOTALL)
Percent = Annotated[float, Range(least=0, below=100)]


def split_argument(argument: str) -> tuple[list[str], list[tuple[str, str]]]:
    """Names and settings; a setting is a piece at the end that looks like ``key=value``.

    >>> split_argument("a,b,holdout=10%")
    (['a', 'b'], [('holdout', '10%')])
    """
    names = argument.split(",")
    settings = []
    while names and (setting := SETTING.fullmatch(names[-1])):
        settings.append((setting[1], setting[2]))
        names.pop()
    return names, settings[::-1]


def convert_settings(name: str, given: Sequence[tuple[str, str]], kinds: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that are given, in the types of their annotations; a :data:`Percent` ends in ``%``.

    Args:
        name: full name of the data set, for errors.
        given: keys and texts.
        kinds: annotations by key.

    Raises:
        GanzooError: there is no such setting, its value is none, or it is there twice.
    """
    values: dict[str, Any] = {}
    for key, text in given:
        start = f"{printable(name, 200)}: {key}={printable(text, 40)}"
        if key not in kinds:
            raise GanzooError(f"{start} is no setting of it; they are {', '.join(f'{known}=' for known in kinds)}")
        if key in values:
            raise GanzooError(f"{start} is there twice; give it once")
        is_percent = kinds[key] == Percent
        try:
            if is_percent and not text.endswith("%"):
                raise ValueError
            values[key] = convert(text.removesuffix("%") if is_percent else text, kinds[key])
        except (OutOfRangeError, ValueError, TypeError, LookupError, OverflowError):
            wanted = "a percentage from 0% to below 100%, such as 10%" if is_percent else describe_type(kinds[key])
            raise GanzooError(f"{start} is not {wanted}") from None
    return values
