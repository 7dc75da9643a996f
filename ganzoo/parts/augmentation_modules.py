"""Augmentations as modules. An augmentation maps what a discriminator is given: samples, and conditions.

``augmentation(samples, *conditions)`` returns as many tensors. Samples and images of conditions turn and move together.
One that adapts also has ``keeps_back``, whether it wants images that are not trained on, and
``adapt(trained, kept, count)``, which changes its buffers in place; see :class:`Adaptive`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.parts.task import Task
from ganzoo.parts.transforms import cut_out, mirrored, recoloured, shifted
from ganzoo.util.errors import GanzooError

MOST = 0.8
"""The largest p. Transforms that are always there can show in samples (Karras et al., 2020, section 2.2)."""


class Flip(nn.Module):
    """Mirrors each image left to right with a chance of one half."""

    about = "flips"

    def forward(self, *images: Tensor) -> Sequence[Tensor]:
        """Images ``(N, C, H, W)`` that belong together, and other tensors, which stay."""
        return mirrored(*images)


class Transforms(nn.Module):
    """Flip, colour, shift and cut-out, each of an image with probability ``p``.

    A flip that is selected mirrors every other image, so never more than half of them are: mirrored images that are
    always there would show in samples. Colours of conditions stay.

    Attributes:
        p: the probability, a scalar.
    """

    p: Tensor

    def __init__(self, task: Task, flips: bool, colour: bool, shift: float, cutout: float, *, p: float = 1.0) -> None:
        super().__init__()
        if not (flips or colour or shift or cutout):
            raise GanzooError("all transforms are switched off, so this augmentation changes nothing; take none")
        sides = {shape[1:] for shape in (task.shape, task.condition) if len(shape) == 3}
        if shift and len(sides) > 1:
            raise GanzooError("samples and conditions of different sides cannot be shifted together; set shift=0")
        self.flips, self.colour, self.cutout = flips, colour, cutout
        self.by = round(min(task.shape[1:]) * shift)
        low, high = task.range or (-1.0, 1.0)
        self.scale, self.middle = (high - low) / 2, (high + low) / 2
        self.register_buffer("p", torch.tensor(p))
        names = (("flips", flips), ("colour", colour), ("shift", bool(self.by)), ("cut-out", bool(cutout)))
        self.names = [name for name, is_on in names if is_on]

    @property
    def about(self) -> str:
        return ", ".join(self.names)

    def forward(self, *images: Tensor) -> Sequence[Tensor]:
        """Images ``(N, C, H, W)`` that belong together, and other tensors, which stay."""
        found: Sequence[Tensor] = mirrored(*images, p=self.p) if self.flips else images
        if self.colour:
            samples, *others = found
            found = [recoloured((samples - self.middle) / self.scale, self.p) * self.scale + self.middle, *others]
        if self.by:
            found = shifted(*found, by=self.by, p=self.p)
        return cut_out(*found, share=self.cutout, p=self.p, fill=self.middle) if self.cutout else found


class Adaptive(Transforms, ABC):
    """Transforms whose p rises while a sign of overfitting is above its target, and falls while it is below.

    Attributes:
        keeps_back: whether the sign needs images that are not trained on.
        follows: what the sign is, in a word for the log.
        sign: its last value, a scalar.
    """

    keeps_back = False
    follows = "sign"
    sign: Tensor

    def __init__(
        self, task: Task, flips: bool, colour: bool, shift: float, cutout: float, *, target: float, images: int
    ) -> None:
        super().__init__(task, flips, colour, shift, cutout, p=0.0)
        self.target, self.images = target, images
        self.register_buffer("sign", torch.zeros(()))

    @abstractmethod
    def overfitting(self, trained: Tensor, kept: Tensor) -> Tensor:
        """A scalar from the logits of images that are trained on, and of images that are kept back."""

    def excess(self, accuracy: Tensor | None) -> Tensor:
        """A scalar: p rises where it is positive, and falls where it is negative."""
        return self.sign - self.target

    @torch.no_grad()
    def adapt(self, trained: Tensor, kept: Tensor, count: int, accuracy: Tensor | None = None) -> None:
        """Change p in place, without waiting for the device.

        Args:
            trained: the discriminator's output for images that it is trained on, augmented.
            kept: the same for images that were kept back; empty without ``keeps_back``.
            count: real images that the discriminator has seen since the last call.
            accuracy: the trainer's ``discriminator_accuracy``, a scalar; ``None`` if it has none.
        """
        self.sign.copy_(self.overfitting(trained.float().flatten(), kept.float().flatten()))
        self.p.add_(torch.sign(self.excess(accuracy)) * (count / self.images)).clamp_(0, MOST)


class BySign(Adaptive):
    """p follows the mean sign of D's logits of real images (Karras et al., 2020)."""

    @property
    def about(self) -> str:
        return f"{super().about} by the logits of real images, aiming at a mean sign of {self.target:g}"

    def overfitting(self, trained: Tensor, kept: Tensor) -> Tensor:
        return trained.sign().mean()


class ByGap(Adaptive):
    """p follows how much better the logits of trained images are than those of images that were kept back.

    Only the order of logits counts, so that it holds for critics and for relativistic losses too. Images that were kept
    back may be variants of others, which hides the gap; so p also rises while D is right too often, where the trainer
    says how often that is.

    Attributes:
        accuracy: of the discriminator, above which p rises too.
    """

    def __init__(self, *args: Any, accuracy: float, **options: Any) -> None:
        super().__init__(*args, **options)
        self.accuracy = accuracy

    keeps_back = True
    follows = "gap"

    @property
    def about(self) -> str:
        return f"{super().about} as D learns the images by heart, aiming at a gap of {self.target:g}"

    def overfitting(self, trained: Tensor, kept: Tensor) -> Tensor:
        return (trained[:, None] - kept).sign().mean()

    def excess(self, accuracy: Tensor | None) -> Tensor:
        gap = super().excess(accuracy)
        return gap if accuracy is None else torch.maximum(gap, accuracy.float() - self.accuracy)
