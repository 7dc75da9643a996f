"""What keeps an opponent out of a comparison."""

from __future__ import annotations


class Absent(Exception):  # noqa: N818
    """An opponent is not installed here, or does not start; the message says which."""
