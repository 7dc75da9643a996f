"""Metrics of images that are made from images: differences from the right ones, where pairs of a test split hold them.

Images here are uint8 ``(N, C, H, W)`` in 0..255, which stands for [-1, 1].
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganzoo.data import Data, Samples
from ganzoo.evaluation.extractors import Extractor
from ganzoo.evaluation.images import evaluate_images
from ganzoo.evaluation.record import Result
from ganzoo.evaluation.reference import Splits
from ganzoo.evaluation.sources import GeneratorSource, image_levels
from ganzoo.generators.base import CHUNK, TrainedGenerator
from ganzoo.generators.translation import resized
from ganzoo.generators.weights import Model
from ganzoo.util.errors import GanzooError
from ganzoo.util.optional import needs

WINDOW, SIGMA = 11, 1.5  # pixels of the window of SSIM, and of its Gaussian
GRID = 8  # cells on a side
THUMBNAIL = 32  # pixels on a side, of conditions whose distances are compared
TOLERANCE = 0.2  # of the mean colour of a cell, in [-1, 1]
LEVEL = 2 / 255  # one step of a byte, in [-1, 1]

Bytes = NDArray[np.uint8]
Values = NDArray[np.float64]
Answer = Callable[[slice], Bytes]
"""The images that are compared with those of some rows of the test split."""


def evaluate_translation(
    source: GeneratorSource, splits: Splits, blocks: Sequence[range], extractor: Extractor | None
) -> Result:
    """All metrics of images that are made from the conditions of the test split.

    Args:
        source: a generator that makes images from images, and fits the data, see :func:`require_fit`.
        splits: the data.
        blocks: seeds of each repetition; the i-th makes an image from the i-th condition.
        extractor: network that unpaired images are compared in, if there is one.

    Raises:
        GanzooError: the images hold values that are not finite; or the data are unpaired, and have no metric.
    """
    train, test = splits.train, splits.test or splits.train
    if train.paired:
        return _evaluate_pairs(source, splits, blocks)
    notes = [f"{train.name} has no pairs, so there are no right answers to compare with"]
    if splits.test is None:
        notes.append(f"{train.name} has no test split: the conditions are those of the training")
    cycles = [cycle_error(source.model, test, block) for block in blocks]
    if extractor is not None:
        result = evaluate_images(MadeFrom(source, test), splits, blocks, extractor)
        found = [{**metrics, **cycle} for metrics, cycle in zip(result.blocks, cycles, strict=True)]
        return result._replace(blocks=found, notes=[*notes, *result.notes])
    if not cycles[0]:
        raise GanzooError(
            f"there is no metric for {train.name}: it has no pairs and no extractor, and the generator no way back; "
            "add --features pictures or inception, or name paired data with --data"
        )
    notes.append(
        f"no Fréchet distance: there is no extractor for {train.name}; choose one with --features pictures or inception"
    )
    return Result(cycles, "cycle", {}, notes=notes)


def require_fit(source: GeneratorSource, data: Data) -> None:
    """Refuse a generator that does not make samples of the data from their conditions."""
    about = source.model.metadata
    if data.conditions is None:
        raise GanzooError(
            f"{source.path} makes images from images, and {data.name} has no pairs; name some with --data"
        )
    given = tuple(data.conditions.shape[1:])
    fits = about.free and len(given) == 3 and given[0] == about.condition[0]
    if not (fits or given == about.condition) or about.shape_from(given) != data.shape:
        raise GanzooError(
            f"{source.path} makes samples {about.shape} from {about.condition}, and {data.name} has {data.shape} from "
            f"{given}; name data that fit with --data"
        )
    if about.num_classes and data.labels is None:
        raise GanzooError(
            f"{source.path} is class-conditional, and {data.name} has no labels; name data that have some"
        )


def refuse_meaningless(source: GeneratorSource, data: Data, *, extractor: bool, seeds: bool) -> None:
    """Refuse settings of an evaluation that change nothing: an extractor for pairs, or seeds without latents."""
    if extractor and data.paired:
        raise GanzooError(
            f"{data.name} has right answers, which need no extractor; leave out --features and --extractor"
        )
    if seeds and not source.model.metadata.latent_dim:
        raise GanzooError(f"{source.path} takes no latents, so seeds change nothing; leave out --repeats and --seed")


class MadeFrom(GeneratorSource):
    """A generator whose samples are made from the conditions of data, the i-th of a block from the i-th of them."""

    def __init__(self, source: GeneratorSource, data: Data) -> None:
        super().__init__(source.path, source.model)
        self._data = data

    def batches(self, seeds: range, shape: tuple[int, ...]) -> Iterator[Bytes]:
        return made_from(self.model, self._data, seeds)

    def labels(self, seeds: range) -> NDArray[np.int64] | None:
        return labels_of(self.model, self._data, len(seeds))


def made_from(model: TrainedGenerator, data: Data, seeds: range) -> Iterator[Bytes]:
    """An image for each seed from the condition of the same place, in batches.

    Raises:
        GanzooError: an image holds values that are not finite.
    """
    assert data.conditions is not None
    conditions, labels = First(data.conditions, len(seeds)), labels_of(model, data, len(seeds))
    for samples in model.sample_iter(seeds, labels=labels, conditions=conditions):
        if not np.isfinite(samples).all():
            raise GanzooError(f"{model.metadata.gan} makes values that are not finite; evaluate earlier weights")
        yield image_levels(samples, model.value_range)


def labels_of(model: TrainedGenerator, data: Data, count: int) -> NDArray[np.int64] | None:
    """The labels of the first samples of data, for a class-conditional generator."""
    return data.labels[:count] if model.metadata.num_classes and data.labels is not None else None


class First:
    """The first of lazily read samples."""

    def __init__(self, samples: Samples, count: int) -> None:
        self.shape, self.dtype = (count, *samples.shape[1:]), samples.dtype
        self._samples = samples

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> NDArray[Any]:
        return self._samples[index]


def cycle_error(model: TrainedGenerator, data: Data, seeds: range) -> dict[str, float]:
    """``cycle``: mean absolute difference of conditions from what there and back make of them, in [-1, 1].

    Empty for a generator whose module has no ``back``, from samples to conditions.
    """
    back = getattr(model.networks.generator, "back", None) if isinstance(model, Model) else None
    if not isinstance(back, torch.nn.Module):
        return {}
    assert isinstance(model, Model)
    assert data.conditions is not None
    assert model.value_range is not None
    low, high = model.value_range
    conditions, labels = First(data.conditions, len(seeds)), labels_of(model, data, len(seeds))
    device = next((weight.device for weight in back.parameters()), torch.device("cpu"))
    total, start = 0.0, 0
    for samples in model.sample_iter(seeds, labels=labels, conditions=conditions):
        given = signed(conditions[start : start + len(samples)])
        with torch.inference_mode():
            cycled = back(torch.from_numpy(samples).to(device)).float().numpy(force=True)
        total += float(np.abs((cycled - low) * (2 / (high - low)) - 1 - given).sum())
        start += len(samples)
    return {"cycle": total / (start * math.prod(conditions.shape[1:]))}


def _evaluate_pairs(source: GeneratorSource, splits: Splits, blocks: Sequence[range]) -> Result:
    """Metrics of made images against the right ones, and of the answers of baselines."""
    test, number, notes = splits.test or splits.train, len(blocks[0]), []
    if splits.test is None:
        notes.append(f"{test.name} has no test split: images are compared with those of the training")
    if min(test.shape[1:]) < WINDOW:
        notes.append(
            f"no ssim: {test.shape[1]}x{test.shape[2]} pixels are smaller than its window of {WINDOW}x{WINDOW}"
        )
    found = [
        pair_metrics(made_from(source.model, test, block), test) | cycle_error(source.model, test, block)
        for block in blocks
    ]
    references = {
        name: pair_metrics((answer(part) for part in parts(number)), test)
        for name, answer in baselines(splits, number).items()
    }
    return Result(found, "l1", references, notes=notes)


def baselines(splits: Splits, number: int) -> dict[str, Answer]:
    """What can be answered without a GAN, for the first ``number`` conditions of the test split.

    Returns:
        ``mean``: the mean image of the training; ``copy``: the condition itself, where it has the shape of a sample;
        ``bicubic``: it enlarged, where it is smaller; ``nearest pair``: the sample of the nearest training condition.
    """
    train, test = splits.train, splits.test or splits.train
    assert train.conditions is not None
    assert test.conditions is not None
    conditions, mean = test.conditions, mean_image(train.samples)
    nearest = nearest_conditions(conditions, train.conditions, number, itself=splits.test is not None)
    answers: dict[str, Answer] = {
        "mean": lambda part: np.broadcast_to(mean, (part.stop - part.start, *mean.shape)),
        "nearest pair": lambda part: train.samples[nearest[part]],
    }
    channels, height, width = conditions.shape[1:]
    if (channels, height, width) == test.shape:
        answers["copy"] = lambda part: conditions[part]
    elif channels == test.shape[0] and height < test.shape[1] and width < test.shape[2]:
        answers["bicubic"] = lambda part: enlarged(conditions[part], (test.shape[1], test.shape[2]))
    return answers


def parts(number: int) -> Iterator[slice]:
    """The rows 0 to ``number`` - 1 in batches."""
    return (slice(start, min(start + CHUNK, number)) for start in range(0, number, CHUNK))


def mean_image(samples: Samples) -> Bytes:
    """The mean of images ``(N, C, H, W)``, rounded, ``(C, H, W)``."""
    total = np.zeros(samples.shape[1:], np.uint64)
    for part in parts(len(samples)):
        total += samples[part].sum(axis=0, dtype=np.uint64)
    return np.rint(total / len(samples)).astype(np.uint8)


def enlarged(images: Bytes, sides: tuple[int, int]) -> Bytes:
    """Images of another height and width, by Pillow's bicubic filter."""
    return np.rint(resized(images.astype(np.float32), sides)).clip(0, 255).astype(np.uint8)


