"""The networks of lightweight-gan for images of 32x32 or 64x64 pixels, written from a description of it.

Wang (github.com/lucidrains/lightweight-gan, MIT), after Liu et al., 2021, arXiv:2101.04775. They are those of its
command's defaults with ``--image-size``. Skip-layer excitation begins at 128x128 there, so these have none; and
attention is asked for at 32x32 pixels: of images of that size D has it and G ends there. For 64x64 pixels only the
networks without attention are written.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LATENT = 256
HEADS, HEAD = 8, 64  # of attention, and channels of each
SLOPE = 0.1
DECODED = 4  # doublings of a decoder: 8x8 features become 128x128 images


SMALL = 32  # pixels of D's second network


def widths(most: int, side: int) -> tuple[int, ...]:
    """Channels at 4x4, 8x8, ... pixels, below ``side``: 4096 over the pixels of a side, at most ``most``."""
    return tuple(min(4096 // 2**power, most) for power in range(2, side.bit_length() - 1))


def leaky() -> nn.Module:
    return nn.LeakyReLU(SLOPE)


def doubled(channels: int) -> list[nn.Module]:
    """Twice the height and width: four times the channels, rearranged."""
    conv = nn.Conv2d(channels, 4 * channels, 1)
    assert conv.bias is not None
    nn.init.zeros_(conv.bias)
    return [conv, nn.SiLU(), nn.PixelShuffle(2)]


class Noise(nn.Module):
    """Adds one plane of noise to all channels, of a strength that is learned."""

    def __init__(self) -> None:
        super().__init__()
        self.strength = nn.Parameter(torch.zeros(1))

    def forward(self, features: Tensor) -> Tensor:
        return features + self.strength * torch.randn_like(features[:, :1])


class Generator(nn.Module):
    """Images ``(N, 3, side, side)``, meant for [0, 1], of latents ``(N, LATENT)``."""

    def __init__(self, most: int, side: int = 32) -> None:
        super().__init__()
        self.begin = nn.Sequential(nn.ConvTranspose2d(LATENT, 2 * LATENT, 4), nn.BatchNorm2d(2 * LATENT), nn.GLU(dim=1))
        self.layers = nn.Sequential()
        before = LATENT
        for width in widths(most, side):
            self.layers.extend([*doubled(before), nn.ZeroPad2d((2, 1, 2, 1)), nn.Conv2d(before, 2 * width, 4)])
            self.layers.extend([Noise(), nn.BatchNorm2d(2 * width), nn.GLU(dim=1)])
            before = width
        self.end = nn.Conv2d(before, 3, 3, padding=1)
        self.apply(first_weights)

    def forward(self, z: Tensor) -> Tensor:
        return self.end(self.layers(F.normalize(self.begin(z[:, :, None, None]), dim=1)))  # type: ignore[no-any-return]


class Attention(nn.Module):
    """Linear attention to all pixels, joined with attention to the 3x3 next ones; of normalised channels.

    The published code copies the neighbours of each pixel first. Shifted maps give the same, in a fraction of the
    time: to its advantage.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = HEADS * HEAD
        self.gain = nn.Parameter(torch.ones(1, channels, 1, 1))
        self.shift = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.far_query = nn.Conv2d(channels, inner, 1, bias=False)
        self.far = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False),
            nn.Conv2d(channels, 2 * inner, 1, bias=False),
        )
        self.near_query = nn.Conv2d(channels, inner, 1, bias=False)
        self.near = nn.Conv2d(channels, 2 * inner, 1, bias=False)
        self.end = nn.Conv2d(2 * inner, channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        """What is added to features ``(N, channels, H, W)``."""
        centred = features - features.mean(1, keepdim=True)
        variance = centred.square().mean(1, keepdim=True)
        normalised = centred / (variance + 1e-5).sqrt() * self.gain + self.shift
        found = F.gelu(self.everywhere(normalised)), self.nearby(normalised)
        return self.end(torch.cat(found, 1))  # type: ignore[no-any-return]

    def everywhere(self, features: Tensor) -> Tensor:
        key, value = (heads(each).flatten(3) for each in self.far(features).chunk(2, 1))
        query = heads(self.far_query(features)).flatten(3).softmax(2) * HEAD**-0.5
        context = key.softmax(3) @ value.transpose(2, 3)
        return (context.transpose(2, 3) @ query).flatten(1, 2).unflatten(2, features.shape[2:])

    def nearby(self, features: Tensor) -> Tensor:
        height, width = features.shape[2:]
        query = heads(self.near_query(features)) * HEAD**-0.5
        key, value = (F.pad(heads(each), (1, 1, 1, 1)) for each in self.near(features).chunk(2, 1))
        places = [(..., slice(top, top + height), slice(left, left + width)) for top in range(3) for left in range(3)]
        likeness = torch.stack([(query * key[place]).sum(2) for place in places], 2).softmax(2)
        found = torch.zeros_like(query)
        for number, place in enumerate(places):
            found = found + likeness[:, :, number, None] * value[place]
        return found.flatten(1, 2)


def heads(features: Tensor) -> Tensor:
    """``(N, heads, channels of each, H, W)`` of features ``(N, channels, H, W)``."""
    return features.unflatten(1, (HEADS, HEAD))


class Halved(nn.Module):
    """Half the height and width: the sum of a deep and a shallow branch."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.deep = nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(4 * before, after, 1), leaky())
        self.deep.extend([nn.Conv2d(after, after, 3, padding=1), leaky()])
        self.shallow = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(before, after, 1), leaky())

    def forward(self, features: Tensor) -> Tensor:
        return self.deep(features) + self.shallow(features)  # type: ignore[no-any-return]


class Attended(nn.Module):
    """Features plus attention."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attention = Attention(channels)

    def forward(self, features: Tensor) -> Tensor:
        return features + self.attention(features)  # type: ignore[no-any-return]


class Discriminator(nn.Module):
    """Logits of images ``(N, 3, side, side)`` by two networks, and the error of images that are rebuilt from the first.

    Args:
        most: largest number of channels.
        side: 32, or 64 without attention.
        attention: whether the first network begins with attention to the colours.
    """

    def __init__(self, most: int, side: int = 32, *, attention: bool) -> None:
        super().__init__()
        if attention and side != SMALL:
            raise NotImplementedError(f"attention is written for {SMALL}x{SMALL} pixels alone")
        self.down = nn.Sequential(*([Attended(3)] if attention else []))
        before = 3
        for width in reversed(widths(most, side)[1:]):
            self.down.append(Halved(before, width))
            before = width
        last = before
        self.logits = nn.Sequential(nn.Conv2d(last, last, 3, 2, 1), leaky(), nn.Conv2d(last, 1, 4))
        self.small = nn.Sequential(nn.Conv2d(3, 64, 3, padding=1), Attended(64), Halved(64, 32), Attended(32))
        self.small.extend([nn.AdaptiveAvgPool2d(4), nn.Conv2d(32, 1, 4)])
        self.decoder = nn.Sequential()
        width = last
        for step in range(DECODED):
            gated = width if step < DECODED - 1 else 6  # which a GLU halves
            self.decoder.extend([*doubled(width), nn.Conv2d(width, gated, 3, padding=1), nn.GLU(dim=1)])
            width //= 2
        self.apply(first_weights)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits ``(N,)`` of both networks, and the features that :meth:`rebuilding` takes."""
        features = self.down(images)
        small = images if images.shape[-1] == SMALL else F.interpolate(images, size=(SMALL, SMALL))
        return self.logits(features).flatten(), self.small(small).flatten(), features

    def rebuilding(self, features: Tensor, images: Tensor) -> Tensor:
        """Mean squared error of the images, enlarged, and what the decoder makes of their features."""
        made = self.decoder(features)
        return F.mse_loss(made, F.interpolate(images, size=made.shape[2:]))


def first_weights(layer: nn.Module) -> None:
    """Kaiming's of all convolutions but the transposed one (He et al., 2015)."""
    if isinstance(layer, nn.Conv2d):
        nn.init.kaiming_normal_(layer.weight, 0, "fan_in", "leaky_relu")
