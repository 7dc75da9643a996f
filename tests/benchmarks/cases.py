"""The trainings that are compared: networks, batch size, optimizer and objective of a collection of scripts.

Linder-Norén, PyTorch-GAN (github.com/eriklindernoren/PyTorch-GAN): ``gan.py``, ``dcgan.py`` and ``wgan_gp.py``.
Networks end in logits, where a script ends in a sigmoid.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ganzoo.data import Data, load
from ganzoo.parts.losses import bce, mean, real_and_fake_logits, stop_gradient, unit_gradient_penalty, without_grad
from ganzoo.parts.task import Task
from ganzoo.registry.gan import GAN

BATCH = 64
LATENT = 100
LR, BETAS = 2e-4, (0.5, 0.999)  # of Adam, for both networks
PENALTY = 10.0
EPS = 0.8  # of batch normalisation; the scripts pass it as eps, though they surely mean the momentum


@dataclass(frozen=True)
class Case:
    """A training.

    Attributes:
        name: of its rows.
        script: where it is published.
        generator: makes G: ``(N, 100)`` to ``(N, 1, size, size)`` in [-1, 1].
        discriminator: makes D: images to logits ``(N, 1)``.
        size: height and width of the images.
        trainer: the script's iteration, as a trainer of ganzoo.
        own_trainer: ganzoo's trainer of the same objective, by name.
        critic_steps: updates of D in an iteration, each on its own batch.
    """

    name: str
    script: str
    generator: Callable[[], nn.Module]
    discriminator: Callable[[], nn.Module]
    size: int
    trainer: Callable[..., Any]
    own_trainer: str
    critic_steps: int = 1

    @property
    def penalised(self) -> bool:
        return self.trainer is critic_first

    @property
    def images(self) -> int:
        """Real images that one iteration takes."""
        return BATCH * self.critic_steps

    def trainable(self) -> tuple[nn.Module, nn.Module]:
        """G and D with the same weights at each call."""
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(0)
            return self.generator().train(), self.discriminator().train()

    def record(self, *, own: bool = False) -> GAN:
        """The case as ganzoo takes it, with the script's trainer or, if ``own``, with ganzoo's."""
        G, D = self.trainable()
        settings: dict[str, Any] = {
            "iterations": 10**9,
            "batch_size": BATCH,
            "latent_dim": LATENT,
            "lr_schedule": "constant",
        }
        settings |= {"lr": LR, "beta1": BETAS[0], "beta2": BETAS[1]}

        def generator(task: Task) -> nn.Module:
            return G

        def discriminator(task: Task) -> nn.Module:
            return D

        return GAN(
            name=self.name,
            summary=self.script,
            generator=generator,
            discriminator=discriminator,
            trainer=self.own_trainer if own else self.trainer,
            settings=settings,
        )

    def data(self) -> Data:
        """The digits at the size of this case."""
        return replace(digits(), samples=scaled(self.size), labels=None, classes=(), sha256="")


@cache
def digits() -> Data:
    """10,000 handwritten digits of 28x28 pixels."""
    return load("mnist-10k")


@cache
def scaled(size: int) -> NDArray[np.uint8]:
    """The digits ``(10000, 1, size, size)``, scaled once."""
    from PIL import Image

    samples = np.asarray(digits().samples)
    if samples.shape[-1] == size:
        return samples
    resized = (Image.fromarray(image[0]).resize((size, size), Image.Resampling.BILINEAR) for image in samples)
    return np.stack([np.asarray(image) for image in resized])[:, None]


def generator_first(nets: Any, draw: Callable[[], tuple[torch.Tensor, ...]]) -> Any:
    """One batch: an update of G, then one of D on the fakes from before G's update."""
    G, D = nets.generator, nets.discriminator
    real, z = draw()
    fake = G(z)
    yield G, bce(D(fake), 1)
    on_real, on_fake = real_and_fake_logits(D, real, stop_gradient(fake))
    yield D, (bce(on_real, 1) + bce(on_fake, 0)) / 2


def critic_first(nets: Any, draw: Callable[[], tuple[torch.Tensor, ...]], *, critic_steps: int = 5) -> Any:
    """Five batches with an update of D each; then an update of G with the last batch's latents."""
    G, D = nets.generator, nets.discriminator
    for _ in range(critic_steps):
        real, z = draw()
        fake = without_grad(G, z)
        on_real, on_fake = real_and_fake_logits(D, real, fake)
        yield D, mean(on_fake) - mean(on_real) + PENALTY * unit_gradient_penalty(D, real, fake)
    yield G, -mean(D(G(z)))


def leaky() -> nn.Module:
    return nn.LeakyReLU(0.2, inplace=True)


def dense_generator() -> nn.Module:
    net = nn.Sequential(nn.Linear(LATENT, 128), leaky())
    for inputs, outputs in ((128, 256), (256, 512), (512, 1024)):
        net.extend([nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs, eps=EPS), leaky()])
    return net.extend([nn.Linear(1024, 784), nn.Tanh(), nn.Unflatten(1, (1, 28, 28))])


def dense_discriminator() -> nn.Module:
    layers = (nn.Linear(784, 512), leaky(), nn.Linear(512, 256), leaky(), nn.Linear(256, 1))
    return nn.Sequential(nn.Flatten(), *layers)


def conv_generator() -> nn.Module:
    """Two doublings of 8x8 maps, each an enlargement and a convolution."""
    net = nn.Sequential(nn.Linear(LATENT, 128 * 8 * 8), nn.Unflatten(1, (128, 8, 8)), nn.BatchNorm2d(128))
    for outputs in (128, 64):
        net.extend([nn.Upsample(scale_factor=2), nn.Conv2d(128, outputs, 3, 1, 1)])
        net.extend([nn.BatchNorm2d(outputs, eps=EPS), leaky()])
    return net.extend([nn.Conv2d(64, 1, 3, 1, 1), nn.Tanh()])


def conv_discriminator() -> nn.Module:
    """Four halvings down to 2x2 maps, with dropout of whole feature maps."""
    net = nn.Sequential()
    for inputs, outputs in ((1, 16), (16, 32), (32, 64), (64, 128)):
        net.extend([nn.Conv2d(inputs, outputs, 3, 2, 1), leaky(), nn.Dropout2d(0.25)])
        if inputs > 1:
            net.append(nn.BatchNorm2d(outputs, eps=EPS))
    return net.extend([nn.Flatten(), nn.Linear(128 * 2 * 2, 1)])


DENSE = Case("dense", "gan.py", dense_generator, dense_discriminator, 28, generator_first, "non-saturating")
CONV = Case("dcgan 32", "dcgan.py", conv_generator, conv_discriminator, 32, generator_first, "non-saturating")
PENALISED = Case("wgan-gp", "wgan_gp.py", dense_generator, dense_discriminator, 28, critic_first, "wgan-gp", 5)
CASES = {case.name: case for case in (DENSE, CONV, PENALISED)}
