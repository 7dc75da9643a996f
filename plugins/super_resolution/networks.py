"""The networks of ESRGAN: a generator that enlarges images, and a discriminator with features (Wang et al., 2018)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganzoo.parts import activation

SCALE = 0.2  # of what a block adds, so that many blocks are stable without normalisation
DENSE = 5  # convolutions of a dense block
GAIN = 0.1  # of their first weights


def conv(inputs: int, outputs: int) -> nn.Conv2d:
    """A 3x3 convolution that keeps height and width."""
    return nn.Conv2d(inputs, outputs, 3, 1, 1)


def leaky(features: Tensor) -> Tensor:
    """Leaky ReLU of slope 0.2."""
    return F.leaky_relu(features, 0.2)


class DenseBlock(nn.Module):
    """x plus 0.2 of five convolutions, each of which sees x and all that those before it made."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        for number in range(DENSE):
            layer = conv(width + number * growth, growth if number < DENSE - 1 else width)
            nn.init.kaiming_normal_(layer.weight)
            with torch.no_grad():
                layer.weight.mul_(GAIN)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
            self.add_module(f"conv{number + 1}", layer)

    def forward(self, features: Tensor) -> Tensor:
        """Features ``(N, width, H, W)`` from features of the same shape."""
        *layers, last = self.children()
        seen = features
        for layer in layers:
            seen = torch.cat([seen, leaky(layer(seen))], 1)
        return features + SCALE * last(seen)  # type: ignore[no-any-return]


class RRDB(nn.Module):
    """x plus 0.2 of three dense blocks: a residual-in-residual dense block."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        self.rdb1, self.rdb2, self.rdb3 = (DenseBlock(width, growth) for _ in range(3))

    def forward(self, features: Tensor) -> Tensor:
        """Features ``(N, width, H, W)`` from features of the same shape."""
        return features + SCALE * self.rdb3(self.rdb2(self.rdb1(features)))  # type: ignore[no-any-return]


class RRDBNet(nn.Module):
    """The generator of ESRGAN: images of any size, made ``factor`` times as large (Wang et al., 2018).

    In training its images have no limits. In evaluation mode they are clamped to those of the samples.

    Args:
        inputs, outputs: channels of the given and of the made image.
        factor: how many times as large the made image is.
        blocks: residual-in-residual dense blocks.
        width: channels between the blocks.
        growth: channels that each convolution of a dense block adds.
        unshuffle: side of the squares that become one pixel first; the sides are doubled the more often.
        limits: smallest and largest value of a sample, if there are any.
    """

    latent_dim, free = 0, True

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        factor: int,
        blocks: int,
        width: int,
        growth: int,
        unshuffle: int,
        limits: tuple[float, float] | None,
    ) -> None:
        super().__init__()
        self.factor, self.multiple, self.limits = factor, unshuffle, limits
        self.doublings = (factor * unshuffle).bit_length() - 1
        self.conv_first = conv(inputs * unshuffle**2, width)
        self.body = nn.Sequential(*(RRDB(width, growth) for _ in range(blocks)))
        self.conv_body = conv(width, width)
        for number in range(self.doublings):
            self.add_module(f"conv_up{number + 1}", conv(width, width))
        self.conv_hr, self.conv_last = conv(width, width), conv(width, outputs)
        self.reach = self._reach()

    def _reach(self) -> int:
        """How far a pixel looks, in pixels of the given image."""
        far = 2  # the last two convolutions, at the full size
        for _ in range(self.doublings):
            far = (far + 2) // 2  # one more convolution; then half the distance at half the size, rounded up
        far += 2 + 3 * DENSE * len(self.body)
        return far * self.multiple + self.multiple - 1  # a pixel sees the whole of each square

    def forward(self, z: Tensor, conditions: Tensor) -> Tensor:
        """Images ``(N, outputs, factor H, factor W)`` from images ``(N, inputs, H, W)``; z is ``(N, 0)``."""
        height, width = conditions.shape[-2:]
        features = conditions
        if self.multiple > 1:
            features = F.pad(features, (0, -width % self.multiple, 0, -height % self.multiple), mode="replicate")
            features = F.pixel_unshuffle(features, self.multiple)
        features = self.conv_first(features)
        features = features + self.conv_body(self.body(features))
        for number in range(self.doublings):
            larger = F.interpolate(features, scale_factor=2.0)
            features = leaky(self.get_submodule(f"conv_up{number + 1}")(larger))
        images: Tensor = self.conv_last(leaky(self.conv_hr(features)))
        if self.multiple > 1:
            images = images[..., : self.factor * height, : self.factor * width]
        return images if self.training or self.limits is None else images.clamp(*self.limits)


class VGG(nn.Module):
    """A discriminator of pairs of convolutions, the second of which halves the sides, and two dense layers.

    Args:
        channels: of the image.
        width: channels of the first pair; each later one has twice as many, up to 8 times.
        units: of the dense layer before the logit.
        steps: pairs of convolutions.
        small: height and width after them.
        batch_norm: normalise all convolutions but the first.
    """

    def __init__(
        self, channels: int, width: int, units: int, steps: int, small: tuple[int, int], *, batch_norm: bool
    ) -> None:
        super().__init__()
        widths = [channels, *(width * 2 ** min(step, 3) for step in range(steps))]
        self.pairs = nn.ModuleList()
        for step in range(steps):
            pair = nn.Sequential(conv(widths[step], widths[step + 1]))
            if batch_norm and step:
                pair.append(nn.BatchNorm2d(widths[step + 1]))
            pair.append(activation("leaky"))
            pair.append(nn.Conv2d(widths[step + 1], widths[step + 1], 4, 2, 1))
            if batch_norm:
                pair.append(nn.BatchNorm2d(widths[step + 1]))
            self.pairs.append(pair.append(activation("leaky")))
        inputs = widths[-1] * small[0] * small[1]
        self.judge = nn.Sequential(nn.Flatten(), nn.Linear(inputs, units), activation("leaky"), nn.Linear(units, 1))

    def features(self, samples: Tensor) -> list[Tensor]:
        """The features ``(N, C, H, W)`` after each pair; ``judge`` makes logits from the last."""
        found = [samples]
        for pair in self.pairs:
            found.append(pair(found[-1]))
        return found[1:]

    def forward(self, samples: Tensor, *conditions: Tensor) -> Tensor:
        """Logits ``(N, 1)`` of samples ``(N, *shape)``. The image that was enlarged is not looked at."""
        return self.judge(self.features(samples)[-1])  # type: ignore[no-any-return]
