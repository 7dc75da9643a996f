"""The network of the extractor for any colour pictures: a small convolutional network, and fixed filters of grain."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MIN_SIDE, MAX_SIDE = 16, 64  # pixels; longer sides are reduced for the convolutions
OBJECTS, TEXTURES, OCTAVES = 64, 32, 4
GRAIN, COLOURS = 6 * OCTAVES, 8
WIDTH = OBJECTS + TEXTURES + GRAIN + COLOURS  # of the features
LEVELS = 16 / 255  # of a difference that counts as grain, in [-1, 1]: 8 levels of a byte


class Pictures(nn.Module):
    """128 features of pictures of any size from 16x16 on, without classes.

    ============  =============================================================================================
    features      of
    ============  =============================================================================================
    0 to 63       objects and where they are: four convolutions, means over 4x4 areas, a dense layer
    64 to 95      textures: the means of the second convolution's channels
    96 to 119     grain: the size of differences of neighbouring pixels in four octaves, each along the axes and
                  along the diagonals, of brightness and of two differences of colours
    120 to 127    colours: means and standard deviations of these three, and how two go with brightness
    ============  =============================================================================================

    For the convolutions, a side of more than 64 pixels is reduced to 64 by means over areas; grain and colours are
    those of all pixels. Each feature is shifted and divided: on the training data it has mean 0 and variance 1.
    """

    centre: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.fine = nn.Sequential(
            *(nn.Conv2d(3, 24, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(24, TEXTURES, 3, padding=1), nn.ReLU()),
        )
        self.coarse = nn.Sequential(
            *(nn.MaxPool2d(2), nn.Conv2d(TEXTURES, 64, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(64, 96, 3, padding=1), nn.ReLU()),
            *(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(96 * 16, OBJECTS)),
        )
        self.register_buffer("centre", torch.zeros(WIDTH))
        self.register_buffer("scale", torch.ones(WIDTH))
        self.to(memory_format=torch.channels_last)  # takes 0.6 times as long on a CPU

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features ``(N, 128)`` and no logits ``(N, 0)`` of images uint8 ``(N, C, H, W)``, see :func:`rgb`."""
        signed = rgb(images).float() / 127.5 - 1
        found = torch.cat([*self.learned(signed), grain(signed), colours(signed)], dim=1)
        return (found - self.centre) / self.scale, found[:, :0]

    def learned(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The features of objects ``(N, 64)`` and of textures ``(N, 32)`` of images ``(N, 3, H, W)`` in [-1, 1]."""
        sides = min(images.shape[2], MAX_SIDE), min(images.shape[3], MAX_SIDE)
        fine = self.fine(images if images.shape[2:] == sides else F.adaptive_avg_pool2d(images, sides))
        return self.coarse(fine), fine.mean(dim=(2, 3))


def rgb(images: Tensor) -> Tensor:
    """RGB of uint8 ``(N, C, H, W)``: grey is repeated, and RGBA is laid over white."""
    if images.shape[1] == 4:
        alpha = images[:, 3:].int()
        images = ((images[:, :3].int() * alpha + 255 * (255 - alpha) + 127) // 255).to(torch.uint8)
    return images.expand(-1, 3, -1, -1)


def opponent(images: Tensor) -> Tensor:
    """Brightness, red against green, and blue against yellow ``(N, 3, H, W)`` of RGB, each in [-1, 1]."""
    red, green, blue = images.unbind(1)
    return torch.stack([(red + green + blue) / 3, (red - green) / 2, blue / 2 - (red + green) / 4], dim=1)


def grain(images: Tensor) -> Tensor:
    """The grain of RGB images ``(N, 3, H, W)``, ``(N, 24)``.

    Overlapping Haar wavelets in four octaves (Mallat, 1989). The mean of ``log(1 + |d| / 8 levels)`` of the
    coefficients d, not their energy: few edges outweigh faint grain in an energy.
    """
    planes, found = opponent(images), []
    for octave in range(OCTAVES):
        if octave:
            planes = F.avg_pool2d(planes, 2)
        sums, steps = planes[..., 1:] + planes[..., :-1], planes[..., 1:] - planes[..., :-1]
        across, diagonal = steps[..., 1:, :] + steps[..., :-1, :], steps[..., 1:, :] - steps[..., :-1, :]
        down = sums[..., 1:, :] - sums[..., :-1, :]
        sizes = [each.abs().div_(4 * LEVELS).log1p_().mean(dim=(2, 3)) for each in (across, down, diagonal)]
        found += [(sizes[0] + sizes[1]) / 2, sizes[2]]
    return torch.cat(found, dim=1)


def colours(images: Tensor) -> Tensor:
    """The colours of RGB images ``(N, 3, H, W)``, ``(N, 8)``."""
    planes = opponent(images).flatten(2)
    means = planes.mean(dim=2, keepdim=True)
    planes = planes - means
    together = (planes[:, :1] * planes).mean(dim=2)
    deviations = planes.square().mean(dim=2).sqrt()
    return torch.cat([means[..., 0], deviations, together[:, 1:] / (deviations[:, :1] + LEVELS)], dim=1)
