"""The networks of FastGAN (Liu et al., 2021), for images from 16x16."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from ganzoo.parts import Task, activation, output_activation, radford_init

CHANNELS = (16.0, 8.0, 4.0, 2.0, 2.0, 1.0, 0.5, 0.25, 0.125)  # of G by size, from 4x4, as multiples of the width
ACROSS = 3  # halvings of the sides between the two maps that a gate of D connects

Maps = tuple[Tensor, Tensor, Tensor]


def conv(inputs: int, outputs: int, side: int | tuple[int, int] = 3, stride: int = 1, padding: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, side, stride, padding, bias=False)


def gated(inputs: int, outputs: int, *, doubles: bool = True) -> nn.Sequential:
    """A 3x3 convolution, batch normalisation and a gated linear unit; before them, it may double the sides."""
    first = [nn.Upsample(scale_factor=2.0, mode="nearest")] if doubles else []
    return nn.Sequential(*first, conv(inputs, 2 * outputs), nn.BatchNorm2d(2 * outputs), nn.GLU(1))


class Excitation(nn.Module):
    """A small map, as a factor from 0 to 1 of each channel of a large one.

    Args:
        inputs, outputs: channels of the small and of the large map.
        pooled: the small map is divided by it, to ``small``.
        small: height and width.
    """

    def __init__(self, inputs: int, outputs: int, pooled: int, small: tuple[int, int]) -> None:
        super().__init__()
        self.factors = nn.Sequential(
            nn.AvgPool2d(pooled),
            conv(inputs, outputs, small, padding=0),
            nn.SiLU(),
            conv(outputs, outputs, 1, padding=0),
            nn.Sigmoid(),
        )

    def forward(self, small: Tensor, large: Tensor) -> Tensor:
        """Features of the shape of the large map."""
        return large * self.factors(small)  # type: ignore[no-any-return]


class Generator(nn.Module):
    """z to a small map, which is doubled. The two smallest maps scale the channels of the two largest.

    Args:
        task: what the network has to fit.
        width: channels at 128x128.
        steps: doublings.
        small: height and width of the smallest map.
    """

    def __init__(self, task: Task, width: int, steps: int, small: tuple[int, int]) -> None:
        super().__init__()
        self.range = task.range
        features = [max(1, int(width * factor)) for factor in CHANNELS[: steps + 1]]
        self.first = nn.Sequential(
            nn.Unflatten(1, (task.latent_dim, 1, 1)),
            nn.ConvTranspose2d(task.latent_dim, 2 * features[0], small, bias=False),
            nn.BatchNorm2d(2 * features[0]),
            nn.GLU(1),
        )
        self.layers = nn.ModuleList(gated(*pair) for pair in pairwise(features))
        for layer, outputs in list(zip(self.layers, features[1:], strict=True))[::2]:
            assert isinstance(layer, nn.Sequential)
            layer.append(gated(outputs, outputs, doubles=False))
        self.excitations = nn.ModuleList(
            Excitation(features[place], features[steps - 1 + place], 2**place, small) for place in (0, 1)
        )
        self.image, self.side = conv(features[-1], task.shape[0]), conv(features[-2], task.shape[0], 1, padding=0)
        radford_init(self, 1.0)

    def sizes(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Images ``(N, channels, height, width)``, and others of half the sides, enlarged to the same shape."""
        maps = [self.first(z)]
        for number, layer in enumerate(self.layers, 1):
            features = layer(maps[-1])
            if (place := number - len(self.layers) + 1) >= 0:
                features = self.excitations[place](maps[place], features)
            maps.append(features)
        return self.image(maps[-1]), F.interpolate(self.side(maps[-2]), scale_factor=2.0, mode="nearest")

    def forward(self, z: Tensor) -> Tensor:
        """Images ``(N, channels, height, width)`` from latents ``(N, latent_dim)``; clamped in evaluation mode."""
        images, _ = self.sizes(z)
        return images if self.training or self.range is None else images.clamp(*self.range)


