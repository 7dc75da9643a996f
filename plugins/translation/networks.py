"""The networks of pix2pix and CycleGAN: generators that make images from images, and discriminators of patches."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganzoo import GanzooError
from ganzoo.parts import activation, radford_init


class PixelNorm(nn.Module):
    """Each pixel divided by the root of the mean square of its channels, times a gain (Karras et al., 2018).

    It looks at no other pixel, so a crop of an image becomes the crop of its result.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(channels, 1, 1))

    def forward(self, features: Tensor) -> Tensor:
        """Features ``(N, C, H, W)`` from features of the same shape."""
        scale = (features.float().square().mean(1, keepdim=True) + 1e-5).rsqrt()
        return features * scale.to(features.dtype) * self.gain.to(features.dtype)


def normalised(layer: nn.Conv2d | nn.ConvTranspose2d, norm: str | None) -> list[nn.Module]:
    """A convolution and its normalisation. Those that subtract a mean have a shift of their own instead of its bias."""
    channels = layer.out_channels
    if norm is None:
        return [layer]
    if norm == "pixel":
        return [layer, PixelNorm(channels)]
    layer.bias = None
    return [layer, nn.BatchNorm2d(channels) if norm == "batch" else nn.InstanceNorm2d(channels, affine=True)]


def doubled(inputs: int, outputs: int, doubling: str, norm: str | None) -> list[nn.Module]:
    """Layers that double height and width. Transposed convolutions leave a chequerboard where training is short."""
    if doubling == "transposed":
        return normalised(nn.ConvTranspose2d(inputs, outputs, 4, 2, 1), norm)
    return [nn.Upsample(scale_factor=2), *normalised(nn.Conv2d(inputs, outputs, 3, 1, 1), norm)]


def padded(images: Tensor, multiple: int) -> Tensor:
    """Images whose sides are filled up to multiples of a number by repeating the last row and column."""
    height, width = images.shape[-2:]
    return F.pad(images, (0, -width % multiple, 0, -height % multiple), mode="replicate")


class UNet(nn.Module):
    """A U-Net without latents, for images of any size (Ronneberger et al., 2015; Isola et al., 2017).

    ``depth`` halvings, as many doublings, and between them skips at each size. The first, the last and the smallest
    layer have no normalisation: a map of one pixel would become 0.

    Args:
        inputs, outputs: channels of the given and of the made image.
        width: channels after the first halving; they double with the sides' halving, up to 8 times.
        depth: how often the sides are halved.
        norm: normalisation of the inner layers.
        doubling: how sides are doubled.
        dropout: probability, in the three doublings of the smallest maps.
        last: activation of the image.
    """

    latent_dim, free = 0, True

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        width: int,
        depth: int,
        norm: str,
        doubling: str,
        dropout: float,
        last: nn.Module,
    ) -> None:
        super().__init__()
        self.multiple = 2**depth
        self.reach = None if norm == "instance" else 3 * (self.multiple - 1)
        channels = [inputs, *(width * 2 ** min(step, 3) for step in range(depth))]
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for step in range(depth):
            is_inner = 0 < step < depth - 1
            layer = nn.Conv2d(channels[step], channels[step + 1], 4, 2, 1)
            before = [activation("leaky")] if step else []
            self.down.append(nn.Sequential(*before, *normalised(layer, norm if is_inner else None)))
        for step in reversed(range(depth)):
            skip = channels[step + 1] if step < depth - 1 else 0
            made = channels[step] if step else outputs
            layers = doubled(channels[step + 1] + skip, made, doubling, norm if step else None)
            after = [nn.Dropout(dropout)] if dropout and step and step >= depth - 3 else []
            self.up.append(nn.Sequential(activation("relu"), *layers, *after))
        self.last = last
        radford_init(self, 1.0)

    def forward(self, z: Tensor, conditions: Tensor) -> Tensor:
        """Images ``(N, outputs, H, W)`` from images ``(N, inputs, H, W)``; z is ``(N, 0)``."""
        height, width = conditions.shape[-2:]
        features, skips = padded(conditions, self.multiple), []
        for layer in self.down:
            features = layer(features)
            skips.append(features)
        features = self.up[0](skips.pop())
        for layer, skip in zip(self.up[1:], reversed(skips), strict=True):
            features = layer(torch.cat([features, skip], 1))
        return self.last(features)[..., :height, :width]  # type: ignore[no-any-return]


class Residual(nn.Module):
    """x plus two convolutions, the first with ReLU."""

    def __init__(self, channels: int, norm: str) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            *normalised(nn.Conv2d(channels, channels, 3, 1, 1), norm),
            activation("relu"),
            *normalised(nn.Conv2d(channels, channels, 3, 1, 1), norm),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Features ``(N, C, H, W)`` from features of the same shape."""
        return features + self.branch(features)  # type: ignore[no-any-return]


class ResNet(nn.Module):
    """An image from an image of any size: halvings, residual blocks, doublings (Johnson et al., 2016).

    Args:
        inputs, outputs: channels of the given and of the made image.
        width: channels at the size of the image; they double with each halving.
        halvings: how often the sides are halved.
        blocks: residual blocks at the smallest size.
        norm: normalisation of all layers but the last.
        doubling: how sides are doubled.
        last: activation of the image.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        width: int,
        halvings: int,
        blocks: int,
        norm: str,
        doubling: str,
        last: nn.Module,
    ) -> None:
        super().__init__()
        self.inputs, self.multiple = inputs, 2**halvings
        self.reach = None if norm == "instance" else 3 + 3 * (self.multiple - 1) + 2 * blocks * self.multiple + 3
        channels = [width * 2**step for step in range(halvings + 1)]
        net = nn.Sequential(*normalised(nn.Conv2d(inputs, width, 7, 1, 3, padding_mode="replicate"), norm))
        net.append(activation("relu"))
        for step in range(halvings):
            net.extend(normalised(nn.Conv2d(channels[step], channels[step + 1], 4, 2, 1), norm))
            net.append(activation("relu"))
        net.extend(Residual(channels[-1], norm) for _ in range(blocks))
        for step in reversed(range(halvings)):
            net.extend(doubled(channels[step + 1], channels[step], doubling, norm))
            net.append(activation("relu"))
        net.append(nn.Conv2d(width, outputs, 7, 1, 3, padding_mode="replicate"))
        self.net = net.append(last)
        radford_init(self, 1.0)

    def forward(self, images: Tensor) -> Tensor:
        """Images ``(N, outputs, H, W)`` from images ``(N, inputs, H, W)``."""
        height, width = images.shape[-2:]
        return self.net(padded(images, self.multiple))[..., :height, :width]  # type: ignore[no-any-return]


