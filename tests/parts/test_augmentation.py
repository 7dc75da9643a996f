"""Augmentations: which is made for which data, and how p follows the overfitting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from ganzoo.data import Data, load
from ganzoo.parts import Task, ada, auto_augmentation, diffaugment, flips, no_augmentation
from ganzoo.parts.augmentation import mirrors_well
from ganzoo.parts.augmentation_modules import MOST, BySign, Flip, Transforms
from ganzoo.util.errors import GanzooError


def noise(count: int, shape: tuple[int, ...] = (3, 8, 8)) -> Data:
    return Data(name="noise", samples=np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8))


def task_of(data: Data, **more: Any) -> Task:
    return Task(shape=data.shape, range=(-1.0, 1.0) if data.is_images else None, latent_dim=4, data=data, **more)


POINTS = Data(name="points", samples=np.zeros((100, 2), np.float32))


def test_auto_is_for_few_colour_images() -> None:
    assert auto_augmentation(task_of(noise(100))) is not None
    assert auto_augmentation(task_of(noise(100)), few=99) is None
    assert auto_augmentation(task_of(noise(19))) is None, "a tenth of them shows no gap"
    assert auto_augmentation(task_of(noise(100, (1, 8, 8)))) is None
    assert auto_augmentation(task_of(POINTS)) is None
    assert auto_augmentation(task_of(noise(100), condition=(3, 8, 8))) is None
    assert auto_augmentation(replace(task_of(noise(100)), data=None)) is None


def test_auto_flips_where_mirrored_images_are_images() -> None:
    emoji = load("emoji32")
    assert mirrors_well(emoji.samples[::4])
    found = auto_augmentation(task_of(emoji))
    assert isinstance(found, Transforms)
    assert found.about.startswith("flips, shift, cut-out as D learns the images by heart")
    assert not mirrors_well(load("mnist-10k").samples[::10])
    flags = emoji.samples[np.array(emoji.labels) == emoji.classes.index("Flags")]
    one_sided = noise(200).samples.copy()
    one_sided[..., :4] //= 8
    assert not mirrors_well(one_sided)
    assert isinstance(flags, np.ndarray)
    assert not mirrors_well(flags)
    found = auto_augmentation(task_of(Data(name="one-sided", samples=one_sided)))
    assert isinstance(found, Transforms)
    assert found.about.startswith("shift")


@pytest.mark.parametrize("make", [flips, diffaugment, ada])
def test_others_refuse_what_is_no_image(make: Callable[[Task], Any]) -> None:
    with pytest.raises(GanzooError, match="changes images, and points has none; use --augment none"):
        make(task_of(POINTS))
    assert make(task_of(noise(10, (1, 8, 8)))) is not None


def test_none_is_none_and_flip_is_flips_alone() -> None:
    assert no_augmentation(task_of(noise(10))) is None
    module = flips(task_of(noise(10)))
    assert isinstance(module, Flip)
    images = torch.rand(100, 3, 8, 8)
    (made,) = module(images)
    assert all(torch.equal(a, b) or torch.equal(a, b.flip(-1)) for a, b in zip(made, images, strict=True))


def test_diffaugment_always_changes_and_keeps_the_range_of_unit_images_in_mind() -> None:
    task = replace(task_of(noise(10)), range=(0.0, 1.0))
    module = diffaugment(task, colour=False, shift=0.0)
    assert module is not None
    (made,) = module(torch.ones(50, 3, 8, 8))
    assert made.flatten(1).amin(1).tolist() == [0.5] * 50, "a hole of mid-grey in each"
    module = diffaugment(task, shift=0.0, cutout=0.0)
    assert module is not None
    (bright,) = module(torch.full((2000, 3, 8, 8), 0.5))
    assert (bright - 0.5).abs().max() <= 0.2501, "brightness changes by a quarter of the range"
    assert (bright - 0.5).abs().max() > 0.24


def test_what_would_change_nothing_is_refused() -> None:
    with pytest.raises(GanzooError, match="changes nothing; take none"):
        diffaugment(task_of(noise(10)), colour=False, shift=0.0, cutout=0.0)
    with pytest.raises(GanzooError, match="changes nothing; take none"):
        ada(task_of(noise(10)), colour=False, shift=0.0, cutout=0.0)


def test_conditions_turn_and_move_with_their_images() -> None:
    task = task_of(noise(10), condition=(1, 8, 8))
    module = diffaugment(task, flips=True, colour=False)
    assert module is not None
    images = torch.rand(40, 3, 8, 8)
    made, condition = module(images, images[:, :1].clone())
    assert torch.equal(made[:, :1], condition)
    assert not torch.equal(made, images)
    with pytest.raises(GanzooError, match="different sides cannot be shifted together; set shift=0"):
        diffaugment(task_of(noise(10), condition=(1, 4, 4)))


def test_p_of_ada_follows_the_sign_of_logits_between_0_and_its_limit() -> None:
    module = ada(task_of(noise(10)), target=0.3, images=100)
    assert isinstance(module, BySign)
    sure, unsure = torch.ones(8, 1), torch.tensor([[1.0], [-1.0]] * 4)
    module.adapt(unsure, unsure[:0], 32)
    assert module.p.item() == 0
    module.adapt(sure, sure[:0], 32)
    assert module.p.item() == pytest.approx(0.32)
    assert module.sign.item() == 1
    for _ in range(5):
        module.adapt(sure, sure[:0], 32)
    assert module.p.item() == pytest.approx(MOST)
    module.adapt(unsure, sure[:0], 16)
    assert module.p.item() == pytest.approx(MOST - 0.16)


def test_p_of_auto_follows_the_order_of_logits_whatever_their_scale() -> None:
    module: Any = auto_augmentation(task_of(noise(100)), target=0.1, images=100)
    trained, kept = torch.tensor([[3.0], [2.0], [1.0], [0.0]]), torch.tensor([[-1.0], [0.5], [2.5], [-2.0]])
    for scale in (1.0, 1000.0):
        module.adapt(trained * scale - 7, kept * scale - 7, 10)
        assert module.sign.item() == 0.5, "of 16 pairs the trained image has the larger logit in 12, the other in 4"
    assert module.p.item() == pytest.approx(0.2)
    module.adapt(kept, kept, 1)
    assert module.sign.item() == 0
    assert module.p.item() == pytest.approx(0.19)


def test_p_of_auto_rises_while_the_discriminator_is_right_too_often() -> None:
    module: Any = auto_augmentation(task_of(noise(100)), target=0.1, accuracy=0.72, images=100)
    same = torch.zeros(4, 1)
    for accuracy, p in ((0.8, 0.1), (0.7, 0.0), (None, 0.0), (0.73, 0.1)):
        module.adapt(same, same, 10, None if accuracy is None else torch.tensor(accuracy))
        assert module.p.item() == pytest.approx(p)
    assert module.sign.item() == 0, "the gap is logged as it is"


def test_p_is_a_buffer() -> None:
    module = ada(task_of(noise(10)))
    assert isinstance(module, BySign)
    assert {"p", "sign"} == set(module.state_dict())


def test_flips_rise_with_p_and_are_never_more_than_half() -> None:
    module = ada(task_of(noise(10)), flips=True, colour=False, shift=0.0, cutout=0.0, images=100)
    assert isinstance(module, BySign)
    images = torch.rand(4000, 3, 4, 4)
    for p, share in ((0.0, 0.0), (0.4, 0.2), (0.8, 0.4)):
        module.p.fill_(p)
        (made,) = module(images)
        turned = (made == images.flip(-1)).flatten(1).all(1)
        assert (turned | (made == images).flatten(1).all(1)).all()
        assert turned.float().mean().item() == pytest.approx(share, abs=0.03)
