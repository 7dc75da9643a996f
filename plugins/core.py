"""Parts that belong to no GAN in particular: optimizers and schedules."""

from __future__ import annotations

from ganzoo import hookimpl
from ganzoo.parts import Parts, adam, constant, cosine, late_linear, linear, rmsprop, sgd


@hookimpl
def ganzoo_optimizers() -> Parts:
    return {"adam": adam, "rmsprop": rmsprop, "sgd": sgd}


@hookimpl
def ganzoo_schedules() -> Parts:
    return {"constant": constant, "linear": linear, "cosine": cosine, "late-linear": late_linear}