class ThereAndBack(nn.Module):
    """Two generators of CycleGAN: from conditions to samples, and back. Sampling uses the way there by default.

    Args:
        there: makes samples from conditions.
        back: makes conditions from samples.
    """

    latent_dim, free = 0, True

    def __init__(self, there: ResNet, back: ResNet) -> None:
        super().__init__()
        self.there, self.back = there, back
        self.multiple, self.reach = there.multiple, there.reach
        self.same_channels = there.inputs == back.inputs

    def forward(self, z: Tensor, conditions: Tensor, *, back: bool = False) -> Tensor:
        """Samples ``(N, *shape)`` from images ``(N, *condition)``; z is ``(N, 0)``.

        With ``back``, images like the conditions from images like the samples, which have to have the same channels.
        """
        if back and not self.same_channels:
            raise GanzooError(
                "back=true needs conditions and samples of the same channels; call generator.back instead"
            )
        return (self.back if back else self.there)(conditions)  # type: ignore[no-any-return]


class Patches(nn.Module):
    """The PatchGAN discriminator: one logit for each of many overlapping patches (Isola et al., 2017).

    Args:
        inputs: channels of the image and its condition together.
        width: channels of the first layer; they double with each layer, up to 8 times.
        halvings: how often the sides are halved.
        norm: normalisation of all layers but the first and the last.
        kernel: side of the last two convolutions; 1, 2 and 3 halvings make patches of 12, 26 and 54 pixels with 3, and
            of 16, 34 and 70 with 4.
    """

    def __init__(self, inputs: int, *, width: int, halvings: int, norm: str, kernel: int) -> None:
        super().__init__()
        channels = [inputs, *(width * 2 ** min(step, 3) for step in range(halvings + 1))]
        net = nn.Sequential()
        for step in range(halvings + 1):
            size, stride = (4, 2) if step < halvings else (kernel, 1)
            layer = nn.Conv2d(channels[step], channels[step + 1], size, stride, 1)
            net.extend([*normalised(layer, norm if step else None), activation("leaky")])
        self.net = net.append(nn.Conv2d(channels[-1], 1, kernel, 1, 1))
        radford_init(self, 1.0)

    def forward(self, samples: Tensor, *conditions: Tensor) -> Tensor:
        """Logits ``(N, patches)`` of images ``(N, C, H, W)``, joined to their conditions."""
        return self.net(torch.cat([samples, *conditions], 1)).flatten(1)  # type: ignore[no-any-return]


class Pool(nn.Module):
    """Images that were generated before, some of which take the places of new ones (Shrivastava et al., 2017).

    D then sees what G made in the last few hundred iterations, and G cannot escape it by going in circles. Until the
    pool is full, each new image is stored and returned. Afterwards, with a chance of one half, a stored image that is
    drawn at random is returned and replaced by the new one.

    Args:
        size: how many images are kept; 0 for none.
        shape: of one image.
    """

    def __init__(self, size: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.images: Tensor
        self.stored: Tensor
        self.register_buffer("images", torch.zeros(size, *shape))
        self.register_buffer("stored", torch.zeros((), dtype=torch.int64))

    def forward(self, images: Tensor) -> Tensor:
        """As many images ``(N, *shape)``, new and old."""
        if not (size := len(self.images)):
            return images
        chance = torch.rand(len(images), device=images.device)
        drawn = (torch.rand(len(images), device=images.device) * size).long().clamp(max=size - 1)
        returned = []
        for image, uniform, random in zip(images.to(self.images), chance, drawn, strict=True):
            has_place = self.stored < size
            place = torch.where(has_place, self.stored, random).reshape(1)
            old = self.images.index_select(0, place)[0]
            swapped = ~has_place & (uniform < 0.5)
            returned.append(torch.where(swapped, old, image))
            self.images.index_copy_(0, place, torch.where(has_place | swapped, image.detach(), old)[None])
            self.stored.add_(has_place)
        return torch.stack(returned)


class TwoDomains(nn.Module):
    """The two discriminators of CycleGAN, of samples and of conditions, with a pool of generated images each.

    Args:
        samples, conditions: the discriminators.
        sample_pool, condition_pool: the pools.
    """

    def __init__(self, samples: Patches, conditions: Patches, sample_pool: Pool, condition_pool: Pool) -> None:
        super().__init__()
        self.samples, self.conditions = samples, conditions
        self.sample_pool, self.condition_pool = sample_pool, condition_pool

    def forward(self, samples: Tensor, conditions: Tensor) -> Tensor:
        """Logits ``(N, patches)`` of samples alone, since no sample belongs to a condition."""
        return self.samples(samples)  # type: ignore[no-any-return]
