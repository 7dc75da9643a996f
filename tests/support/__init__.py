"""What several tests share."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

import ganzoo
from ganzoo.data import Data
from ganzoo.generators.weights import Model, read
from ganzoo.parts.networks import Networks
from ganzoo.registry.gan import GAN
from ganzoo.registry.recipe import Recipe
from ganzoo.training.device import choose_device
from ganzoo.training.loop import Training

ROOT = Path(__file__).parents[2]
DENSE = {"generator.widths": (16,), "discriminator.widths": (16,)}
SMALL = DENSE | {"batch_size": 8, "latent_dim": 8}
SMALL_OPTIONS = "--set batch_size=8 --set latent_dim=8 --set generator.widths=16 --set discriminator.widths=16"
TRAIN = f"--iterations 6 --seed 1 --device cpu --precision fp32 {SMALL_OPTIONS}"
TRAIN_CHILD = TRAIN.replace("--set latent_dim=8 ", "")  # a child has the latents of its parent


def small_training(gan: str | GAN, data: Data | str | None, **settings: Any) -> Training:
    """A small training on the CPU at full precision."""
    record = ganzoo.get(gan) if isinstance(gan, str) else gan
    small = SMALL if takes_latent_dim(record) else {key: SMALL[key] for key in SMALL if key != "latent_dim"}
    return ganzoo.train(record, data, **{"device": "cpu", "precision": "fp32"} | small | settings)


def takes_latent_dim(gan: GAN) -> bool:
    """Whether ``latent_dim`` sets the length of z; a child has that of its parent, and skip-gan-tabular its prior's."""
    return gan.parent is None and gan.generator != "skip-gan-tabular"


def run_iterations(training: Training, iterations: int | None = None) -> list[dict[str, float]]:
    """Run the next iterations, by default all that are left, and return their losses."""
    return [{name: loss.item() for name, loss in done.losses.items()} for done in islice(training, iterations)]


def losses_of(trainer: Any, G: nn.Module, D: nn.Module, real: Tensor, z: Tensor, **settings: Any) -> list[Tensor]:
    """The losses of an iteration on one batch, without any update of a network."""
    nets = Networks(G, D, latent_dim=z.shape[1])
    return [update[1] for update in trainer(nets, lambda: (real, z), **settings)]


class Bowl(nn.Module):
    """A discriminator whose gradient is known: D(x) = w x², gradient 2 w x at each coordinate."""

    def __init__(self, w: float = 0.3) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor(w))

    def forward(self, samples: Tensor) -> Tensor:
        return self.w * samples.square().sum(1, keepdim=True)

    def squared_norms(self, samples: Tensor) -> Tensor:
        """|gradient|² at each sample ``(N,)``."""
        return (2 * self.w * samples).square().sum(1)


def snapshot(training: Training) -> dict[str, Tensor]:
    """A copy of all that the next iteration depends on."""
    return {name: tensor.clone() for name, tensor in training.state().items()}


def differing(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> list[str]:
    """Names of the tensors that are not the same, bit for bit."""
    return sorted(
        name
        for name in one.keys() | other.keys()
        if not (name in one and name in other and one[name].equal(other[name]))
    )


def tensors_of(folder: Path) -> dict[str, Tensor]:
    """All tensors in the files of a run."""
    return {
        f"{file}: {name}": tensor
        for file in ("checkpoint", "weights")
        for name, tensor in read(folder / f"{file}.safetensors")[0].items()
    }


def parent_for(recipe: Recipe, data: Data) -> Model:
    """A barely trained parent for a child that is trained in sequence, as if it had been loaded."""
    assert recipe.parent
    training = Training(recipe.parent, data, choose_device("cpu", "fp32"), seed=5)
    run_iterations(training, 1)
    model = training.model()
    return replace(model, networks=model.networks.freeze())


def images(channels: int, height: int, width: int, count: int = 12) -> Data:
    """Random images of a size."""
    pixels = np.random.default_rng(0).integers(0, 256, (count, channels, height, width), dtype=np.uint8)
    return Data(name="noise", samples=pixels)


def open_picture(path: str | Path) -> Image.Image:
    """A picture in memory, whose file is closed."""
    with Image.open(path) as image:
        image.load()
    return image


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run code in a new interpreter."""
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
