"""The score of a generator during training, in seconds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ganzoo.data import Data
from ganzoo.evaluation.extractors import PRETRAINED, extractor_for, name_for
from ganzoo.evaluation.fidelity import MIN_SAMPLES, frechet_distance, require_torch_fidelity
from ganzoo.evaluation.reference import image_batches, load_splits
from ganzoo.evaluation.sources import image_levels
from ganzoo.evaluation.translation import made_from, pair_metrics
from ganzoo.generators.base import TrainedGenerator
from ganzoo.util.errors import GanzooError

IMAGES = 2000
PAIR_SCORE = "test-l1"
"""In the log. Trainers may log an ``l1`` of their own, that of the training."""


def has_score(data: Data) -> bool:
    """Whether a training on these data can be scored without metrics of plugins."""
    return has_right_answers(data) or name_for(data) is not None


def has_right_answers(data: Data) -> bool:
    """Whether images are made from images, and the right ones are known."""
    return data.conditions is not None and data.conditions.dtype == np.uint8 and data.paired


def scorer(data: Data, directory: str | None = None) -> tuple[str, Callable[[TrainedGenerator], float]]:
    """The name of the score for generators of such images, and the function that computes it; lower is better.

    It is the Fréchet distance of the images of the seeds 0 to 1,999, which is biased upwards compared with 10,000; of
    images that are made from images, of those from the first 2,000 conditions of the test split. Of images in pairs it
    is ``test-l1``, the mean absolute difference from the first 2,000 right ones of the test split, in [-1, 1].

    Args:
        data: the training split.
        directory: folder of downloaded data sets.

    Raises:
        GanzooError: there is no pretrained extractor for the data, or torch-fidelity is not installed; or pairs have no
            test split; or there are fewer than 20 images to compare with.
    """
    if has_right_answers(data):
        return PAIR_SCORE, pair_scorer(data, directory)
    if name_for(data) is None:
        raise GanzooError(
            f"there is no pretrained extractor for {data.name}, so its training cannot be scored; leave out "
            f"--evaluate-every, or add --metric of a plugin (data with scores: {', '.join(PRETRAINED)}, and colour "
            "images from 16x16 on)"
        )
    require_torch_fidelity()
    extractor = extractor_for(data)
    held_out = load_splits(data, directory).test or data
    if len(held_out) < MIN_SAMPLES:
        raise GanzooError(
            f"{data.name} has {len(held_out)} images to compare with, and scores need at least {MIN_SAMPLES}; leave "
            "out --evaluate-every"
        )
    reference = extractor.extract(image_batches(held_out))

    def score(model: TrainedGenerator) -> float:
        if held_out.conditions is not None and model.metadata.condition_image:
            images = made_from(model, held_out, range(min(IMAGES, len(held_out.conditions))))
        else:
            images = (image_levels(samples, model.value_range) for samples in model.sample_iter(IMAGES))
        return frechet_distance(extractor.extract(images), reference)

    return extractor.score, score


def pair_scorer(data: Data, directory: str | None) -> Callable[[TrainedGenerator], float]:
    """The mean absolute difference from the right images of the test split."""
    test = load_splits(data, directory).test
    if test is None:
        raise GanzooError(
            f"{data.name} has no pairs for testing, so its training cannot be scored; leave out --evaluate-every"
        )
    seeds = range(min(IMAGES, len(test)))
    return lambda model: pair_metrics(made_from(model, test, seeds), test)["l1"]
