"""The residual networks of class-conditional SN-GANs, for images of about 32x32 (Miyato & Koyama, 2018)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from ganzoo.parts import Task, output_activation

EPS = 2e-5  # of batch normalisation
GAIN = 2**0.5  # of the first weights before ReLU


def conv(inputs: int, outputs: int, side: int = 3, gain: float = GAIN) -> nn.Conv2d:
    """A convolution that keeps height and width, with uniform weights (Glorot & Bengio, 2010)."""
    layer = nn.Conv2d(inputs, outputs, side, 1, side // 2)
    nn.init.xavier_uniform_(layer.weight, gain)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


class ConditionalNorm(nn.Module):
    """Batch normalisation with a gain and a shift for each class; the statistics are shared (de Vries et al., 2017)."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, eps=EPS, affine=False)
        self.gain, self.shift = nn.Embedding(classes, channels), nn.Embedding(classes, channels)
        nn.init.ones_(self.gain.weight)
        nn.init.zeros_(self.shift.weight)

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Features ``(N, C, H, W)`` from features of the same shape and int64 labels ``(N,)``."""
        gain, shift = (each(labels)[:, :, None, None].to(features.dtype) for each in (self.gain, self.shift))
        return self.norm(features) * gain + shift  # type: ignore[no-any-return]


def doubled(features: Tensor) -> Tensor:
    """Twice the height and width."""
    return F.interpolate(features, scale_factor=2.0)


class Doubling(nn.Module):
    """A residual block that doubles height and width."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = ConditionalNorm(channels, classes), ConditionalNorm(channels, classes)
        self.conv1, self.conv2 = conv(channels, channels), conv(channels, channels)
        self.shortcut = conv(channels, channels, 1, 1.0)

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Features ``(N, C, 2 H, 2 W)`` from features ``(N, C, H, W)`` and int64 labels ``(N,)``."""
        inner = self.conv1(doubled(F.relu(self.norm1(features, labels))))
        inner = self.conv2(F.relu(self.norm2(inner, labels)))
        return inner + self.shortcut(doubled(features))  # type: ignore[no-any-return]


class Generator(nn.Module):
    """z and a label to an image: a linear layer, blocks that double the sides, and a last convolution.

    Args:
        task: of which it has the latent length and the shape and range of samples.
        classes: number of classes.
        width: channels of all blocks.
        steps: blocks.
        small: height and width before them.
    """

    def __init__(self, task: Task, classes: int, width: int, steps: int, small: tuple[int, int]) -> None:
        super().__init__()
        self.first = nn.Sequential(
            nn.Linear(task.latent_dim, width * small[0] * small[1]), nn.Unflatten(1, (width, *small))
        )
        nn.init.xavier_uniform_(self.first[0].weight)  # type: ignore[arg-type]
        nn.init.zeros_(self.first[0].bias)  # type: ignore[arg-type]
        self.blocks = nn.ModuleList(Doubling(width, classes) for _ in range(steps))
        self.last = nn.Sequential(
            nn.BatchNorm2d(width, eps=EPS), nn.ReLU(), conv(width, task.shape[0], gain=1.0), output_activation(task)
        )

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        """Samples ``(N, *shape)`` from latents ``(N, latent_dim)`` and int64 labels ``(N,)``."""
        features = self.first(z)
        for block in self.blocks:
            features = block(features, labels)
        return self.last(features)  # type: ignore[no-any-return]


class Judging(nn.Module):
    """A residual block of D, under spectral normalisation.

    Args:
        inputs, outputs: channels.
        halves: whether height and width are halved.
        first: whether it takes the image, which has no ReLU before it.
    """

    def __init__(self, inputs: int, outputs: int, *, halves: bool, first: bool = False) -> None:
        super().__init__()
        self.conv1, self.conv2 = spectral_norm(conv(inputs, outputs)), spectral_norm(conv(outputs, outputs))
        self.shortcut = spectral_norm(conv(inputs, outputs, 1, 1.0)) if halves else nn.Identity()
        self.halves, self.first = halves, first

    def forward(self, features: Tensor) -> Tensor:
        """Features ``(N, outputs, H, W)``, or of half the sides, from features ``(N, inputs, H, W)``."""
        inner = self.conv2(F.relu(self.conv1(features if self.first else F.relu(features))))
        direct = self.shortcut(features)  # a convolution of one pixel and a mean can change places
        if self.halves:
            inner, direct = F.avg_pool2d(inner, 2), F.avg_pool2d(direct, 2)
        return inner + direct  # type: ignore[no-any-return]


class Discriminator(nn.Module):
    """Logits of images: of their features h, w h + e_y h, where e_y is an embedding of the label y.

    Args:
        channels: of the image.
        classes: number of classes.
        width: channels of all blocks.
    """

    def __init__(self, channels: int, classes: int, width: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            Judging(channels, width, halves=True, first=True),
            Judging(width, width, halves=True),
            Judging(width, width, halves=False),
            Judging(width, width, halves=False),
        )
        linear, embedding = nn.Linear(width, 1, bias=False), nn.Embedding(classes, width)
        for layer in (linear, embedding):
            nn.init.xavier_uniform_(layer.weight)
        self.linear, self.embedding = spectral_norm(linear), spectral_norm(embedding)

    def forward(self, samples: Tensor, labels: Tensor) -> Tensor:
        """Logits ``(N, 1)`` of samples ``(N, *shape)`` with int64 labels ``(N,)``."""
        features = F.relu(self.blocks(samples)).sum((2, 3))
        return self.linear(features) + (self.embedding(labels) * features).sum(1, keepdim=True)  # type: ignore[no-any-return]
