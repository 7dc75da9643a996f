from __future__ import annotations

import math

import pytest
import torch

from ganzoo.data import Data
from ganzoo.parts.builders import conv_discriminator, dense_discriminator, labelled_discriminator, packed
from ganzoo.parts.task import Task
from ganzoo.registry.recipe import resolve, signature
from ganzoo.registry.registry import registry
from ganzoo.testing import check
from ganzoo.util.errors import GanzooError
from tests.support import run_iterations, small_training

TASK = Task(shape=(3, 8, 8), range=(-1.0, 1.0), latent_dim=8)


def test_a_pack_is_judged_as_one_sample_of_more_channels() -> None:
    D = packed(conv_discriminator)(TASK, packing=2, width=4, norm="none")
    samples = torch.randn(6, 3, 8, 8)
    pairs = torch.cat([samples[0::2], samples[1::2]], dim=1)
    assert D(samples).shape == (3, 1)
    torch.testing.assert_close(D(samples), D.net(pairs))


@pytest.mark.parametrize(("count", "packs"), [(6, 2), (7, 3), (3, 1), (1, 1)])
def test_a_batch_that_does_not_divide_is_filled_up_with_its_first_samples(count: int, packs: int) -> None:
    D = packed(dense_discriminator)(TASK, packing=3, widths=(8,)).eval()
    samples = torch.randn(count, 3, 8, 8)
    filled = samples[torch.arange(packs * 3) % count]
    assert D(samples).shape == (packs, 1)
    torch.testing.assert_close(D(samples), D(filled))


def test_vectors_are_joined_along_their_features() -> None:
    D = packed(dense_discriminator)(Task(shape=(2,), range=None, latent_dim=2), packing=4, widths=(8,))
    assert D.net[1].in_features == 8
    assert D(torch.randn(8, 2)).shape == (2, 1)


def test_the_settings_are_those_of_the_discriminator_and_packing() -> None:
    own, both = (signature("discriminator", make) for make in (conv_discriminator, packed(conv_discriminator)))
    assert [*own, "packing"] == list(both)
    assert (both["packing"].default, both["packing"].accept("3")) == (2, 3)


def test_a_pack_of_one_is_no_packing(tiny: Data) -> None:
    one, plain = small_training("pacgan", tiny, iterations=3, packing=1), small_training("simple", tiny, iterations=3)
    for mine, theirs in zip(run_iterations(one), run_iterations(plain), strict=True):
        assert mine == pytest.approx(theirs, rel=1e-4)


@pytest.mark.parametrize("gan", ["simple", "wgan", "wgan-gp", "lsgan", "r1", "dragan", "hinge", "r3gan"])
def test_every_gan_can_be_packed(tiny: Data, gan: str) -> None:
    training = small_training(gan, tiny, iterations=2, generator="dense", discriminator="packed-dense", packing=3)
    assert all(math.isfinite(loss) for losses in run_iterations(training) for loss in losses.values())


def test_labels_are_joined_within_the_pack() -> None:
    """A maker of packs is a maker like any other, so it can be made conditional."""
    task = Task(shape=(1, 8, 8), range=(-1.0, 1.0), latent_dim=8, num_classes=3)
    D = labelled_discriminator(task, packed(conv_discriminator), packing=2, width=4)
    assert D(torch.randn(6, 1, 8, 8), torch.arange(6) % 3).shape == (3, 1)


def test_an_empty_pack_is_refused() -> None:
    with pytest.raises(GanzooError, match="packing=0 is out of range; it has to be at least 1"):
        resolve(registry().gan("pacgan"), {"packing": 0})


def test_packs_that_do_not_divide_the_batch_keep_the_contract() -> None:
    check("pacgan", settings={"packing": 3})
    assert registry().gan("pacgan").settings["batch_size"] % 2 == 0
