"""A style generator and a residual discriminator, after Karras et al. (2020), small enough for a CPU."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganzoo.parts import Task, output_activation

SLOPE = 0.2
GAIN = math.sqrt(2 / (1 + SLOPE**2))  # of leaky ReLU: with it the variance stays the same from layer to layer
FAINT = 0.3  # gain of the layers that give colours, so that the first images are nearly grey
TINY = 1e-8
DECAY = 0.995  # of the running mean of styles
MAPPING = 3  # layers from z to the style
GROUP = 4  # samples whose spread the discriminator sees


def leaky(features: Tensor) -> Tensor:
    return F.leaky_relu(features, SLOPE)


def conv(
    inputs: int, outputs: int, side: int = 3, *, stride: int = 1, gain: float = GAIN, bias: bool = True
) -> nn.Conv2d:
    """A convolution that keeps the variance, and height and width up to its stride."""
    layer = nn.Conv2d(inputs, outputs, side, stride, (side - 1) // 2, bias=bias)
    nn.init.normal_(layer.weight, 0.0, gain / math.sqrt(inputs * side**2))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def linear(inputs: int, outputs: int, *, gain: float = 1.0) -> nn.Linear:
    """A linear layer that keeps the variance."""
    layer = nn.Linear(inputs, outputs)
    nn.init.normal_(layer.weight, 0.0, gain / math.sqrt(inputs))
    nn.init.zeros_(layer.bias)
    return layer


def normalised(vectors: Tensor) -> Tensor:
    """Vectors ``(N, F)`` scaled to a mean square of 1."""
    return vectors * torch.rsqrt(vectors.square().mean(1, keepdim=True) + TINY)


class Styled(nn.Module):
    """A 3x3 convolution whose input channels are scaled by a style, and whose outputs by what keeps the variance.

    The published layer scales the weights instead, which takes a product of its own for each sample. Scaling before and
    after the convolution is the same, and exports to ONNX for any batch size.
    """

    def __init__(self, inputs: int, outputs: int, style: int, *, doubling: str = "none") -> None:
        super().__init__()
        self.doubling = doubling
        self.style = linear(style, inputs)
        nn.init.ones_(self.style.bias)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3) / math.sqrt(9 * inputs))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, features: Tensor, style: Tensor) -> Tensor:
        """Features ``(N, outputs, H, W)`` with styles ``(N, style)``; of twice the sides with a ``doubling``."""
        with torch.autocast(features.device.type, enabled=False):  # small products, whose squares need float32
            scale = self.style(style.float())
            norm = torch.rsqrt(scale.square() @ self.weight.float().square().sum((2, 3)).t() + TINY) * GAIN
        features = features * scale[:, :, None, None].to(features.dtype)
        if self.doubling != "none":
            features = F.interpolate(features, scale_factor=2.0, mode=self.doubling)
        features = F.conv2d(features, self.weight, padding=1)
        return leaky(features * norm[:, :, None, None].to(features.dtype) + self.bias[:, None, None].to(features.dtype))


class StyleGenerator(nn.Module):
    """z to a style, and to a small map, which styled convolutions double. The colours of all sizes are added up.

    Args:
        task: what the network has to fit.
        features: channels at each size, the smallest size first.
        small: height and width of the smallest.
        style: length of the style.
        doublings: how the sides are doubled, ``nearest`` or ``bilinear``, the smallest size first.

    Attributes:
        mean_style: running mean of the styles in training ``(style,)``.
    """

    mean_style: Tensor

    def __init__(
        self, task: Task, features: list[int], small: tuple[int, int], style: int, doublings: list[str]
    ) -> None:
        super().__init__()
        self.small = (features[0], *small)
        sizes = (task.latent_dim, *[style] * MAPPING)
        self.mapping = nn.ModuleList(linear(*pair, gain=GAIN) for pair in pairwise(sizes))
        self.begin = linear(task.latent_dim, math.prod(self.small))
        self.first = Styled(features[0], features[0], style)
        self.layers = nn.ModuleList(
            Styled(*pair, style, doubling=how) for pair, how in zip(pairwise(features), doublings, strict=True)
        )
        self.first_colours = conv(features[0], task.shape[0], 1, gain=FAINT)
        sides = [1] * (len(features) - 2) + [3]
        self.colours = nn.ModuleList(
            conv(width, task.shape[0], side, gain=FAINT) for width, side in zip(features[1:], sides, strict=True)
        )
        self.output = output_activation(task)
        self.register_buffer("mean_style", torch.zeros(style))

    def forward(self, z: Tensor, *, psi: float = 1.0) -> Tensor:
        """Images ``(N, channels, height, width)`` from latents ``(N, latent_dim)``.

        Args:
            z: the latents; their length does not matter.
            psi: how far a style goes from the mean style: 1 is as trained, less is more usual, 0 is the mean. The
                small map stays, so images still differ. Not used in training.
        """
        z = normalised(z)
        style = self.style(z)
        if not self.training:
            style = self.mean_style + psi * (style - self.mean_style)
        features = self.first(self.begin(z).unflatten(1, self.small), style)
        image = self.first_colours(features)
        for layer, colours in zip(self.layers, self.colours, strict=True):
            features = layer(features, style)
            image = F.interpolate(image, scale_factor=2.0, mode="bilinear") + colours(features)
        return self.output(image)  # type: ignore[no-any-return]

    def style(self, z: Tensor) -> Tensor:
        """Styles ``(N, style)`` of normalised latents; in training their running mean is kept."""
        style = z
        for layer in self.mapping:
            style = leaky(layer(style))
        if self.training:
            with torch.no_grad():
                self.mean_style.lerp_(style.float().mean(0), 1 - DECAY)
        return style


class ResidualDiscriminator(nn.Module):
    """Strided convolutions with shortcuts, the spread of the batch, and two linear layers.

    Args:
        task: what the network has to fit.
        features: channels at each size, the image's first.
        small: height and width of the last map.
    """

    def __init__(self, task: Task, features: list[int], small: tuple[int, int]) -> None:
        super().__init__()
        self.begin = conv(task.shape[0], features[0])
        self.down = nn.ModuleList(conv(*pair, 4, stride=2) for pair in pairwise(features))
        self.shortcuts = nn.ModuleList(conv(*pair, 1, gain=1.0, bias=False) for pair in pairwise(features))
        self.last = conv(features[-1] + 1, features[-1])
        self.hidden = linear(features[-1] * math.prod(small), features[-1], gain=GAIN)
        self.logits = linear(features[-1], 1)

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``(N, 1)`` of images ``(N, channels, height, width)``."""
        features = leaky(self.begin(images))
        for down, shortcut in zip(self.down, self.shortcuts, strict=True):
            features = (leaky(down(features)) + shortcut(F.avg_pool2d(features, 2))) * math.sqrt(0.5)
        features = leaky(self.last(torch.cat([features, spread(features)], 1)))
        return self.logits(leaky(self.hidden(features.flatten(1))))  # type: ignore[no-any-return]


def spread(features: Tensor) -> Tensor:
    """How much four samples of the batch differ: a constant map ``(N, 1, H, W)`` for each (Karras et al., 2018).

    The four are those whose places differ by a quarter of the batch; of a batch that has no quarter, all.
    """
    count = len(features)
    group = GROUP if count % GROUP == 0 else count
    groups = features.float().reshape(group, count // group, *features.shape[1:])
    variance = (groups - groups.mean(0)).square().mean(0)  # Tensor.var is slow along the batch
    deviation = (variance + TINY).sqrt().mean((1, 2, 3))
    same = deviation.repeat(group)[:, None, None, None].to(features.dtype)
    return same.expand(count, 1, *features.shape[2:])