class Down(nn.Module):
    """Half the sides: the mean of two convolutions and of one 1x1 convolution of the means of pixels."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.main = nn.Sequential(*normed(conv(inputs, outputs, 4, 2)), *normed(conv(outputs, outputs)))
        self.direct = nn.Sequential(nn.AvgPool2d(2), *normed(conv(inputs, outputs, 1, padding=0)))

    def forward(self, features: Tensor) -> Tensor:
        """Features ``(N, outputs, H / 2, W / 2)``."""
        return (self.main(features) + self.direct(features)) / 2  # type: ignore[no-any-return]


def normed(layer: nn.Conv2d) -> list[nn.Module]:
    return [layer, nn.BatchNorm2d(layer.out_channels), activation("leaky")]


class Discriminator(nn.Module):
    """Logits of patches of an image and of its copy of half the sides, and decoders of real images.

    Args:
        task: what the network has to fit.
        width: an eighth of the channels of the last map.
        steps: halvings of the image to ``small``; the last map is twice as large.
        small: height and width.

    Attributes:
        entry: through which all images pass first; see :func:`ganzoo.parts.augmentable`.
    """

    def __init__(self, task: Task, width: int, steps: int, small: tuple[int, int]) -> None:
        super().__init__()
        colours, downs = task.shape[0], steps - 1
        features = [max(1, 8 * width // 2 ** (downs - down)) for down in range(downs + 1)]
        self.entry = nn.Identity()
        self.begin = nn.Sequential(conv(colours, features[0]), activation("leaky"))
        self.down = nn.ModuleList(Down(*pair) for pair in pairwise(features))
        self.excitations = nn.ModuleList(
            Excitation(features[place], features[place + ACROSS], 2 ** (steps - place), small)
            for place in range(downs + 1 - ACROSS)
        )
        self.last = nn.Sequential(
            *normed(conv(features[-1], 16 * width, 1, padding=0)), conv(16 * width, 1, 4, padding=0)
        )
        self.small = half_sides(colours, 4 * width, steps - 2)
        self.last_small = conv(4 * width, 1, 4, padding=0)
        self.decoders = nn.ModuleList(
            decoder(task, channels, steps - 2) for channels in (features[-1], 4 * width, features[-2])
        )
        radford_init(self, 1.0)
        for layer in list(self.modules()):
            if isinstance(layer, nn.Conv2d):
                spectral_norm(layer)

    def forward(self, images: Tensor) -> Tensor:
        """Mean logits ``(N, 1)`` of images ``(N, channels, height, width)``."""
        seen = self.entry(images)
        return self.judge(seen, seen)[0].mean(1, keepdim=True)

    def judge(self, images: Tensor, side: Tensor) -> tuple[Tensor, Maps]:
        """Logits of patches ``(N, P)``, and the maps that can be decoded.

        Args:
            images: ``(N, channels, height, width)``.
            side: the same images, of which those of half the sides are made.
        """
        maps = [self.begin(images)]
        for number, down in enumerate(self.down, 1):
            features = down(maps[-1])
            if (place := number - ACROSS) >= 0:
                features = self.excitations[place](maps[place], features)
            maps.append(features)
        small = self.small(F.avg_pool2d(side, 2))
        logits = [self.last(maps[-1]).flatten(1), self.last_small(small).flatten(1)]
        return torch.cat(logits, 1), (maps[-1], small, maps[-2])

    def rebuild(self, maps: Maps, quarters: Tensor) -> Maps:
        """Images of half the sides from the last map, from that of the small images, and from a quarter of a map.

        Args:
            maps: of :meth:`judge`.
            quarters: which quarter of each image is rebuilt, int64 from 0 to 3 ``(N,)``.
        """
        last, small, large = maps
        found = zip(self.decoders, (last, small, quarter(large, quarters)), strict=True)
        whole, of_small, of_quarter = (decode(features) for decode, features in found)
        return whole, of_small, of_quarter

    def targets(self, images: Tensor, quarters: Tensor) -> Maps:
        """What :meth:`rebuild` aims at: the images at half the sides, twice, and a quarter of each."""
        halved = F.avg_pool2d(images, 2)
        return halved, halved, quarter(images, quarters)


def half_sides(colours: int, channels: int, steps: int) -> nn.Sequential:
    """From images of half the sides to a map with that many channels, by strided convolutions."""
    if steps == 0:
        return nn.Sequential(conv(colours, channels), activation("leaky"))
    features = [max(1, channels // 2 ** (steps - step)) for step in range(1, steps + 1)]
    net = nn.Sequential(conv(colours, features[0], 4, 2), activation("leaky"))
    for pair in pairwise(features):
        net.extend(normed(conv(*pair, 4, 2)))
    return net


def decoder(task: Task, channels: int, doublings: int) -> nn.Sequential:
    """A map of features to an image."""
    features = [max(1, channels // 2**step) for step in range(doublings + 1)]
    doubled = (gated(*pair) for pair in pairwise(features))
    return nn.Sequential(*doubled, conv(features[-1], task.shape[0]), output_activation(task))


def quarter(maps: Tensor, quarters: Tensor) -> Tensor:
    """One quarter ``(N, C, H / 2, W / 2)`` of each map ``(N, C, H, W)``: 0 and 1 are the upper ones, left and right."""
    height, width = maps.shape[2:]
    upper = torch.where((quarters < 2)[:, None, None, None], maps[:, :, : height // 2], maps[:, :, height // 2 :])
    left = (quarters % 2 == 0)[:, None, None, None]
    return torch.where(left, upper[..., : width // 2], upper[..., width // 2 :])