def nearest_conditions(queries: Samples, known: Samples, number: int, *, itself: bool = True) -> NDArray[np.int64]:
    """The place of the known condition at the smallest Euclidean distance, of the first ``number`` queries.

    Images of more than 32 pixels are reduced to so many.

    Args:
        queries, known: images ``(N, c, h, w)`` and ``(M, c, h, w)``.
        number: of queries.
        itself: whether the known condition of the same place counts.
    """
    least, place = np.full(number, np.inf), np.zeros(number, np.int64)
    flat = np.concatenate([thumbnails(queries[part]) for part in parts(number)])
    squares = np.square(flat).sum(axis=1)
    for part in parts(len(known)):
        others = thumbnails(known[part])
        distances = squares[:, None] + np.square(others).sum(axis=1) - 2 * flat @ others.T
        if not itself and part.start < number:
            same = np.arange(part.start, min(part.stop, number))
            distances[same, same - part.start] = np.inf
        best = distances.argmin(axis=1)
        values = distances[np.arange(number), best]
        place = np.where(values < least, part.start + best, place)
        least = np.minimum(values, least)
    return place


def pair_metrics(made: Iterable[Bytes], data: Data) -> dict[str, float]:
    """Differences of images from the first samples of data.

    Args:
        made: batches of images of the shape of the samples.
        data: the right images.

    Returns:
        ``l1``: mean absolute difference in [-1, 1], so 0..2; ``psnr``: peak signal-to-noise ratio in dB, the mean over
        images, where a difference below that of rounding to bytes counts as it, 58.9 dB; ``ssim``: see :func:`ssim`,
        from sides of 11 pixels on; ``right_colours``: see :func:`right_colours`; ``sharpness``: mean difference of
        neighbouring pixels, over that of the right images, nan if these are constant.
    """
    columns: dict[str, list[Values]] = {}
    start = 0
    for images in made:
        right = data.samples[start : start + len(images)]
        start += len(images)
        for name, values in _of_each(images, right).items():
            columns.setdefault(name, []).append(values)
    means = {name: float(np.concatenate(values).mean()) for name, values in columns.items()}
    steps, right_steps = means.pop("steps"), means.pop("right_steps")
    return means | {"sharpness": steps / right_steps if right_steps else math.nan}


