"""A trained generator, and how it is sampled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from ganzoo.latents import latents
from ganzoo.networks import Networks
from ganzoo.settings import Recipe
from ganzoo.spec import GanzooError

FORMAT = 1  # of the header
CHUNK = 256  # samples at a time: memory stays flat, and larger batches are no faster


@dataclass(frozen=True)
class Model:
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
    def limits(self) -> tuple[float, float] | None:
        """Smallest and largest value of a sample; ``None`` where it is unbounded."""
        return tuple(self.header["range"]) if self.header["range"] else None

    @property
    def has_parent(self) -> bool:
        """Whether the generator works on the images of a parent, its attribute ``parent``, from the same z."""
        return isinstance(getattr(self.networks.generator, "parent", None), nn.Module)

    def generator(self, stage: str = "child") -> nn.Module:
        """The generator, or with ``stage="parent"`` that of the parent within it."""
        if stage == "child":
            return self.networks.generator
        if not self.has_parent:
            raise GanzooError(f"{self.header['gan']} has no parent to sample; leave out --stage parent")
        return self.networks.generator.get_submodule("parent")

    def sample(
        self,
        seeds: ArrayLike = range(64),
        *,
        labels: int | Sequence[int] | None = None,
        conditions: NDArray[np.float32] | None = None,
        stage: str = "child",
    ) -> NDArray[np.float32]:
        """One sample for each seed: the same seed gives the same sample, whatever the others are.

        Args:
            seeds: N whole numbers, see :mod:`ganzoo.latents`.
            labels: for a class-conditional GAN, one class for all or one for each; all classes in turn by default.
            conditions: ``(N, p)``, for a GAN that is told regression inputs.
            stage: ``parent`` samples the parent within a child.

        Returns:
            float32 ``(N, *shape)`` in :attr:`limits`.

        Raises:
            GanzooError: labels out of range, or given to a GAN that is not told any, or conditions missing.
        """
        generator = self.generator(stage)
        device = next((weight.device for weight in generator.parameters()), torch.device("cpu"))
        z = torch.from_numpy(latents(seeds, self.header["latent"], self.header["distribution"])).to(device)
        told = [values.to(device) for values in self._told(len(z), labels, conditions)]
        chunks = [slice(start, start + CHUNK) for start in range(0, len(z), CHUNK)]
        with torch.inference_mode():
            samples = [generator(z[chunk], *(values[chunk] for values in told)) for chunk in chunks]
        return torch.cat(samples).float().numpy(force=True)

    def save(self, path: str | Path) -> None:
        """Write it into a safetensors file, which :func:`ganzoo.load` reads."""
        from ganzoo.weights import save_weights

        save_weights(path, self)

    def labels(self, count: int, labels: int | Sequence[int] | None = None) -> NDArray[np.int64] | None:
        """The labels that ``count`` samples get, or ``None`` if the GAN is not told any."""
        classes = self.header["labels"]
        if not classes:
            if labels is not None:
                raise GanzooError(f"{self.header['gan']} is not told labels; leave out --label, or train cgan")
            return None
        if labels is None:
            return np.arange(count, dtype=np.int64) % int(classes)
        told = np.broadcast_to(np.asarray(labels, np.int64), count).copy()
        if told.size and not 0 <= told.min() <= told.max() < classes:
            raise GanzooError(
                f"label {told[(told < 0) | (told >= classes)][0]} is out of range; it has 0..{classes - 1}"
            )
        return told

    def _told(
        self, count: int, labels: int | Sequence[int] | None, conditions: NDArray[np.float32] | None
    ) -> list[Tensor]:
        if (classes := self.labels(count, labels)) is not None:
            return [torch.from_numpy(classes)]
        if not (length := self.header["conditions"]):
            return []
        if conditions is None or conditions.shape != (count, length):
            shape = None if conditions is None else conditions.shape
            raise GanzooError(f"{self.header['gan']} needs conditions of shape ({count}, {length}), got {shape}")
        return [torch.from_numpy(np.asarray(conditions, np.float32))]
