"""The error of everything outside the code, and foreign errors in one line."""

from __future__ import annotations


class GanzooError(Exception):
    """Something outside the code is wrong. The message names the value, the good values and the next command."""


def first_line(error: BaseException) -> str:
    """Kind and first line of somebody else's error, for a message of one line."""
    return f"{type(error).__name__}: {error}".splitlines()[0]
