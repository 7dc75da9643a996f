"""Pages that are one file: their parts go inside, nothing they tell becomes code, and they ask nobody for anything."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

__all__ = ["hashed", "page_of", "policy", "tagged", "text_of"]


def text_of(package: str, name: str) -> str:
    """A file that lies in a package."""
    return (files(package) / name).read_text("utf-8")


def page_of(package: str, title: str, script: str, values: Mapping[str, str], **changes: str) -> str:
    """A page: what all pages share around the ``page.html`` of its package, with ``base.css`` and its ``page.css``.

    Args:
        package: where its parts lie.
        title: a plain text, which is escaped here; both templates may hold ``{{title}}``.
        script: the one that may run; ``page.html`` holds ``{{script}}``.
        values: of all else in ``page.html``, as HTML.
        changes: to the :func:`policy`.
    """
    style = text_of("ganzoo.pages", "base.css") + "\n" + text_of(package, "page.css")
    shared = {"title": html.escape(title), "style": style, "script": script, "policy": policy(script, style, **changes)}
    body = filled(text_of(package, "page.html"), {**shared, **values})
    return filled(text_of("ganzoo.pages", "base.html"), shared | {"body": body})


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
