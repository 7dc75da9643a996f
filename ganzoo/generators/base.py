"""The sampling interface of all trained generators: weights in torch and exported files in onnxruntime."""

from __future__ import annotations

import copy
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganzoo.generators.images import Bytes, grid, scatter, to_pil, to_uint8
from ganzoo.generators.latents import Distribution, latents
from ganzoo.generators.metadata import Metadata, Stage
from ganzoo.generators.translation import in_tiles, require_translator
from ganzoo.registry.recipe import Setting
from ganzoo.util.display import MOST_PICTURES, page, pictures, plot, png, unless_it_fails
from ganzoo.util.errors import GanzooError

MOST_NAMES = 20  # classes in an error
if TYPE_CHECKING:
    from PIL.Image import Image

    from ganzoo.data import Samples

CHUNK = 256  # samples in one forward pass: bounds the memory, and larger batches are no faster

Labels = int | str | Sequence[int] | NDArray[np.int64]
Seeds = int | ArrayLike


class TrainedGenerator(ABC):
    """A trained generator. Inputs and outputs are the same, whichever runtime computes the samples.

    A sample depends on its seed alone, not on the other samples of a call.

    Attributes:
        metadata: what the generator's file says about it.
        chunk: samples in one forward pass.
        sampling: the settings of sampling that were chosen with :meth:`with_settings`; the others have their defaults.
    """

    metadata: Metadata
    sampling: Mapping[str, Any] = MappingProxyType({})
    chunk: int = CHUNK

    def __repr__(self) -> str:
        return f"Generator {', '.join(f'{name} {value}' for name, value in self._facts)}"

    @unless_it_fails
    def _repr_html_(self) -> str:
        samples = None if self.metadata.condition else self.sample(MOST_PICTURES if self.value_range else 500)
        shown = "" if samples is None else plot(samples) if samples.ndim == 2 else pictures(self.images(samples))
        return page(f"Generator of {self.metadata.gan}", self._facts[1:], pictures=shown)

    @unless_it_fails
    def _repr_png_(self) -> bytes | None:
        if self.metadata.condition:
            return None
        if self.value_range is None:
            samples = self.sample(500)
            return png(scatter(samples[:, :2], size=256), 256) if samples.shape[1] > 1 else None
        return png(grid(self.images(self.sample(MOST_PICTURES))), 512)

    @property
    def _facts(self) -> list[tuple[str, str]]:
        """What a notebook shows of it."""
        about = self.metadata
        facts = [("of", about.gan), ("samples", "x".join(map(str, about.shape))), ("latents", str(about.latent_dim))]
        facts += [("classes", f"{about.num_classes:,}")] if about.num_classes else []
        return [*facts, ("data", about.data.name), ("iterations", f"{about.iterations:,}"), ("seed", str(about.seed))]

    @property
    def value_range(self) -> tuple[float, float] | None:
        """Smallest and largest value of a sample; ``None`` where it is unbounded."""
        return self.metadata.range

    @property
    def has_parent(self) -> bool:
        """Whether ``stage="parent"`` can be sampled: a parent generator that gets the same latents."""
        return False

    @property
    def sampling_settings(self) -> Mapping[str, Setting]:
        """The settings of sampling by name: the keyword-only arguments of the generator's ``forward``."""
        return {}

    def with_settings(self, **settings: Any) -> Self:
        """The same generator with other settings of sampling.

        >>> model.with_settings(psi=0.7).sample(64)  # doctest: +SKIP

        Args:
            settings: values by name, or their texts, see :attr:`sampling_settings`.

        Raises:
            GanzooError: there is no such setting, or it has no such value.
        """
        values = {name: self.sampling_setting(name).accept(value) for name, value in sorted(settings.items())}
        return self._with_sampling({**self.sampling, **values})

    def sampling_setting(self, name: str) -> Setting:
        """The setting of sampling of that name; GanzooError if there is none."""
        known = self.sampling_settings
        if name not in known:
            raise GanzooError(
                f"{self.metadata.gan} has no setting '{name[:60]}' of sampling; it has: {', '.join(known) or 'none'}"
            )
        return known[name]

    def _with_sampling(self, sampling: Mapping[str, Any]) -> Self:
        changed = copy.copy(self)
        changed.sampling = sampling
        return changed

    @abstractmethod
    def run(self, stage: Stage, z: NDArray[np.float32], *condition: NDArray[Any]) -> NDArray[Any]:
        """One forward pass.

        Args:
            stage: ``child`` or ``parent``.
            z: latents, float32 ``(N, latent_dim)`` with N of at most :attr:`chunk`.
            condition: labels, int64 ``(N,)``, and conditions, float32 ``(N, *condition)``, if there are any.

        Returns:
            N samples.
        """

    def sample(
        self,
        seeds: Seeds = 64,
        *,
        labels: Labels | None = None,
        conditions: Samples | None = None,
        stage: Stage = "child",
        **settings: Any,
    ) -> NDArray[Any]:
        """One sample for each seed.

        Args:
            seeds: a list or array of seeds, or an int n for the seeds 0 to n - 1. So ``sample(7)`` gives seven
                samples, and ``sample([7])`` gives the sample of seed 7.
            labels: of a class-conditional GAN: one class for all samples, by its number or name, or a number for each;
                all classes in turn by default.
            conditions: what samples are made from, for a GAN that needs it: regression inputs, float32
                ``(N, condition_dim)``; or images ``(N, c, h, w)``, uint8, or float32 in the range of the samples.
            stage: ``parent`` samples the parent of a GAN that has one.
            settings: of sampling, such as ``psi=0.7``; see :meth:`with_settings`.

        Returns:
            float32 ``(N, *shape)`` in :attr:`value_range`; uint8 ``(N, H, W, C)`` from a file exported with ``uint8``.

        Raises:
            GanzooError: there are no seeds, or a bad one; labels are out of range, or the GAN is not
                class-conditional; conditions are missing or have the wrong shape; there is no such setting.
        """
        model = self.with_settings(**settings)
        return np.concatenate(list(model.sample_iter(seeds, labels=labels, conditions=conditions, stage=stage)))

    def sample_iter(
        self,
        seeds: Seeds = 64,
        *,
        labels: Labels | None = None,
        conditions: Samples | None = None,
        stage: Stage = "child",
    ) -> Iterator[NDArray[Any]]:
        """The samples of :meth:`sample` in batches of :attr:`chunk`, so that millions fit into memory.

        Labels and conditions are checked at once, before the first batch is computed.
        """
        chosen = as_seeds(seeds)
        condition = self._condition(len(chosen), labels, conditions)
        size = self._chunk_for(conditions)
        return self._batches(lambda part: self.latents(chosen[part]), len(chosen), condition, stage, size)

    def decode(
        self,
        z: ArrayLike,
        *,
        labels: Labels | None = None,
        conditions: Samples | None = None,
        stage: Stage = "child",
    ) -> NDArray[Any]:
        """One sample for each latent of your own.

        Args:
            z: ``(N, latent_dim)``; converted to float32.
            labels, conditions, stage: see :meth:`sample`.

        Returns:
            N samples, see :meth:`sample`.

        Raises:
            GanzooError: z has another shape, or holds values that are not finite; see :meth:`sample`.
        """
        try:
            given = np.asarray(z)
            if given.dtype.kind not in "iuf":
                raise ValueError
            with np.errstate(over="ignore"):
                z = np.ascontiguousarray(given, np.float32)
            if not np.isfinite(z).all():
                raise ValueError
        except (ValueError, TypeError):
            raise GanzooError(f"z={shortened(z)} is no array of finite numbers") from None
        if z.ndim != 2 or z.shape[1] != self.metadata.latent_dim or not len(z):
            raise GanzooError(f"z has shape {z.shape}; give latents of shape (N, {self.metadata.latent_dim}), N >= 1")
        condition, size = self._condition(len(z), labels, conditions), self._chunk_for(conditions)
        return np.concatenate(list(self._batches(z.__getitem__, len(z), condition, stage, size)))

    def translate(
        self,
        images: Bytes,
        *,
        seed: int = 0,
        label: int | str | None = None,
        tile: int | None = None,
        **settings: Any,
    ) -> Bytes:
        """Images made from images, as bytes.

        Args:
            images: uint8 ``(N, h, w, c)``, or ``(h, w, c)`` for one; without the last axis if they are grey and not
                3 or 4 pixels wide.
            seed: of the latents, for a generator that takes some.
            label: of a class-conditional generator.
            tile: make large images in tiles of that height and width, where these give the same; see
                :meth:`translated`.
            settings: of sampling, see :meth:`with_settings`.

        Returns:
            uint8 ``(N, H, W, C)``, or ``(H, W, C)`` for one.

        Raises:
            GanzooError: the generator makes no images from images, or takes others.
        """
        require_translator(self.metadata)
        given, channels = np.asarray(images), self.metadata.condition_image[0]
        if channels == 1 and given.shape[-1:] not in ((1,), (3,), (4,)):
            given = given[..., None]
        single = given.ndim == 3
        given = given[None] if single else given
        if given.dtype != np.uint8 or given.ndim != 4 or given.shape[-1] != channels:
            raise GanzooError(
                f"{self.metadata.gan} takes images uint8 (N, h, w, {channels}), not {np.asarray(images).dtype} "
                f"{np.shape(images)}"
            )
        model = self.with_settings(**settings)
        made = model.images(model.translated(np.moveaxis(given, -1, 1), seed=seed, label=label, tile=tile))
        return made[0] if single else made

    def translated(
        self, given: NDArray[Any], *, seed: int = 0, label: Labels | None = None, tile: int | None = None
    ) -> NDArray[Any]:
        """Samples made from images of one size.

        Args:
            given: images ``(N, c, h, w)``: uint8, or float32 in the range of the samples.
            seed: of the latents, where there are any.
            label: of a class-conditional generator.
            tile: height and width of the parts that are made one by one.

        Returns:
            N samples, see :meth:`sample`.

        Raises:
            GanzooError: the generator takes no such images, or tiles would differ from the whole image.
        """
        require_translator(self.metadata)

        def make(images: NDArray[Any]) -> NDArray[Any]:
            return self.sample([seed] * len(images), labels=label, conditions=images)

        return make(given) if tile is None else in_tiles(make, given, tile, self.metadata)

    def latents(self, seeds: ArrayLike) -> NDArray[np.float32]:
        """The latents of a list of seeds, float32 ``(N, latent_dim)``; see :mod:`ganzoo.generators.latents`."""
        return latents(seeds, self.metadata.latent_dim, self.metadata.distribution)

    def interpolate(self, seed_a: int, seed_b: int, steps: int = 10) -> NDArray[np.float32]:
        """Latents from seed A to seed B, float32 ``(steps, latent_dim)``; see :func:`interpolate_latents`."""
        a, b = self.latents([seed_a, seed_b])
        return interpolate_latents(a, b, steps, self.metadata.distribution)

    def images(self, samples: NDArray[Any]) -> Bytes:
        """Samples as images, uint8 ``(N, H, W, C)``.

        Raises:
            GanzooError: the samples are vectors.
        """
        if self.value_range is None or samples.ndim != 4:
            raise GanzooError(
                f"{self.metadata.gan} makes vectors, not images; --out takes x.npz, or x.png for a scatter plot"
            )
        return samples if samples.dtype == np.uint8 else to_uint8(samples, self.value_range)

    def pil(self, samples: NDArray[Any]) -> list[Image]:
        """Samples as images of Pillow, in the mode L, RGB or RGBA.

        >>> model.pil(model.sample(3))[0].save("x.png")  # doctest: +SKIP

        Raises:
            GanzooError: the samples are vectors, or Pillow is not installed.
        """
        return [to_pil(image) for image in self.images(samples)]

    def labels(self, count: int, labels: Labels | None = None) -> NDArray[np.int64] | None:
        """The labels of ``count`` samples, int64 ``(count,)``; ``None`` if the GAN is not class-conditional.

        Raises:
            GanzooError: see :meth:`sample`.
        """
        gan, classes = self.metadata.gan, self.metadata.num_classes
        if not classes:
            if labels is not None:
                raise GanzooError(f"{gan} is not class-conditional; leave out the labels, or train cgan")
            return None
        if labels is None:
            return np.arange(count, dtype=np.int64) % classes
        if isinstance(labels, str):
            labels = self.label(labels)
        try:
            given = np.asarray(labels)
        except ValueError:  # lists of different lengths
            given = np.empty(0, object)
        if given.dtype.kind not in "iu":  # others would be rounded
            raise GanzooError(f"{shortened(labels)} is no label; {self._class_names}")
        if given.shape not in ((), (count,)):
            raise GanzooError(f"labels of shape {given.shape} do not fit {count} samples; give one, or one for each")
        if (wrong := given[(given < 0) | (given >= classes)]).size:
            raise GanzooError(f"label {wrong.flat[0]} is out of range; {self._class_names}")
        return np.broadcast_to(given.astype(np.int64), count)

    def label(self, name: str) -> int:
        """The label of a class: by its name, by its name in other cases, or else by its number.

        Raises:
            GanzooError: there is no such class, or the GAN is not class-conditional.
        """
        self.labels(1, 0)  # raises if it is not class-conditional
        names = self.metadata.data.classes[: self.metadata.num_classes]
        same = [label for label, each in enumerate(names) if each == name]
        similar = [label for label, each in enumerate(names) if each.casefold() == name.casefold()]
        for found in (same, similar):
            if len(found) == 1:
                return found[0]
        if not re.fullmatch("-?[0-9]{1,9}", name):
            raise GanzooError(f"there is no class {name!r:.60}; {self._class_names}")
        return int(name)

    def class_name(self, label: int) -> str:
        """The name of a class, in printable characters, or its number where it has none."""
        names = self.metadata.data.classes
        name = names[label] if label < len(names) else str(label)
        return "".join(each if each.isprintable() else "?" for each in name)

    @property
    def _class_names(self) -> str:
        """The labels, and the names of the first classes, for an error."""
        count = self.metadata.num_classes
        names = [self.class_name(label) for label in range(min(count, MOST_NAMES))]
        text = f"{self.metadata.gan} has 0..{count - 1}"
        if all(name == str(label) for label, name in enumerate(names)):
            return text
        listed = ", ".join(f"{label} {name[:40]}" for label, name in enumerate(names))
        return f"{text}: {listed}{', ...' if count > MOST_NAMES else ''}"

    def _condition(
        self, count: int, labels: Labels | None, conditions: Samples | None
    ) -> list[Callable[[slice], NDArray[Any]]]:
        """What conditions ``count`` samples, for each part of them; default labels are never all in memory."""
        gan, classes, shape = self.metadata.gan, self.metadata.num_classes, self.metadata.condition
        parts: list[Callable[[slice], NDArray[Any]]] = []
        if labels is None and classes:
            parts.append(lambda part: np.arange(part.start, part.stop, dtype=np.int64) % classes)
        elif (given := self.labels(count, labels)) is not None:
            parts.append(lambda part: given[part].copy())
        if not shape:
            if conditions is not None:
                raise GanzooError(f"{gan} makes samples from latents alone; leave out the conditions")
            return parts
        found = None if conditions is None else tuple(conditions.shape)
        wanted = (count, shape[0], *(("any", "any") if self.metadata.free else shape[1:]))
        fits = found is not None and len(found) == len(wanted) and (found[1:] == shape or self.metadata.free)
        if conditions is None or found is None or not fits or found[:2] != wanted[:2] or 0 in found:
            raise GanzooError(f"{gan} needs conditions of shape ({', '.join(map(str, wanted))}), got {found}")
        parts.append(lambda part: self._scaled(conditions[part]))
        return parts

    def _scaled(self, conditions: NDArray[Any]) -> NDArray[np.float32]:
        """Arrays as the networks take them: uint8 images in the range of the samples."""
        if conditions.dtype == np.uint8 and self.metadata.range:
            low, high = self.metadata.range
            conditions = conditions / np.float32(255 / (high - low)) + np.float32(low)
        return np.ascontiguousarray(conditions, np.float32)

    def _batches(
        self,
        z: Callable[[slice], NDArray[np.float32]],
        count: int,
        condition: list[Callable[[slice], NDArray[Any]]],
        stage: Stage,
        size: int,
    ) -> Iterator[NDArray[Any]]:
        for start in range(0, count, size):
            part = slice(start, min(start + size, count))
            yield self.run(stage, z(part), *(values(part) for values in condition))

    def _chunk_for(self, conditions: Samples | None) -> int:
        """Samples in one forward pass: fewer of images that are larger than those of the training."""
        if conditions is None or not self.metadata.free:
            return self.chunk
        usual, pixels = math.prod(self.metadata.condition_image[1:]), math.prod(conditions.shape[2:])
        return max(1, min(self.chunk, self.chunk * usual // pixels))


def shortened(value: object) -> str:
    """A value in a message, on one line of at most 60 characters."""
    return f"{' '.join(repr(value).split()):.60}"


def as_seeds(seeds: Seeds) -> range | NDArray[Any]:
    """The seeds to sample. A range stays one, so that millions of seeds need no memory."""
    chosen = seeds if isinstance(seeds, range) else np.asarray(seeds)
    if not isinstance(chosen, range) and chosen.ndim == 0:
        if chosen.dtype.kind not in "iu":
            raise GanzooError(f"seeds={seeds!r:.60} is neither a count nor a list of seeds; give 64, or [3, 8]")
        chosen = range(int(chosen))
    if not len(chosen):
        raise GanzooError("there is nothing to sample; give a count of at least 1, or a list of seeds")
    return chosen


def interpolate_latents(
    a: NDArray[np.float32], b: NDArray[np.float32], steps: int, distribution: Distribution
) -> NDArray[np.float32]:
    """Points from one latent to another, at equal steps.

    Normal and spherical latents are interpolated along the arc (slerp: Shoemake, 1985; for GANs White, 2016,
    arXiv:1609.04468), because points on the straight line are shorter than the latents of the training. Uniform
    latents are interpolated along the straight line.

    Args:
        a, b: the ends, float32 ``(latent_dim,)``.
        steps: points, the ends included; at least 2.
        distribution: of the latents.

    Returns:
        float32 ``(steps, latent_dim)``; the first is exactly ``a`` and the last exactly ``b``.

    Raises:
        GanzooError: fewer than two points.
    """
    if not isinstance(steps, int | np.integer):
        raise GanzooError(f"steps={shortened(steps)} is not a whole number")
    if steps < 2:
        raise GanzooError(f"an interpolation includes both ends; ask for at least 2 samples instead of {steps}")
    start, end = a.astype(np.float64), b.astype(np.float64)
    t = np.linspace(0, 1, steps)[:, None]
    cosine = start @ end / (np.linalg.norm(start) * np.linalg.norm(end))
    angle = np.arccos(np.clip(cosine, -1, 1))
    if distribution == "uniform" or np.sin(angle) < 1e-6:  # there is no arc between latents of one direction
        points = (1 - t) * start + t * end
    else:
        points = (np.sin((1 - t) * angle) * start + np.sin(t * angle) * end) / np.sin(angle)
    points[[0, -1]] = start, end
    return points.astype(np.float32)
