"""What a discriminator sees in training: the augmentation of a recipe, and images that are kept back to steer it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ganzoo.data import Data
from ganzoo.parts.augmentation import KEPT_LEAST
from ganzoo.parts.networks import evaluating, load_state, state_tensors, takes
from ganzoo.training.batches import Batches
from ganzoo.util.errors import GanzooError

INTERVAL = 4
"""Iterations between two looks at the overfitting, as in the published code (Karras et al., 2020)."""
KEPT_PERCENT, KEPT_MOST = 10, 500


class Augmented:
    """The augmentation of a training's discriminator.

    It is a hook on the discriminator's forward pass in training mode. So real and generated images are changed alike,
    with other random numbers in each pass, gradients go through, and neither trainer nor generator knows of it. A
    discriminator whose parts are called one by one names the first in an attribute ``entry``.

    Args:
        module: the augmentation; ``None`` for none.
        watches: whether images are kept back also without it, to see if the discriminator learns the others by heart.
    """

    def __init__(self, module: nn.Module | None, *, watches: bool = False) -> None:
        self.module, self.watches = module, watches

    @property
    def adapts(self) -> bool:
        """Whether it follows the overfitting."""
        return hasattr(self.module, "adapt")

    @property
    def keeps_back(self) -> bool:
        """Whether it follows images that are not trained on."""
        return bool(getattr(self.module, "keeps_back", False))

    def kept_back(self, data: Data, discriminator: nn.Module, inputs: int) -> NDArray[np.int64] | None:
        """The places of images that are kept back for the augmentation, or to be watched; ``None`` for none.

        Args:
            data: the training data.
            discriminator: can be watched if it judges images alone.
            inputs: how many it is then given: images, and labels if the GAN is class-conditional.
        """
        if not (self.keeps_back or self.watches):
            return None
        places = kept_back(data)
        is_watched = self.watches and len(places) >= KEPT_LEAST and takes(discriminator, inputs)
        return places if self.keeps_back or is_watched else None

    def attach(self, discriminator: nn.Module, device: torch.device) -> None:
        """Augment what the discriminator is given, in training mode."""
        if self.module is None:
            return
        augmentation = self.module.to(device)

        def augment(_: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...] | None:
            # the entry itself is in evaluation mode where it is frozen
            return tuple(augmentation(*given)) if discriminator.training else None

        entry = getattr(discriminator, "entry", discriminator)
        entry.register_forward_pre_hook(augment)

    def set(self, values: Mapping[str, float]) -> None:
        """Set what a schedule changes: buffers of the augmentation, which are scalars, by name."""
        for name, value in values.items():
            buffer = getattr(self.module, name, None)
            if not isinstance(buffer, Tensor):
                raise GanzooError(f"the augmentation has no buffer '{name}' that could change; give one value")
            buffer.fill_(value)

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint holds of it."""
        return {} if self.module is None else state_tensors(self.module)

    def load(self, tensors: Mapping[str, Tensor], source: str) -> None:
        """Continue from what :meth:`state` gave; GanzooError if it does not fit."""
        load_state(self.module or nn.Module(), tensors, source)

    def is_due(self, iteration: int) -> bool:
        """Whether to look at the overfitting after that iteration."""
        return self.adapts and iteration % INTERVAL == 0

    def adapt(
        self, discriminator: nn.Module, batches: Batches, iteration: int, accuracy: Tensor | None
    ) -> dict[str, Tensor]:
        """Look at the overfitting, and adapt. Evaluation mode, so that no statistics change.

        Args:
            discriminator: the trained one.
            batches: images that it is trained on, and others that were kept back.
            iteration: the last one, counted from 1.
            accuracy: of the discriminator in that iteration, if the trainer logs it.

        Returns:
            Metrics: the probability of transforms, and what it follows.
        """
        module: Any = self.module
        place = iteration // INTERVAL
        with evaluating(discriminator), torch.no_grad():
            trained = discriminator(*module(*batches.look(place, kept=False)))
            kept = discriminator(*module(*batches.look(place, kept=True))) if self.keeps_back else trained[:0]
        module.adapt(trained, kept, INTERVAL * batches.batch_size, accuracy)
        return {"augmentation_p": module.p.clone(), f"augmentation_{module.follows}": module.sign.clone()}


def kept_back(data: Data) -> NDArray[np.int64]:
    """The places of the images that are kept back: a tenth, at most 500. They depend on the number of images alone."""
    count = min(KEPT_MOST, len(data) * KEPT_PERCENT // 100)
    return np.sort(np.random.default_rng(len(data)).permutation(len(data))[:count])
