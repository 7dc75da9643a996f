"""What a GAN is made of, as plain records. Nothing here imports torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ganzoo.data import Data
    from ganzoo.networks import Networks

Overrides = Mapping[str, Any]
PARTS = ("generator", "discriminator", "trainer", "optimizer")


class GanzooError(Exception):
    """Something outside the code is wrong. The message names the value, the good values and the next command."""


def told(error: BaseException) -> str:
    """Kind and first line of somebody else's error, for a message of one line."""
    return f"{type(error).__name__}: {error}".splitlines()[0]


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


@dataclass(frozen=True, kw_only=True)
class Task:
    """What networks have to fit: all that the maker of a network is told.

    Attributes:
        shape: of one sample: ``(channels, height, width)`` for images, ``(features,)`` for vectors.
        range: smallest and largest value of a sample, ``None`` where it is unbounded.
        latent: length of z.
        classes: number of classes that a conditional GAN is told; 0 otherwise.
        conditions: number of regression inputs that a conditional GAN is told; 0 otherwise.
        parent: the parent's networks; ``None`` for a GAN without a parent.
        data: the training data, for makers that fit something to it; ``None`` when trained weights will be loaded,
            and an empty buffer then takes the shape that the file has.
    """

    shape: tuple[int, ...]
    range: tuple[float, float] | None
    latent: int
    classes: int = 0
    conditions: int = 0
    parent: Networks | None = None
    data: Data | None = None
