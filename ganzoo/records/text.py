"""Values from files as short text."""

from __future__ import annotations

import json
import math
from typing import Any


def one_line(value: Any, longest: int = 300) -> str:
    """A value as one line of at most ``longest`` characters.

    >>> one_line("a\\n b"), one_line([1, None]), one_line("abcdef", 4)
    ('a b', '[1, null]', 'abc…')
    """
    text = " ".join((value if isinstance(value, str) else json.dumps(value)).split())
    return text if len(text) <= longest else text[: longest - 1] + "…"


def format_number(value: float) -> str:
    """A number with thousands separators or four digits.

    >>> [format_number(value) for value in (12345, 0.12345, 1.2e-8)]
    ['12,345', '0.1235', '1.2e-08']
    """
    if isinstance(value, int) or (math.isfinite(value) and value == int(value) and abs(value) < 1e6):
        return f"{int(value):,}" if abs(value) < 1e15 else f"{float(str(value)[:300]):.4g}"
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e6 else f"{value:.4g}"
