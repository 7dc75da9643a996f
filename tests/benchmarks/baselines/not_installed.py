"""Why a baseline is left out of a comparison."""

from __future__ import annotations


class NotInstalled(Exception):  # noqa: N818
    """A baseline is not installed here, or does not start; the message says which."""
