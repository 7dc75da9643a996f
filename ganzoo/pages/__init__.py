"""Pages that are one file: their parts go inside, nothing they tell becomes code, and they ask nobody for anything."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

__all__ = ["filled", "hashed", "policy", "style_of", "tagged", "text_of"]


def text_of(package: str, name: str) -> str:
    """A file that lies in a package."""
    return (files(package) / name).read_text("utf-8")


def style_of(package: str) -> str:
    """The style sheet of a page: what all pages share, then the ``page.css`` of its package."""
    return text_of(__name__, "base.css") + "\n" + text_of(package, "page.css")


def filled(template: str, values: Mapping[str, str]) -> str:
    """A template with every ``{{name}}`` replaced; what comes in is not looked at again."""
    return re.sub(r"{{(\w+)}}", lambda match: values[match[1]], template)


def hashed(text: str) -> str:
    """The name of an inline script or style sheet in a content security policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def policy(script: str, style: str, **changes: str) -> str:
    """A content security policy that lets a browser run these two, show pictures in the page, and connect to nobody.

    >>> policy("", "", connect_src="https://example.org/").rpartition("; ")[2]
    'connect-src https://example.org/'
    """
    kinds = {
        "default-src": "'none'",
        "script-src": hashed(script),
        "style-src": hashed(style),
        "img-src": "data:",
        "connect-src": "'none'",
    } | {kind.replace("_", "-"): sources for kind, sources in changes.items()}
    return "; ".join(f"{kind} {sources}" for kind, sources in kinds.items())


def tagged(values: Any) -> str:
    """Values as the JSON text of a script element: no tag begins or ends in it, and no word is outside of JSON."""
    strict = json.loads(json.dumps(values), parse_constant=str)  # JSON has no words for infinity and no number
    return json.dumps(strict, separators=(",", ":")).replace("<", "\\u003c")
