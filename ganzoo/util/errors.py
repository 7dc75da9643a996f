"""The error of everything outside the code, and foreign errors in one line."""

from __future__ import annotations


class GanzooError(Exception):
    """Something outside the code is wrong. The message names the value, the good values and the next command."""


def first_line(error: BaseException) -> str:
    """Kind and first line of somebody else's error, of at most 300 characters, for a message of one line."""
    return f"{type(error).__name__}: {error}".splitlines()[0][:300]


FOREIGN_ERRORS = (
    RuntimeError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    MemoryError,
    ArithmeticError,
    NotImplementedError,
)
"""What third-party parts and libraries raise when they are given something that they cannot handle.

The one list: whoever calls a maker, a trainer or a loader of a plugin catches these and raises a
:class:`GanzooError` with :func:`first_line` of the error. ``GANZOO_DEBUG=1`` shows the whole traceback.
"""
