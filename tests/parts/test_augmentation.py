"""Random changes of images that belong together."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from ganzoo.parts import mirrored, shifted


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
