"""Which GAN is trained where the command names none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ganzoo.util.errors import GanzooError
from ganzoo.util.optional import needs

if TYPE_CHECKING:
    from ganzoo.data import Data
    from ganzoo.registry.gan import GAN


def default_gan(data: Data) -> tuple[GAN, str]:
    """The GAN that is the default for such data, and a line that says so.

    Where the default for images cannot be built for images of this size, it is that for vectors, which takes any.

    Raises:
        GanzooError: no GAN is the default, or several are; or the data have conditions, which take a GAN for them.
    """
    with needs():
        from ganzoo.parts.build import blank
    from ganzoo.registry.recipe import resolve
    from ganzoo.registry.registry import registry

    if data.conditions is not None:
        raise GanzooError(f"{data.name} has conditions, for which no GAN is the default; name one (ganzoo list)")
    kind = "images" if data.is_images else "vectors"
    gan, why = registry().default_for(kind), f"the default for {kind}"
    if data.is_images:
        try:
            blank(resolve(gan), data)
        except GanzooError:
            size = "x".join(map(str, data.shape[1:]))
            why = f"the default for vectors, since {gan.name}, that for images, does not take {size} pixels"
            gan = registry().default_for("vectors")
    return gan, f"No GAN is named: {gan.name}, {why} (ganzoo list names others)"
