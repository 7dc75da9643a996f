"""Parts that belong to no GAN in particular: optimizers, augmentations and schedules."""

from __future__ import annotations

from ganzoo import hookimpl
from ganzoo.parts import (
    Parts,
    ada,
    adam,
    auto_augmentation,
    constant,
    cosine,
    diffaugment,
    flips,
    late_linear,
    linear,
    no_augmentation,
    rmsprop,
    sgd,
)


@hookimpl
def ganzoo_optimizers() -> Parts:
    return {"adam": adam, "rmsprop": rmsprop, "sgd": sgd}


@hookimpl
def ganzoo_augmentations() -> Parts:
    return {
        "none": no_augmentation,
        "flip": flips,
        "diffaugment": diffaugment,
        "ada": ada,
        "auto": auto_augmentation,
    }


@hookimpl
def ganzoo_schedules() -> Parts:
    return {"constant": constant, "linear": linear, "cosine": cosine, "late-linear": late_linear}
