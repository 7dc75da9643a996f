"""The values of settings: from text to the type of an annotation, within its range, and back to text."""

from __future__ import annotations

import json
import math
import re
import types
import typing
from dataclasses import dataclass
from typing import Annotated, Any, Literal

BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True)
class Range:
    """The numbers that a setting may have, for ``Annotated[float, Range(...)]``.

    Attributes:
        least: smallest value.
        above: bound that a value has to exceed.
        most: largest value.
        below: bound that a value must not reach.
    """

    least: float | None = None
    above: float | None = None
    most: float | None = None
    below: float | None = None

    def __contains__(self, number: float) -> bool:
        return (
            (self.least is None or number >= self.least)
            and (self.above is None or number > self.above)
            and (self.most is None or number <= self.most)
            and (self.below is None or number < self.below)
        )

    def __str__(self) -> str:
        bounds = (("at least", self.least), ("above", self.above), ("at most", self.most), ("below", self.below))
        return " and ".join(f"{words} {bound:,}" for words, bound in bounds if bound is not None)


@dataclass(frozen=True, init=False)
class Unless:
    """Another setting of the part, and values of it with which this one changes nothing, for ``Annotated[int, ...]``.

    A user who sets it then is refused.

    Attributes:
        setting: name of the other setting.
        values: the values of it; of a text such as ``formula:x0``, what precedes the colon.
    """

    setting: str
    values: tuple[object, ...]

    def __init__(self, setting: str, *values: object) -> None:
        object.__setattr__(self, "setting", setting)
        object.__setattr__(self, "values", values)

    def __contains__(self, value: object) -> bool:
        return (value.partition(":")[0] if isinstance(value, str) else value) in self.values


Count = Annotated[int, Range(least=1, most=10**12)]
"""A whole number from 1."""

Size = Annotated[int, Range(least=1, most=2**20)]
"""A number of units, channels, samples or latents."""

Positive = Annotated[float, Range(above=0)]
NonNegative = Annotated[float, Range(least=0)]

Decay = Annotated[float, Range(least=0, below=1)]
"""The decay of a moving average, or a probability of dropout."""

Share = Annotated[float, Range(least=0, most=1)]


@dataclass(frozen=True)
class Changing:
    """Marks a number that may change during a training."""


RAMP = re.compile(r"([a-zA-Z0-9][a-zA-Z0-9._-]*):([^:]+)\.\.([^:]+)", re.ASCII)

Scheduled = Annotated[float, Changing()]
"""A number, or one that changes during a training: ``cosine:150..15``, by a schedule from one value to another.

A range follows it, as in ``Annotated[Scheduled, Range(least=0)]``."""

ScheduledDecay = Annotated[Scheduled, Range(least=0, below=1)]
ScheduledShare = Annotated[Scheduled, Range(least=0, most=1)]


def ramp(value: object) -> tuple[str, float, float] | None:
    """The schedule, first and last value of ``cosine:150..15``; ``None`` for a constant."""
    match = RAMP.fullmatch(value) if isinstance(value, str) else None
    return (match[1], float(match[2]), float(match[3])) if match else None


class OutOfRangeError(ValueError):
    """A number is outside the range of its setting."""


def convert(value: Any, kind: Any) -> Any:
    """A value, or its text, in the type of an annotation.

    Raises:
        OutOfRangeError: a number is outside the annotated range.
        ValueError, TypeError, LookupError, OverflowError: the value cannot be converted.
    """
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Annotated and Changing() in arguments and isinstance(value, str) and (match := RAMP.fullmatch(value)):
        first, last = (convert(end, kind) for end in match.groups()[1:])
        return f"{match[1]}:{first!r}..{last!r}"
    if origin is Annotated:
        number = convert(value, arguments[0])
        for limits in arguments[1:]:
            if isinstance(limits, Range) and number not in limits:
                raise OutOfRangeError(str(limits))
        return number
    if origin is Literal:
        if value not in arguments:
            raise ValueError
        return value
    if origin in (typing.Union, types.UnionType):
        if value is None or value == "none":
            if type(None) in arguments:
                return None
            raise ValueError
        return convert(value, next(choice for choice in arguments if choice is not type(None)))
    if origin is tuple:
        items = value
        if isinstance(value, str):
            items = value.removesuffix(",").split(",") if value.strip() else ()
        return tuple(convert(item, arguments[0]) for item in items)
    if kind is bool:
        value = BOOLEANS[value.lower()] if isinstance(value, str) else value
        if not isinstance(value, bool):
            raise TypeError
        return value
    if kind is str:
        if not isinstance(value, str):
            raise TypeError
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError
    if isinstance(value, str) and ("_" in value or not value.isascii()):  # Python would read 1_0 as ten
        raise ValueError
    if kind is int:
        if isinstance(value, float) and not value.is_integer():
            raise ValueError
        return int(value)
    if kind is float:
        if not math.isfinite(number := float(value)):
            raise ValueError
        return number
    raise TypeError


def format_value(value: Any) -> str:
    """The text of a value, as :func:`convert` reads it."""
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return json.dumps(value) if isinstance(value, bool | dict) else "none" if value is None else str(value)


def describe_type(kind: Any) -> str:
    """The type of a setting in words, with its range."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Annotated:
        ranges = [str(limits) for limits in arguments[1:] if isinstance(limits, Range)]
        text = " ".join([describe_type(arguments[0]), *ranges])
        return f"{text}, or as it changes: cosine:2..0.2" if Changing() in arguments else text
    if origin is Literal:
        return "one of " + ", ".join(map(str, arguments))
    if origin in (typing.Union, types.UnionType):
        return " or ".join("none" if choice is type(None) else describe_type(choice) for choice in arguments)
    if origin is tuple:
        return f"a list like 64,128 of: {describe_type(arguments[0])}"
    return {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}.get(kind, str(kind))
