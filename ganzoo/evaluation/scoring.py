"""One figure of a generator that is still trained, in seconds."""

from __future__ import annotations

from collections.abc import Callable

from ganzoo.data import Data
from ganzoo.evaluation.extractors import SHIPPED, extractor_for
from ganzoo.evaluation.fidelity import available, frechet
from ganzoo.evaluation.reference import batches, held_out
from ganzoo.evaluation.samples import as_levels
from ganzoo.generators.base import TrainedGenerator
from ganzoo.util.errors import GanzooError

NUMBER = 2000  # of generated images


def scorer(data: Data, directory: str | None = None) -> tuple[str, Callable[[TrainedGenerator], float]]:
    """The name of the score for generators of such images, and what computes it; lower is better.

    It is the Fréchet distance of the images of seeds 0 to 1,999, so it lies above that of more images.

    Raises:
        GanzooError: no extractor ships for the data, or torch-fidelity is not installed.
    """
    if data.name not in SHIPPED:
        raise GanzooError(
            f"no extractor for {data.name} ships with ganzoo, so a training on it cannot be scored as it goes; leave "
            f"out --evaluate-every (there are scores for {', '.join(SHIPPED)})"
        )
    available()
    extractor = extractor_for(data)
    reference = extractor.see(batches(held_out(data, directory) or data))

    def score(model: TrainedGenerator) -> float:
        drawn = (as_levels(samples, model.limits) for samples in model.sample_iter(NUMBER))
        return frechet(extractor.see(drawn), reference)

    return extractor.score, score
