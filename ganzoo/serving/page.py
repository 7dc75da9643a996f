"""The page on which a person looks at the images of a service: that of the service itself, or a file of its own."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

from ganzoo.generators.base import TrainedGenerator
from ganzoo.pages.html import json_for_script, read_package_text, render_page
from ganzoo.util.errors import GanzooError, printable
from ganzoo.util.web import WebError, opened

SECONDS, MOST_BYTES = 10.0, 2**20
PLACE = re.compile(r"https?://[A-Za-z0-9._-]+(:\d{1,5})?|https?://\[[0-9a-fA-F:]+\](:\d{1,5})?")


def about(model: TrainedGenerator, version: str) -> dict[str, Any]:
    """What ``/about.json`` says of a generator.

    Args:
        model: the generator.
        version: changes whenever its images do.
    """
    metadata = model.metadata
    return {
        "gan": metadata.gan,
        "data": metadata.data.name,
        "version": version,
        "shape": list(metadata.shape),
        "num_classes": metadata.num_classes,
        "classes": [model.class_name(label) for label in range(metadata.num_classes)],
        "settings": {name: setting.default for name, setting in model.sampling_settings.items()},
    }


def page(facts: dict[str, Any], address: str = "") -> str:
    """The page, as HTML. Its policy allows one script, and images of the service or inline.

    Args:
        facts: as :func:`about` gives them.
        address: of the service, with a slash at its end; empty for a page that comes from it.
    """
    parts = urlsplit(address)
    place = f"{parts.scheme}://{parts.netloc}" if address else "'self'"
    shown = {name: facts[name] for name in ("version", "shape", "classes", "settings")} | {"address": address}
    script = read_package_text(__package__, "page.js")
    maker = f"the service at {address}" if address else "the server that this page comes from"
    values = {"facts": json_for_script(shown), "address": address, "maker": maker}
    return render_page(__package__, f"{facts['gan']} · {facts['data']}", script, values, img_src=f"{place} data:")


def page_of_service(address: str) -> str:
    """The page of a service elsewhere, to be kept as a file. It asks the service for its images.

    Args:
        address: such as ``https://example.org/digits``.

    Raises:
        GanzooError: the address is none, nothing answers, or what answers is no service of ganzoo.
    """
    shown = printable(address, 200)
    parts = urlsplit(address)
    place = f"{parts.scheme}://{parts.netloc}"
    is_plain = re.fullmatch(r"[\w./~-]*", parts.path, re.ASCII) and not (parts.query or parts.fragment)
    if not (PLACE.fullmatch(place) and is_plain):
        raise GanzooError(f"'{shown}' is no address of a service; write http://host:port/")
    base = f"{place}{parts.path.rstrip('/')}/"
    try:
        with opened(f"{base}about.json", SECONDS) as answer:
            content = answer.read(MOST_BYTES)
    except WebError as error:
        raise GanzooError(f"nothing answers at {base}about.json: {error}; start it: ganzoo serve FILE") from None
    try:
        facts = json.loads(content)
    except (ValueError, RecursionError):
        facts = None
    if not is_about(facts):
        raise GanzooError(f"what answers at {shown} is no service of ganzoo; start one: ganzoo serve FILE")
    return page(facts, base)


def is_about(facts: Any) -> bool:
    """Whether a value has what the page needs of :func:`about`."""
    return (
        isinstance(facts, dict)
        and all(isinstance(facts.get(name), str) for name in ("gan", "data", "version"))
        and isinstance(facts.get("shape"), list)
        and len(facts["shape"]) == 3
        and all(type(side) is int and 0 < side < 2**16 for side in facts["shape"])
        and isinstance(facts.get("classes"), list)
        and all(isinstance(name, str) for name in facts["classes"])
        and isinstance(facts.get("settings"), dict)
        and all(type(value) in (int, float) for value in facts["settings"].values())
    )
