"""What plugins are made of: losses, penalties, builders of networks, trainers, optimizers.

Importing this package does not import torch. ``torch``, ``nn`` and ``F`` are stand-ins that import it at first use, so
that listing GANs stays fast. The names of modules (``Packed``, ...) need torch and are imported at first use too.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ganzoo.parts.augmentation import ada, auto_augmentation, diffaugment, flips, no_augmentation
from ganzoo.parts.builders import (
    Activation,
    Norm,
    activation,
    conv_discriminator,
    conv_generator,
    dense,
    dense_discriminator,
    dense_generator,
    halvings,
    labelled_discriminator,
    labelled_generator,
    output_activation,
    packed,
    radford_init,
    with_encoder,
    with_heads,
    with_settings_of,
)
from ganzoo.parts.losses import (
    accuracy,
    bce,
    gradient_norms,
    mae,
    mean,
    mse,
    real_and_fake_logits,
    stop_gradient,
    unit_gradient_penalty,
    without_grad,
    zero_gradient_penalty,
)
from ganzoo.parts.optimizers import adam, rmsprop, sgd
from ganzoo.parts.schedules import constant, cosine, late_linear, linear
from ganzoo.parts.task import Task
from ganzoo.parts.trainers import (
    Draw,
    Smoothing,
    Updates,
    augmentable,
    critic,
    least_squares,
    non_saturating,
    paired,
    require_parts,
    wasserstein,
    wasserstein_gp,
)
from ganzoo.parts.transforms import cut_out, mirrored, recoloured, shifted
from ganzoo.registry.hookspecs import Parts
from ganzoo.registry.values import Count, Decay, NonNegative, Positive, Range, Scheduled, Share, Size, Unless
from ganzoo.util.optional import F, needs, nn, torch

if TYPE_CHECKING:
    from ganzoo.parts.modules import LabelledDiscriminator, LabelledGenerator, Packed, is_per_sample
    from ganzoo.parts.networks import Networks

__all__ = [
    "Activation",
    "Count",
    "Decay",
    "Draw",
    "F",
    "LabelledDiscriminator",
    "LabelledGenerator",
    "Networks",
    "NonNegative",
    "Norm",
    "Packed",
    "Parts",
    "Positive",
    "Range",
    "Scheduled",
    "Share",
    "Size",
    "Smoothing",
    "Task",
    "Unless",
    "Updates",
    "accuracy",
    "activation",
    "ada",
    "adam",
    "augmentable",
    "auto_augmentation",
    "bce",
    "constant",
    "conv_discriminator",
    "conv_generator",
    "cosine",
    "critic",
    "cut_out",
    "dense",
    "dense_discriminator",
    "dense_generator",
    "diffaugment",
    "flips",
    "gradient_norms",
    "halvings",
    "is_per_sample",
    "labelled_discriminator",
    "labelled_generator",
    "late_linear",
    "least_squares",
    "linear",
    "mae",
    "mean",
    "mirrored",
    "mse",
    "needs",
    "nn",
    "no_augmentation",
    "non_saturating",
    "output_activation",
    "packed",
    "paired",
    "radford_init",
    "real_and_fake_logits",
    "recoloured",
    "require_parts",
    "rmsprop",
    "sgd",
    "shifted",
    "stop_gradient",
    "torch",
    "unit_gradient_penalty",
    "wasserstein",
    "wasserstein_gp",
    "with_encoder",
    "with_heads",
    "with_settings_of",
    "without_grad",
    "zero_gradient_penalty",
]

_LAZY = {
    "LabelledDiscriminator": "ganzoo.parts.modules",
    "LabelledGenerator": "ganzoo.parts.modules",
    "Packed": "ganzoo.parts.modules",
    "is_per_sample": "ganzoo.parts.modules",
    "Networks": "ganzoo.parts.networks",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        with needs():
            return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'ganzoo.parts' has no attribute {name!r}")
