"""A trained generator in torch, and how it is sampled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ganzoo.networks import Networks
from ganzoo.sampling import Sampling, Stage
from ganzoo.settings import Recipe
from ganzoo.spec import GanzooError


@dataclass(frozen=True)
class Model(Sampling):
    """A trained generator, ready to be sampled.

    Attributes:
        networks: generator and discriminator in evaluation mode, frozen.
        header: what the file says of itself.
        recipe: parts and numbers that they were made with.
    """

    networks: Networks
    header: Mapping[str, Any]
    recipe: Recipe

    @property
    def has_parent(self) -> bool:
        """Whether the generator works on the images of a parent, its attribute ``parent``, from the same z."""
        return isinstance(getattr(self.networks.generator, "parent", None), nn.Module)

    def generator(self, stage: Stage = "child") -> nn.Module:
        """The generator, or with ``stage="parent"`` that of the parent within it."""
        if stage == "child":
            return self.networks.generator
        if not self.has_parent:
            raise GanzooError(f"{self.header['gan']} has no parent to sample; leave out --stage parent")
        return self.networks.generator.get_submodule("parent")

    def run(self, stage: Stage, z: NDArray[np.float32], *told: NDArray[Any]) -> NDArray[np.float32]:
        """Samples of latents, on the device where the generator is."""
        generator = self.generator(stage)
        device = next((weight.device for weight in generator.parameters()), torch.device("cpu"))
        with torch.inference_mode():
            samples = generator(*(torch.from_numpy(values).to(device) for values in (z, *told)))
        return samples.float().numpy(force=True)  # type: ignore[no-any-return]

    def save(self, path: str | Path) -> None:
        """Write it into a safetensors file, which :func:`ganzoo.load` reads."""
        from ganzoo.weights import save_weights

        save_weights(path, self)
