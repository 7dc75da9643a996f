"""Random changes of images that belong together."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F

from ganzoo.parts import cut_out, mirrored, recoloured, shifted


def test_images_are_mirrored_together() -> None:
    images, labels = torch.rand(64, 1, 2, 4), torch.arange(64)
    one, other, same = mirrored(images, images + 1, labels)
    torch.testing.assert_close(one + 1, other)
    assert torch.equal(same, labels)
    turned = [torch.equal(a, b.flip(-1)) for a, b in zip(one, images, strict=True)]
    assert 16 < sum(turned) < 48
    assert all(torch.equal(a, b) for a, b, is_turned in zip(one, images, turned, strict=True) if not is_turned)


def test_both_axes_make_four_ways_and_sides_may_differ() -> None:
    images = torch.rand(200, 1, 4, 4)
    made = [images, F.avg_pool2d(images, 2)]
    for axis in (-1, -2):
        made = mirrored(*made, axis=axis)
    torch.testing.assert_close(F.avg_pool2d(made[0], 2), made[1])
    ways = [images, images.flip(-1), images.flip(-2), images.flip(-1, -2)]
    counts = [int((made[0] == way).flatten(1).all(1).sum()) for way in ways]
    assert sum(counts) == 200
    assert min(counts) > 30, "each of the four ways is as likely"


def test_images_are_shifted_together_and_the_edge_repeats() -> None:
    images, labels = torch.rand(450, 2, 3, 5), torch.arange(450)
    one, other, same = shifted(images, images + 1, labels, by=1)
    torch.testing.assert_close(one + 1, other)
    assert torch.equal(same, labels)
    padded = F.pad(images, (1, 1, 1, 1), mode="replicate")
    counts = [
        int((one == padded[:, :, y : y + 3, x : x + 5]).flatten(1).all(1).sum()) for y in range(3) for x in range(3)
    ]
    assert sum(counts) == 450
    assert min(counts) > 25, "each of the nine ways is as likely"


def test_a_gradient_reaches_what_is_left_of_the_image() -> None:
    images = torch.rand(8, 1, 4, 4, requires_grad=True)
    shifted(images, by=3)[0].sum().backward()
    assert images.grad is not None
    assert images.grad.flatten(1).sum(1).tolist() == [16] * 8


def test_sides_that_differ_cannot_be_shifted_together() -> None:
    with pytest.raises(ValueError, match="same sides"):
        shifted(torch.rand(2, 1, 4, 4), torch.rand(2, 1, 8, 8), by=1)


def test_without_probability_nothing_changes_and_with_it_a_share_does() -> None:
    images = torch.rand(400, 3, 6, 6) * 2 - 1
    changes: dict[str, Any] = {
        "shift": lambda p: shifted(images, by=2, p=p)[0],
        "colour": lambda p: recoloured(images, p),
        "hole": lambda p: cut_out(images, p=p)[0],
    }
    for name, change in changes.items():
        torch.testing.assert_close(change(0.0), images, msg=name)
        torch.testing.assert_close(change(torch.tensor(0.0)), images, msg=name)
        changed = (change(torch.tensor(0.5)) - images).abs().flatten(1).amax(1) > 1e-4
        least = {"shift": 0.5 * 24 / 25, "colour": 1 - 0.5**3, "hole": 0.5}[name]
        assert changed.float().mean() == pytest.approx(least, abs=0.09), name


def test_colours_change_as_published() -> None:
    images = torch.rand(4000, 3, 4, 4) * 2 - 1
    made = recoloured(images)
    brightness = (made - images).mean((1, 2, 3))  # saturation and contrast keep the mean of an image
    assert brightness.min() > -0.501
    assert brightness.max() < 0.501
    assert brightness.std() == pytest.approx(12**-0.5, rel=0.05), "uniform over a width of 1"
    grey, made_grey = images.mean(1, keepdim=True), made.mean(1, keepdim=True)
    grey = grey - grey.mean((1, 2, 3), keepdim=True)
    contrast = (made_grey * grey).sum((1, 2, 3)) / (grey * grey).sum((1, 2, 3))
    assert contrast.min() > 0.499
    assert contrast.max() < 1.501
    assert contrast.std() == pytest.approx(12**-0.5, rel=0.05)
    colour = images - images.mean(1, keepdim=True)
    both = ((made - made_grey) * colour).sum((1, 2, 3)) / (colour * colour).sum((1, 2, 3))
    saturation = both / contrast
    assert saturation.min() > -0.001
    assert saturation.max() < 2.001
    assert saturation.std() == pytest.approx(2 * 12**-0.5, rel=0.05)


def test_grey_has_no_saturation_and_opacity_stays() -> None:
    images = torch.rand(50, 4, 4, 4)
    assert torch.equal(recoloured(images)[:, 3], images[:, 3])
    assert not torch.equal(recoloured(images)[:, :3], images[:, :3])
    assert recoloured(images[:, :1]).shape == (50, 1, 4, 4)


def test_a_hole_is_a_square_at_the_same_place_of_images_that_belong_together() -> None:
    images, small = torch.ones(600, 2, 8, 8), torch.ones(600, 1, 4, 4)
    made, made_small, labels = cut_out(images, small, torch.arange(600), share=0.5, fill=-3.0)
    hole = made[:, 0] == -3
    assert torch.equal(hole, made[:, 1] == -3)
    rows, columns = hole.any(2).sum(1), hole.any(1).sum(1)
    assert torch.equal(hole.sum((1, 2)), rows * columns), "a rectangle"
    assert rows.max() == columns.max() == 4
    assert rows.float().mean() == pytest.approx(3.5, abs=0.1), "the edge cuts off an eighth: a centre may be at it"
    half = F.avg_pool2d(hole.float()[:, None], 2)[:, 0]
    small_hole = made_small[:, 0] == -3
    assert ((half == 1) & ~small_hole).sum() == 0
    assert ((half == 0) & small_hole).sum() == 0
    assert torch.equal(labels, torch.arange(600))


def test_a_penalty_on_the_gradient_can_be_differentiated_through_all_of_them() -> None:
    images = torch.rand(6, 3, 8, 8, requires_grad=True)
    weight = torch.rand(3, 8, 8, requires_grad=True)
    (made,) = cut_out(*shifted(recoloured(mirrored(images)[0]), by=2))
    (gradient,) = torch.autograd.grad((weight * made**2).sum(), images, create_graph=True)
    gradient.square().sum().backward()
    assert weight.grad is not None
    assert weight.grad.abs().sum() > 0
    assert images.grad is not None
    assert images.grad.abs().sum() > 0, "a second derivative in the images themselves"
