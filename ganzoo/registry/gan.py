"""What a GAN is made of, as plain records. Nothing here imports torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    pass

Overrides = Mapping[str, Any]
PARTS = ("generator", "discriminator", "trainer", "optimizer")


@dataclass(frozen=True, kw_only=True)
class GAN:
    """A game and its players: everything that a plugin says about one GAN.

    A part (``generator``, ``discriminator``, ``trainer``, ``optimizer``) is a function, or the name under which some
    plugin registered one. The keyword-only arguments of the parts are the numbers that a user can set; ``settings``
    holds this GAN's own defaults for them, and ``presets`` named sets of further overrides. In both, the name of a
    part selects another part, an argument's name sets it, ``part.argument`` says which part is meant when two share
    the name, and ``parent.KEY`` reaches the parent's settings.

    Attributes:
        name: registry key, file stem and metadata value; lower case, words joined by hyphens.
        summary: one line for ``ganzoo list``.
        paper: author(s) and year, with an identifier by which it is found.
        conditional: the networks take labels (or regression inputs) besides latent and image.
        parent: name of the GAN that is trained first; its networks reach the makers as ``Task.parent``.
        data: the data set to train on when the user names none.
    """

    name: str
    summary: str
    generator: str | Callable[..., Any]
    discriminator: str | Callable[..., Any]
    trainer: str | Callable[..., Any]
    optimizer: str | Callable[..., Any] = "adam"
    paper: str = ""
    conditional: bool = False
    parent: str | None = None
    data: str = "mnist-10k"
    settings: Overrides = field(default_factory=lambda: MappingProxyType({}))
    presets: Mapping[str, Overrides] = field(default_factory=lambda: MappingProxyType({}))
