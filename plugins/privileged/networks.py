"""The networks of the privileged GANs: a child that refines its parent's images, and the published small CNNs."""

from __future__ import annotations

from torch import Tensor, nn

from ganzoo.parts.builders import activation
from ganzoo.parts.networks import Networks


class Refined(nn.Module):
    """A(G1(z)): the child, an autoencoder A, over the images of its parent G1.

    No gradient returns to the parent; that is part of the method.
    """

    def __init__(self, parent: Networks, child: nn.Module) -> None:
        super().__init__()
        self.parent, self.child, self.latent_dim = parent.generator, child, parent.latent_dim

    def forward(self, z: Tensor) -> Tensor:
        """The child's images ``(N, *shape)`` of latents ``(N, latent)``."""
        return self.child(self.parent(z).detach())  # type: ignore[no-any-return]


def down(channels: int, width: int, kernel: tuple[int, int], norm: bool) -> list[nn.Module]:
    """Convolutions from an image to ``4 * width`` maps of 2x2."""
    layers: list[nn.Module] = []
    for inputs, outputs, size in (
        (channels, width, (3, 3)),
        (width, 2 * width, (3, 3)),
        (2 * width, 4 * width, kernel),
    ):
        layers += [nn.Conv2d(inputs, outputs, size, 2, 1), *normalised(outputs, norm), activation("leaky")]
    return layers


def up(channels: int, width: int, kernel: tuple[int, int], norm: bool, start: tuple[int, int]) -> list[nn.Module]:
    """Transposed convolutions from ``4 * width`` maps to an image; ``start`` is stride and padding of the first."""
    return [
        nn.ConvTranspose2d(4 * width, 2 * width, kernel, *start),
        *normalised(2 * width, norm),
        activation("relu"),
        nn.ConvTranspose2d(2 * width, width, 3, 2, 1, output_padding=1),
        *normalised(width, norm),
        activation("relu"),
        nn.ConvTranspose2d(width, channels, 3, 2, 1, output_padding=1),
    ]


def normalised(features: int, norm: bool) -> list[nn.Module]:
    return [nn.BatchNorm2d(features)] if norm else []
