from __future__ import annotations

import pytest
import torch
from torch import nn

from ganzoo.parts.builders import conv_discriminator, conv_generator
from ganzoo.parts.task import Task
from ganzoo.registry.recipe import resolve
from ganzoo.registry.registry import registry
from ganzoo.training.device import choose_device
from ganzoo.training.loop import Training
from ganzoo.util.errors import GanzooError
from tests.support import images, run_iterations

NARROW = {"generator.width": 4, "discriminator.width": 4}


@pytest.mark.parametrize("size", [(28, 28), (32, 32), (64, 64), (56, 48), (12, 14)])
@pytest.mark.parametrize("channels", [1, 3])
def test_networks_fit_the_image(size: tuple[int, int], channels: int) -> None:
    task = Task(shape=(channels, *size), range=(-1.0, 1.0), latent_dim=8)
    G, D = conv_generator(task, width=4), conv_discriminator(task, width=4)
    made = G(torch.randn(3, 8))
    assert made.shape == (3, channels, *size)
    assert made.abs().max() <= 1
    assert D(made).shape == (3, 1)


@pytest.mark.parametrize("size", [28, 32])
@pytest.mark.parametrize("trainer", ["non-saturating", "least-squares", "wgan", "wgan-gp"])
def test_a_dcgan_trains_with_every_trainer(size: int, trainer: str) -> None:
    data = images(3, size, size)
    recipe = resolve(
        registry().gan("dcgan"), NARROW | {"batch_size": 4, "iterations": 1, "trainer": trainer, "norm": "none"}
    )
    assert len(run_iterations(Training(recipe, data, choose_device("cpu", "fp32")))) == 1


@pytest.mark.parametrize("shape", [(1, 30, 30), (1, 28, 30), (3, 4, 4), (2,), (1, 4096, 4096)])
@pytest.mark.parametrize("make", [conv_generator, conv_discriminator])
def test_other_images_are_refused(shape: tuple[int, ...], make: type) -> None:
    with pytest.raises(GanzooError, match=rf"\(28, 32, 64, 128, ...\), not {'x'.join(map(str, shape))}; take a dense"):
        make(Task(shape=shape, range=(-1.0, 1.0), latent_dim=8))


def test_weights_begin_as_published() -> None:
    """N(0, .02), gains N(1, .02), biases 0 (Radford et al., 2016); with ``gain`` 0 as a much-read tutorial has it."""
    torch.manual_seed(0)
    task = Task(shape=(3, 32, 32), range=(-1.0, 1.0), latent_dim=64)
    for gain in (1.0, 0.0):
        for net in (conv_generator(task, gain=gain), conv_discriminator(task, gain=gain)):
            for layer in net.modules():
                if isinstance(layer, nn.BatchNorm2d):
                    assert float(layer.weight.detach().mean()) == pytest.approx(gain, abs=0.02)
                    assert not layer.bias.any()
                elif isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear) and layer.weight.numel() > 1000:
                    assert float(layer.weight.detach().std()) == pytest.approx(0.02, rel=0.1)


@pytest.mark.parametrize(
    ("norm", "kind", "groups"),
    [("none", None, 0), ("batch", nn.BatchNorm2d, 0), ("layer", nn.GroupNorm, 1), ("instance", nn.GroupNorm, 64)],
)
def test_the_norm_of_a_critic_is_an_argument(norm: str, kind: type[nn.Module] | None, groups: int) -> None:
    task = Task(shape=(1, 28, 28), range=(-1.0, 1.0), latent_dim=8)
    norms = [layer for layer in conv_discriminator(task, norm=norm) if isinstance(layer, nn.BatchNorm2d | nn.GroupNorm)]
    assert [type(layer) for layer in norms] == ([kind] if kind else [])
    if groups:
        assert norms[0].num_groups == groups
