"""Per-sample networks, gradient penalties over batch normalisation, packs, and where normalisation is."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from ganzoo.data import Data
from ganzoo.parts import (
    Packed,
    Task,
    conv_discriminator,
    dense_discriminator,
    is_per_sample,
    packed,
    zero_gradient_penalty,
)
from ganzoo.parts.build import task_of
from ganzoo.registry.recipe import resolve
from ganzoo.registry.registry import registry
from ganzoo.util.errors import GanzooError

IMAGES = Task(shape=(3, 16, 16), range=(-1.0, 1.0), latent_dim=4)


@pytest.mark.parametrize(
    ("layer", "per_sample"),
    [(nn.Flatten(), True), (nn.Flatten(0), False), (nn.Unflatten(1, (2, 2)), True), (nn.Unflatten(0, (2, 2)), False)],
)
def test_a_layer_that_joins_samples_is_not_per_sample(layer: nn.Module, per_sample: bool) -> None:
    assert is_per_sample(nn.Sequential(layer)) is per_sample


@pytest.mark.parametrize("width", [3, 4])
def test_every_hidden_layer_has_its_normalisation(width: int) -> None:
    """Also where the layer before has as many channels as the image."""
    net = conv_discriminator(IMAGES, width=width, norm="batch")
    convolutions = sum(isinstance(layer, nn.Conv2d) for layer in net.modules())
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in net.modules()) == convolutions - 1


def test_a_penalty_over_batch_normalisation_is_warned_of_once() -> None:
    batch, none = (dense_discriminator(IMAGES, widths=(8,), norm=norm) for norm in ("batch", "none"))
    samples = torch.zeros(4, 3, 16, 16)
    with pytest.warns(UserWarning, match="the gradient penalty is per sample") as caught:
        zero_gradient_penalty(batch, samples)
        zero_gradient_penalty(batch, samples)
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        zero_gradient_penalty(none, samples)


def test_a_batch_smaller_than_a_pack_is_refused_in_training() -> None:
    D = packed(dense_discriminator)(IMAGES, packing=8, widths=(8,))
    assert isinstance(D, Packed)
    with pytest.raises(GanzooError, match="packing=8 needs batches of at least as many samples, not 4"):
        D(torch.zeros(4, 3, 16, 16))
    assert D.eval()(torch.zeros(4, 3, 16, 16)).shape == (1, 1)


def test_a_conditional_gan_has_the_condition_that_a_batch_holds() -> None:
    both = Data(
        name="both",
        samples=np.zeros((6, 2), np.float32),
        labels=np.arange(6) % 2,
        classes=("a", "b"),
        conditions=np.zeros((6, 3), np.float32),
    )
    recipe = resolve(registry().gan("cgan"))
    task = task_of(recipe, both)
    assert (task.num_classes, task.condition_dim) == (2, 3)
    alone = task_of(recipe, replace(both, labels=None, classes=()))
    assert (alone.num_classes, alone.condition_dim) == (0, 3)


@pytest.mark.parametrize("part", ["pacgan-points", "maxout"])
def test_networks_without_hidden_layers_can_be_built(part: str) -> None:
    kind = "generator" if part == "pacgan-points" else "discriminator"
    net = registry().part(kind, part)(Task(shape=(2,), range=None, latent_dim=3), widths=())
    assert net(torch.zeros(5, 3 if kind == "generator" else 2)).shape == (5, 2 if kind == "generator" else 1)
