"""A GAN as a record of its parts. Nothing here imports torch."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import MappingProxyType
from typing import Any

from ganzoo.registry.values import format_value
from ganzoo.util.display import page, unless_it_fails
from ganzoo.util.errors import GanzooError

Overrides = Mapping[str, Any]
PARTS = ("generator", "discriminator", "trainer", "optimizer", "augmentation")
OWN_OPTIMIZERS = ("generator.optimizer", "discriminator.optimizer")
"""Keys of the optimizer of one network, where it differs from that of the other."""


@dataclass(frozen=True, kw_only=True)
class GAN:
    """One GAN, as a plugin registers it.

    A part (generator, discriminator, trainer, optimizer, augmentation) is a function, or the name under which a plugin
    registered one. The keyword-only arguments of the parts are the settings of the GAN.

    ``settings`` and ``presets`` map keys to values. A key is the name of a part, which selects another part; the name
    of a setting; ``part.setting``, where two parts have a setting of one name; ``discriminator.optimizer`` or
    ``discriminator.optimizer.setting`` (likewise ``generator.``), for an optimizer of its own; or ``parent.KEY`` for
    the parent.

    Attributes:
        name: in the registry, in files and on the command line; lower case, words joined by hyphens.
        summary: one line for ``ganzoo list``.
        generator: maker of the generator, ``make(task, *, setting=default, ...) -> nn.Module``.
        discriminator: maker of the discriminator or critic, likewise.
        trainer: generator function of one iteration, ``train(nets, draw, *, setting=default, ...)``, or
            ``train(nets, draw, iteration, *, ...)`` to get its number, counted from 1.
        optimizer: maker of an optimizer, ``make(parameters, *, lr=..., ...)``.
        augmentation: maker of what the discriminator sees in training in place of the images,
            ``make(task, *, setting=default, ...) -> nn.Module | None``.
        paper: authors and year, with an identifier such as that of arXiv.
        conditional: the networks also take labels or regression inputs.
        parent: name of the GAN that is trained first; makers get its networks as ``Task.parent``.
        data: the default data set.
        default_for: ``images`` or ``vectors``, where ``ganzoo train --data NAME`` means this GAN if no other is named;
            empty for neither. At most one GAN can be the default for each.
        frozen: makers ``make(task) -> nn.Module`` of networks that are never trained and not saved, by name, such as
            the features of a content loss; a trainer finds them in ``nets.frozen``.
        settings: this GAN's defaults.
        presets: named sets of settings, such as those of the paper.

    Raises:
        GanzooError: a network is given in place of its maker.
    """

    name: str
    summary: str
    generator: str | Callable[..., Any]
    discriminator: str | Callable[..., Any]
    trainer: str | Callable[..., Any]
    optimizer: str | Callable[..., Any] = "adam"
    augmentation: str | Callable[..., Any] = "auto"
    paper: str = ""
    conditional: bool = False
    parent: str | None = None
    data: str = "mnist-10k"
    default_for: str = ""
    frozen: Mapping[str, Callable[..., Any]] = field(default_factory=lambda: MappingProxyType({}))
    settings: Overrides = field(default_factory=lambda: MappingProxyType({}))
    presets: Mapping[str, Overrides] = field(default_factory=lambda: MappingProxyType({}))

    @unless_it_fails
    def _repr_html_(self) -> str:
        recipe = import_module("ganzoo.registry.recipe").resolve(self)  # which imports this file
        facts = [("paper", self.paper)] if self.paper else []
        facts += [("data", self.data), ("presets", ", ".join(self.presets) or "none")]
        facts += [(key, format_value(value)) for key, value in recipe.flat().items()]
        return page(f"{self.name}: {self.summary}", facts)

    def __post_init__(self) -> None:
        torch = sys.modules.get("torch")  # without it there is no network
        for part in PARTS:
            if torch and isinstance(value := getattr(self, part), torch.nn.Module):
                kind = type(value).__name__
                raise GanzooError(
                    f"{part} of GAN '{self.name}' is a network, {kind}; give a function that makes a new one: "
                    f"{part}=lambda task: {kind}(...)"
                )
