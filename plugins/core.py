"""Parts that belong to no GAN in particular: the optimizers."""

from __future__ import annotations

from ganzoo import hookimpl
from ganzoo.parts import Parts, adam, rmsprop, sgd


@hookimpl
def ganzoo_optimizers() -> Parts:
    return {"adam": adam, "rmsprop": rmsprop, "sgd": sgd}
