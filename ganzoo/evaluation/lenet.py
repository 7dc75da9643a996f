"""The network of the pretrained extractors: a small classifier after LeCun et al. (1998)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTH = 128  # of the features


class LeNet(nn.Module):
    """Two convolutions and two dense layers; the features are taken before the last activation.

    They are shifted and divided by one scale, so that on the training data they have mean 0 and a mean variance of 1.
    So distances have the same unit for any data and seed.

    Args:
        shape: of an image, ``(channels, height, width)``; each side at least 4.
        classes: number of classes.
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        channels, height, width = shape
        self.body = nn.Sequential(
            *(nn.Conv2d(channels, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(16, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(32 * (height // 4) * (width // 4), WIDTH)),
        )
        self.head = nn.Linear(WIDTH, classes)
        self.register_buffer("centre", torch.zeros(WIDTH))
        self.register_buffer("scale", torch.ones(()))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features ``(N, 128)`` and logits ``(N, classes)`` of images uint8 ``(N, C, H, W)``."""
        hidden = self.body(images.float() / 127.5 - 1)
        return (hidden - self.centre) / self.scale, self.head(F.relu(hidden))
