"""Parts that belong to no GAN in particular: the optimizers."""

from __future__ import annotations

from ganzoo.parts.optimizers import adam, rmsprop, sgd
from ganzoo.registry.hookspecs import Parts, hookimpl


@hookimpl
def ganzoo_optimizers() -> Parts:
    return {"adam": adam, "rmsprop": rmsprop, "sgd": sgd}
