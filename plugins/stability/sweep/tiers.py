"""Tiers: networks and training lengths for points in the plane."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ganzoo.registry.gan import GAN
from ganzoo.registry.recipe import Recipe, resolve, signature
from ganzoo.registry.registry import registry

OWN = "own"
"""The tier of images: the GAN's own networks and loop settings."""


@dataclass(frozen=True, kw_only=True)
class Tier:
    """One budget for all GANs. The trainer and all settings that a tier does not name are the GAN's own.

    Attributes:
        name: of the tier.
        loop: settings of the loop, and of the optimizer if it is not the GAN's own.
        settings: of generators and discriminators, where these have them.
        parts: replacements for generators and discriminators, by name.
    """

    name: str
    loop: Mapping[str, Any]
    settings: Mapping[str, Mapping[str, Any]]
    parts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


LEAKY: dict[str, Any] = {"widths": (128, 128), "hidden": "leaky", "norm": "none"}
PACGAN: dict[str, dict[str, Any]] = {
    "generator": {"widths": (400,) * 4, "norm": "batch"},
    "discriminator": {"widths": (200,) * 3},
}
PACGAN_PARTS = {
    "generator": {"dense": "pacgan-points"},
    "discriminator": {"dense": "maxout", "packed-dense": "packed-maxout"},
}
PLANE: dict[str, Any] = {"latent_dim": 2, "distribution": "normal"}

TIERS = {
    tier.name: tier
    for tier in (
        Tier(
            name="quick",
            loop=PLANE | {"iterations": 10_000, "batch_size": 256, "lr_schedule": "linear"},
            settings={"generator": LEAKY, "discriminator": LEAKY},
        ),
        Tier(
            name="standard",
            loop=PLANE | {"iterations": 25_000, "batch_size": 100, "lr_schedule": "linear"},
            settings=PACGAN,
            parts=PACGAN_PARTS,
        ),
        Tier(
            name="paper",
            loop=PLANE
            | {"iterations": 400_000, "batch_size": 100, "lr_schedule": "constant", "ema": 0.0}
            | {"optimizer": "adam", "lr": 1e-4, "beta1": 0.8, "beta2": 0.999, "ttur": 1.0},
            settings=PACGAN,
            parts=PACGAN_PARTS,
        ),
    )
}
"""``paper`` is the protocol of PacGAN (Lin et al., 2018); ``standard`` has the same networks."""


def recipe_of(gan: GAN, tier: Tier | None, chosen: dict[str, Any]) -> Recipe:
    """A GAN in a tier, with further settings that take precedence; without a tier, the GAN with these settings.

    The batch size of a tier counts the inputs of the discriminator, so packs of k samples get k times as many samples
    (Lin et al., 2018).
    """
    if tier is None:
        return resolve(gan, chosen)
    fitted = fit(resolve(gan), tier)
    recipe = resolve(gan, fitted | chosen)
    packing = recipe.values["discriminator"].get("packing", 1)
    return resolve(gan, fitted | {"batch_size": tier.loop["batch_size"] * packing} | chosen) if packing > 1 else recipe


def fit(recipe: Recipe, tier: Tier) -> dict[str, Any]:
    """The settings that give a GAN and its parent the loop and the networks of a tier."""
    chosen: dict[str, Any] = dict(tier.loop)
    for part in ("generator", "discriminator"):
        function, name = recipe.functions[part], recipe.names.get(part, "")
        own = signature(part, function)
        if "widths" not in own or "width" in own:  # convolutional
            name = "dense"
        if name in (replaced := tier.parts.get(part, {})):
            name = replaced[name]
        if name != recipe.names.get(part, ""):
            chosen[part] = name
            own = signature(part, registry().part(part, name))
        chosen |= {f"{part}.{key}": value for key, value in tier.settings[part].items() if key in own}
    if recipe.parent:
        chosen |= {f"parent.{key}": value for key, value in fit(recipe.parent, tier).items()}
    return chosen


@dataclass(frozen=True)
class Published:
    """Results for points in a paper: means and standard errors of modes, high quality in %, and reverse KL."""

    method: str
    modes: str
    high_quality: str
    reverse_kl: str


SOURCE = "Lin et al. (PacGAN), 2018, table 1; means of 10 runs and their standard errors"
PUBLISHED: Mapping[str, Mapping[tuple[str, int], Published]] = {
    "ring8": {
        ("simple", 1): Published("GAN", "6.3 ± 0.5", "98.2 ± 0.2", "0.45 ± 0.09"),
        ("pacgan", 2): Published("PacGAN2", "7.9 ± 0.1", "95.6 ± 2.0", "0.07 ± 0.03"),
        ("pacgan", 3): Published("PacGAN3", "7.8 ± 0.1", "97.7 ± 0.3", "0.10 ± 0.02"),
        ("pacgan", 4): Published("PacGAN4", "7.8 ± 0.1", "95.9 ± 1.4", "0.07 ± 0.02"),
    },
    "grid25": {
        ("simple", 1): Published("GAN", "17.3 ± 0.8", "94.8 ± 0.7", "0.70 ± 0.07"),
        ("pacgan", 2): Published("PacGAN2", "23.8 ± 0.7", "91.3 ± 0.8", "0.13 ± 0.04"),
        ("pacgan", 3): Published("PacGAN3", "24.6 ± 0.4", "94.2 ± 0.4", "0.06 ± 0.02"),
        ("pacgan", 4): Published("PacGAN4", "24.8 ± 0.2", "93.6 ± 0.6", "0.04 ± 0.01"),
    },
}
