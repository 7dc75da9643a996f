"""The GANs of the zoo with narrow networks, for tests that run over all of them."""

from __future__ import annotations

from typing import Any

from ganzoo.registry.recipe import resolve
from ganzoo.registry.recipe import settings as settings_of
from ganzoo.registry.registry import registry

SIZES = {"widths": (16,), "width": 8, "blocks": 1, "growth": 4, "pool": 6}
STEPS = ("critic_steps", "discriminator_steps")


def narrow(name: str) -> dict[str, Any]:
    """Settings that make the networks of a GAN narrow and its iterations short, and leave the kinds of layers."""
    recipe = resolve(registry().gan(name))
    known = settings_of(dict(recipe.functions))
    sizes = {
        f"{part}.{key}": value
        for part in ("generator", "discriminator")
        for key, value in SIZES.items()
        if key in known[part]
    }
    return sizes | {f"trainer.{key}": 2 for key in STEPS if recipe.values["trainer"].get(key, 0) > 2}
