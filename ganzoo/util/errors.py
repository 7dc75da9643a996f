"""The error that users can mend, and errors of other libraries in one line."""

from __future__ import annotations


class GanzooError(Exception):
    """Input, a file, a plugin or the environment is wrong. The message names the value, good values and a command."""


def printable(text: str, longest: int = 1000) -> str:
    """A text of unknown origin as one line: line breaks and control characters are escaped, and the end is cut off.

    >>> printable("a\\nb"), printable("abcdef", 5)
    ('a\\\\nb', 'ab...')
    """
    part = text[: longest + 1]
    escaped = part if part.isprintable() else "".join(each if each.isprintable() else _escape(each) for each in part)
    return escaped if len(escaped) <= longest else f"{escaped[: longest - 3]}..."


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()


def first_line(error: BaseException) -> str:
    """Kind and first line of somebody else's error, of at most 300 characters, for a message of one line."""
    kind = type(error).__name__
    try:
        text = f"{kind}: {error}"
    except BaseException:  # its __str__ may do anything
        text = f"{kind}, whose message cannot be read"
    return printable(text.splitlines()[0], 300)


FOREIGN_ERRORS = (
    RuntimeError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    MemoryError,
    ArithmeticError,
)
"""What third-party parts and libraries raise when they are given something that they cannot handle.

The one list: code that calls a maker, a trainer or a loader of a plugin catches these and raises a
:class:`GanzooError` with :func:`first_line` of the error. ``GANZOO_DEBUG=1`` shows the whole traceback.
"""
