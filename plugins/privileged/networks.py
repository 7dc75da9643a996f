"""The networks of the privileged GANs: a child that refines its parent's images, and the published small CNNs."""

from __future__ import annotations

from torch import Tensor, nn

from ganzoo.parts import Networks, activation


class Refined(nn.Module):
    """A(G1(z)): an autoencoder A applied to the images of the parent G1.

    The parent gets no gradient from the child; that is part of the method.
    """

    def __init__(self, parent: Networks, child: nn.Module) -> None:
        super().__init__()
        self.parent, self.child, self.latent_dim = parent.generator, child, parent.latent_dim

    def forward(self, z: Tensor) -> Tensor:
        """The child's images ``(N, *shape)`` from latents ``(N, latent_dim)``."""
        return self.child(self.parent(z).detach())  # type: ignore[no-any-return]


def down(channels: int, width: int, kernel: tuple[int, int], norm: bool) -> list[nn.Module]:
    """Convolutions from an image to ``4 * width`` maps of 2x2."""
    layers: list[nn.Module] = []
    for inputs, outputs, size in (
        (channels, width, (3, 3)),
        (width, 2 * width, (3, 3)),
        (2 * width, 4 * width, kernel),
    ):
        layers += [nn.Conv2d(inputs, outputs, size, 2, 1), *batch_norm(outputs, norm), activation("leaky")]
    return layers


def up(channels: int, width: int, kernel: tuple[int, int], norm: bool, start: tuple[int, int]) -> list[nn.Module]:
    """Transposed convolutions from ``4 * width`` maps to an image; ``start`` is stride and padding of the first."""
    return [
        nn.ConvTranspose2d(4 * width, 2 * width, kernel, *start),
        *batch_norm(2 * width, norm),
        activation("relu"),
        nn.ConvTranspose2d(2 * width, width, 3, 2, 1, output_padding=1),
        *batch_norm(width, norm),
        activation("relu"),
        nn.ConvTranspose2d(width, channels, 3, 2, 1, output_padding=1),
    ]


def batch_norm(features: int, norm: bool) -> list[nn.Module]:
    return [nn.BatchNorm2d(features)] if norm else []
