"""The score of a generator during training, in seconds."""

from __future__ import annotations

from collections.abc import Callable

from ganzoo.data import Data
from ganzoo.evaluation.extractors import PRETRAINED, extractor_for
from ganzoo.evaluation.fidelity import frechet_distance, require_torch_fidelity
from ganzoo.evaluation.reference import image_batches, load_splits
from ganzoo.evaluation.sources import image_levels
from ganzoo.generators.base import TrainedGenerator
from ganzoo.util.errors import GanzooError

IMAGES = 2000


def scorer(data: Data, directory: str | None = None) -> tuple[str, Callable[[TrainedGenerator], float]]:
    """The name of the score for generators of such images, and the function that computes it; lower is better.

    It is the Fréchet distance of the images of the seeds 0 to 1,999, which is biased upwards compared with 10,000.

    Args:
        data: the training split.
        directory: folder of downloaded data sets.

    Raises:
        GanzooError: there is no pretrained extractor for the data, or torch-fidelity is not installed.
    """
    if data.name not in PRETRAINED:
        raise GanzooError(
            f"there is no pretrained extractor for {data.name}, so its training cannot be scored; leave out "
            f"--evaluate-every (data sets with scores: {', '.join(PRETRAINED)})"
        )
    require_torch_fidelity()
    extractor = extractor_for(data)
    reference = extractor.extract(image_batches(load_splits(data, directory).test or data))

    def score(model: TrainedGenerator) -> float:
        images = (image_levels(samples, model.value_range) for samples in model.sample_iter(IMAGES))
        return frechet_distance(extractor.extract(images), reference)

    return extractor.score, score
