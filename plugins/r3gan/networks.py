"""Residual networks after those of Huang et al. (2024), made small, with more channels at small sizes."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from ganzoo.parts import Task, activation, output_activation

GROUP = 16  # channels in each group of a grouped convolution
GAIN = 2 / (1 + 0.2**2)  # for leaky ReLU, keeps the variance from layer to layer (He et al., 2015)


class Residual(nn.Module):
    """x plus an inverted bottleneck: 1x1 to twice the channels, grouped 3x3, 1x1 back.

    The last layer starts at 0, so the block starts as the identity, and a deep network needs no normalisation
    (Zhang et al., 2019).
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        inner = 2 * features
        self.branch = nn.Sequential(
            conv(features, inner),
            activation("leaky"),
            conv(inner, inner, side=3, groups=max(1, inner // GROUP)),
            activation("leaky"),
            nn.Conv2d(inner, features, 1),
        )
        for weight in self.branch[-1].parameters():
            nn.init.zeros_(weight)

    def forward(self, features: Tensor) -> Tensor:
        """Features ``(N, C, H, W)`` from features of the same shape."""
        return features + self.branch(features)  # type: ignore[no-any-return]


def conv(inputs: int, outputs: int, *, side: int = 1, groups: int = 1) -> nn.Conv2d:
    """A convolution that keeps height and width, and before leaky ReLU the variance."""
    layer = nn.Conv2d(inputs, outputs, side, padding=side // 2, groups=groups)
    nn.init.normal_(layer.weight, 0.0, (GAIN * groups / (inputs * side**2)) ** 0.5)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


def generator(task: Task, width: int, steps: int, small: tuple[int, int]) -> nn.Sequential:
    """z to a map of ``small`` height and width, whose sides are doubled and channels halved ``steps`` times.

    There is no block at the size of the image, where it would take most of the time.
    """
    features = [width * 2 ** (steps - step) for step in range(steps + 1)]
    net = nn.Sequential(
        nn.Linear(task.latent_dim, features[0] * small[0] * small[1]), nn.Unflatten(1, (features[0], *small))
    )
    for inputs, outputs in pairwise(features):
        net.append(Residual(inputs))
        net.append(conv(inputs, outputs))
        net.append(nn.Upsample(scale_factor=2, mode="bilinear"))
    net.append(activation("leaky"))
    net.append(conv(width, task.shape[0], side=3))
    return net.append(output_activation(task))


def discriminator(task: Task, width: int, steps: int, small: tuple[int, int]) -> nn.Sequential:
    """The image to logits ``(N, 1)``: sides are halved and channels doubled ``steps`` times."""
    features = [width * 2**step for step in range(steps + 1)]
    net = nn.Sequential(conv(task.shape[0], width, side=3), activation("leaky"))
    for inputs, outputs in pairwise(features):
        net.append(nn.AvgPool2d(2))
        net.append(conv(inputs, outputs))
        net.append(Residual(outputs))
    net.append(nn.Flatten())
    return net.append(nn.Linear(features[-1] * small[0] * small[1], 1))
