"""Pages that are one HTML file: everything is inside, only one script can run, and nothing is loaded from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

__all__ = ["csp_hash", "csp_policy", "json_for_script", "read_package_text", "render_page"]


def read_package_text(package: str, name: str) -> str:
    """The text of a file in a package."""
    return (files(package) / name).read_text("utf-8")


def render_page(package: str, title: str, script: str, values: Mapping[str, str], **changes: str) -> str:
    """A page, from the ``page.html`` and ``page.css`` of a package and what all pages share.

    Args:
        package: with the two files.
        title: plain text, which is escaped here. Templates may hold ``{{title}}``.
        script: the only one that may run. ``page.html`` holds ``{{script}}``.
        values: HTML for the other names in ``page.html``.
        changes: to the :func:`csp_policy`.
    """
    style = read_package_text("ganzoo.pages", "base.css") + "\n" + read_package_text(package, "page.css")
    policy = csp_policy(script, style, **changes)
    shared = {"title": html.escape(title), "style": style, "script": script, "policy": policy}
    body = fill(read_package_text(package, "page.html"), {**shared, **values})
    return fill(read_package_text("ganzoo.pages", "base.html"), shared | {"body": body})


def fill(template: str, values: Mapping[str, str]) -> str:
    """A template with every ``{{name}}`` replaced. Names inside the values are not replaced."""
    return re.sub(r"{{(\w+)}}", lambda match: values[match[1]], template)


def csp_hash(text: str) -> str:
    """The hash of an inline script or style sheet in a content security policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def csp_policy(script: str, style: str, **changes: str) -> str:
    """A content security policy that allows this script, this style sheet and inline images, and no connection.

    >>> csp_policy("", "", connect_src="https://example.org/").rpartition("; ")[2]
    'connect-src https://example.org/'
    """
    sources = {
        "default-src": "'none'",
        "script-src": csp_hash(script),
        "style-src": csp_hash(style),
        "img-src": "data:",
        "connect-src": "'none'",
    } | {name.replace("_", "-"): source for name, source in changes.items()}
    return "; ".join(f"{name} {source}" for name, source in sources.items())


def json_for_script(values: Any) -> str:
    """Values as strict JSON in which no HTML tag can begin or end, for the text of a script element."""
    strict = json.loads(json.dumps(values), parse_constant=str)  # JSON has no infinity and no NaN
    return json.dumps(strict, separators=(",", ":")).replace("<", "\\u003c")
