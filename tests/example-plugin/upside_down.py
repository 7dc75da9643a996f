"""The module of the augmentation upside-down."""

from torch import nn

from ganzoo.parts import mirrored


class UpsideDown(nn.Module):
    """Mirrors each image upside down with a chance of one half, and the image that it is made from with it."""

    def forward(self, *images):
        return mirrored(*images, axis=-2)
