"""The GANs of the zoo with narrow networks, for tests that run over all of them."""

from __future__ import annotations

from typing import Any

from ganzoo.registry.recipe import resolve
from ganzoo.registry.recipe import settings as settings_of
from ganzoo.registry.registry import registry

SIZES = {"widths": (16,), "width": 8, "blocks": 1, "growth": 4, "pool": 6}


def narrow(name: str) -> dict[str, Any]:
    """Settings that make the networks of a GAN narrow, and leave the kinds of their layers as they are."""
    known = settings_of(dict(resolve(registry().gan(name)).functions))
    return {
        f"{part}.{key}": value
        for part in ("generator", "discriminator")
        for key, value in SIZES.items()
        if key in known[part]
    }
