"""How good a generator is: samples against real data, with all that the figures depend on."""

from __future__ import annotations

from pathlib import Path

from ganzoo import data as datasets
from ganzoo.data.stacked import DIGITS
from ganzoo.evaluation.images import evaluate_images
from ganzoo.evaluation.record import Evaluation
from ganzoo.evaluation.samples import Generator, Source, opened
from ganzoo.evaluation.stacked import evaluate_stacked, protocol
from ganzoo.evaluation.vectors import POINTS, evaluate_vectors
from ganzoo.generators.base import TrainedGenerator
from ganzoo.util.errors import GanzooError

__all__ = ["Evaluation", "evaluate"]

IMAGES = 10_000
LARGEST_NUMBER = 1_000_000


def evaluate(
    source: str | Path | TrainedGenerator,
    data: str | None = None,
    *,
    number: int | None = None,
    seeds: int = 1,
    seed: int = 0,
    features: str = "own",
    extractor: str | None = None,
    directory: str | None = None,
) -> Evaluation:
    """Evaluate a generator, or samples that lie in files.

    Args:
        source: a run's folder, a weights file, a GAN's name, an ONNX file, a folder of images, an npz file; or a
            generator that is loaded already.
        data: name of the data set to compare with; by default the one that the generator was trained on.
        number: of samples; by default 10,000 images, 26 of each mode of stacked digits, 2,500 points, or as many as
            the files hold.
        seeds: how often, each time with other latents.
        seed: the first of them; sample number i of block b has the latent of seed + b * number + i.
        features: ``own``, an extractor for the data set, or ``inception``, for the true FID.
        extractor: a file that ``ganzoo.evaluation.train_extractor`` wrote.
        directory: where files of data sets lie.

    Raises:
        GanzooError: the source cannot be read, does not fit the data, or there is nothing to compare it in.
    """
    found: Source = Generator(Path("memory"), source) if isinstance(source, TrainedGenerator) else opened(str(source))
    name = data or found.data
    if name is None:
        raise GanzooError(f"{found.path} does not say what its samples are like; name the data set with --data")
    if features not in ("own", "inception"):
        raise GanzooError(f"no features named {features!r}; choose own or inception")
    if features == "inception" and extractor is not None:
        raise GanzooError("--features inception and --extractor both say what to compare in; give one of them")
    real = datasets.load(name, directory=directory, size=_side(found))
    stacked = name in DIGITS and features == "own" and extractor is None
    count = number or (protocol(name) if stacked else IMAGES if real.is_images else POINTS)
    if found.size is not None:
        if number is not None and number > found.size:
            raise GanzooError(
                f"{found.path} holds {found.size:,} samples, fewer than {number:,}; ask for at most these"
            )
        if seeds > 1 or seed:
            raise GanzooError(f"{found.path} holds samples, which have no seeds; leave out --seeds and --seed")
        count = min(count, found.size)
    blocks = [range(seed + block * count, seed + (block + 1) * count) for block in range(seeds)]
    if stacked:
        return evaluate_stacked(found, real, blocks, directory=directory)
    if real.is_images:
        return evaluate_images(found, real, blocks, features=features, extractor=extractor, directory=directory)
    if features == "inception" or extractor is not None:
        raise GanzooError(
            f"{name} holds vectors, which no network has to look at; leave out --features and --extractor"
        )
    return evaluate_vectors(found, real, blocks, directory=directory)


def _side(source: Source) -> int | None:
    """Height and width of a generator's images, for data sets of any size."""
    if not isinstance(source, Generator):
        return None
    shape = source.model.header["shape"]
    return int(shape[1]) if len(shape) == 3 else None