def _of_each(made: Bytes, right: Bytes) -> dict[str, Values]:
    """The metrics of each image ``(n,)``, and the steps that ``sharpness`` is computed of."""
    one, other = signed(made), signed(right)
    errors = one - other
    mse = np.maximum(np.square(errors).mean(axis=(1, 2, 3)), LEVEL**2 / 12)
    found = {"l1": np.abs(errors).mean(axis=(1, 2, 3)), "psnr": 10 * np.log10(4 / mse)}
    if min(made.shape[2:]) >= WINDOW:
        found["ssim"] = ssim(one, other)
    return found | {"right_colours": right_colours(errors), "steps": steps_of(one), "right_steps": steps_of(other)}


def signed(images: NDArray[Any]) -> Values:
    """Bytes as values in [-1, 1]."""
    return images.astype(np.float64) * LEVEL - 1


def ssim(one: Values, other: Values) -> Values:
    """The structural similarity of images ``(N, C, H, W)`` in [-1, 1], ``(N,)``, 1 for equal ones (Wang et al., 2004).

    The mean over all channels and all places where a Gaussian window of 11x11 pixels and a standard deviation of 1.5
    fits in; with the constants K1 = 0.01 and K2 = 0.03, and moments without Bessel's correction.
    """
    with needs():
        from scipy.ndimage import correlate1d
    offsets = np.arange(WINDOW) - WINDOW // 2
    window = np.exp(-np.square(offsets / SIGMA) / 2)
    window /= window.sum()
    edge = slice(WINDOW // 2, -(WINDOW // 2))

    def smooth(values: Values) -> Values:
        rows = correlate1d(values, window, axis=2)[:, :, edge]
        smoothed: Values = correlate1d(rows, window, axis=3)[..., edge]
        return smoothed

    first, second = (0.01 * 2) ** 2, (0.03 * 2) ** 2
    mean_one, mean_other = smooth(one), smooth(other)
    variances = smooth(one * one) - mean_one**2 + smooth(other * other) - mean_other**2
    covariance = smooth(one * other) - mean_one * mean_other
    similarity = (2 * mean_one * mean_other + first) * (2 * covariance + second)
    similarity /= (mean_one**2 + mean_other**2 + first) * (variances + second)
    return np.asarray(similarity.mean(axis=(1, 2, 3)))


def right_colours(errors: Values) -> Values:
    """The share of the cells of an 8x8 grid whose mean colour is within 0.2 in each channel, ``(N,)``.

    Args:
        errors: differences ``(N, C, H, W)`` in a range of 2; of smaller images each pixel is a cell.
    """
    within = (np.abs(cells(errors, GRID)) <= TOLERANCE + 1e-9).all(axis=1)
    return np.asarray(within.mean(axis=(1, 2)))


def cells(values: Values, grid: int) -> Values:
    """The means ``(N, C, h, w)`` of the cells of a grid over images; of smaller images each pixel is a cell."""
    means = values
    for axis in (2, 3):
        side = values.shape[axis]
        count = min(grid, side)
        starts = np.arange(count) * side // count
        sizes = np.diff([*starts, side])
        means = np.add.reduceat(means, starts, axis=axis) / (sizes[:, None] if axis == 2 else sizes)
    return means


def thumbnails(images: Bytes) -> Values:
    """Images reduced to at most 32x32 pixels, in [-1, 1], ``(N, values)``."""
    return cells(signed(images), THUMBNAIL).reshape(len(images), -1)


def steps_of(images: Values) -> Values:
    """The mean absolute difference of neighbouring pixels, down and across, ``(N,)``; 0 of a single pixel."""
    steps = [np.abs(np.diff(images, axis=axis)) for axis in (2, 3)]
    count = max(1, sum(math.prod(each.shape[1:]) for each in steps))
    return np.asarray(sum(each.sum(axis=(1, 2, 3)) for each in steps) / count)
