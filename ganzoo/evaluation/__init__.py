"""Evaluate a generator: metrics of its samples against real data, with everything that they depend on."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ganzoo.data import Data, as_data, channels_of, load
from ganzoo.data.stacked import DIGITS
from ganzoo.evaluation.discriminator import evaluate_discriminator
from ganzoo.evaluation.extractors import FEATURES, Extractor, Features, extractor_for, name_for
from ganzoo.evaluation.fidelity import fidelity
from ganzoo.evaluation.images import evaluate_images
from ganzoo.evaluation.manifold import density_coverage
from ganzoo.evaluation.record import Evaluation, Result, mean, standard_deviation
from ganzoo.evaluation.reference import load_splits
from ganzoo.evaluation.registered import RegisteredMetrics
from ganzoo.evaluation.sources import GeneratorSource, Source, open_source
from ganzoo.evaluation.stacked import evaluate_stacked, protocol_size
from ganzoo.evaluation.translation import evaluate_translation, refuse_meaningless, require_fit
from ganzoo.evaluation.vectors import POINTS, evaluate_vectors, has_metrics
from ganzoo.generators.base import TrainedGenerator
from ganzoo.generators.hub import described
from ganzoo.records.options import Options, load_same
from ganzoo.records.run_folder import RunFolder
from ganzoo.registry.registry import registry
from ganzoo.util.errors import GanzooError

__all__ = ["Evaluation", "Extractor", "Features", "density_coverage", "evaluate", "extractor_for", "fidelity"]

IMAGES = 10_000


def evaluate(
    source: str | Path | TrainedGenerator,
    data: Any = None,
    *,
    number: int | None = None,
    repeats: int = 1,
    seed: int = 0,
    features: str = "own",
    extractor: str | None = None,
    directory: str | None = None,
    metrics: Sequence[str] = (),
) -> Evaluation:
    """Evaluate a generator, or samples in files.

    Args:
        source: a run folder, a weights file, the name of a GAN, an ONNX file, a folder of images, an npz file, or a
            loaded generator.
        data: the data set to compare with: its name, its training split, or an array or whatever else
            :func:`ganzoo.data.as_data` takes; the generator's training data by default.
        number: of samples; by default 10,000 images, 26 for each mode of stacked digits, 2,500 vectors, or all samples
            of a file. What is made from conditions has at most as many as the test split has of them.
        repeats: number of repetitions, each with other latents; gives means and standard deviations.
        seed: first seed; sample i of repetition r has the latent of seed + r * number + i.
        features: ``own``, an extractor of the data set, or ``pictures`` for colour pictures without one; ``pictures``;
            or ``inception``, for the FID.
        extractor: path of an extractor that ``ganzoo.evaluation.train_extractor`` or ``train_pictures`` wrote.
        directory: folder of downloaded data sets.
        metrics: names of metrics of plugins, whose numbers are added as ``METRIC.NUMBER``. For data without a metric
            of ganzoo, they are all that there is.

    Raises:
        GanzooError: a number is out of range, the source cannot be read or does not fit the data, there is no metric
            for the data, or one of a plugin fails.
    """
    if isinstance(source, TrainedGenerator):
        opened: Source = GeneratorSource(Path("memory"), source)
    else:
        opened = open_source(str(source))
    if data is None and opened.data is None:
        raise GanzooError(f"{opened.path} does not name its data set; name one with --data")
    for name, value, least in (
        ("number", 1 if number is None else number, 1),
        ("repeats", repeats, 1),
        ("seed", seed, 0),
    ):
        if type(value) is not int or not least <= value < 2**63:
            raise GanzooError(f"{name}={value!r:.60} is not a whole number of at least {least}")
    for name in metrics:
        registry().part("metric", name)
    if features not in FEATURES:
        raise GanzooError(f"no features named {features!r:.60}; choose own, pictures or inception")
    own = features == "own" and extractor is None
    if features != "own" and extractor is not None:
        raise GanzooError(f"--features {features} and --extractor exclude each other; give one of them")
    shape = opened.model.metadata.shape if isinstance(opened, GeneratorSource) else ()
    size, channels = shape[1] if len(shape) == 3 else None, channels_of(shape)
    if data is None and isinstance(opened, GeneratorSource):
        train = training_data(opened, directory)
    elif data is not None and not isinstance(data, str | Path):
        train = as_data(data)
    else:
        train = load(str(data or opened.data), directory=directory, size=size, channels=channels)
    splits = load_splits(train, directory)
    if not (own or train.is_images):
        raise GanzooError(f"{train.name} holds vectors, which need no extractor; leave out --features and --extractor")
    translator = opened if isinstance(opened, GeneratorSource) and opened.model.metadata.condition_image else None
    if translator is not None:
        require_fit(translator, train)
        refuse_meaningless(translator, train, extractor=not own, seeds=repeats > 1 or seed > 0)
    stacked = own and train.name in DIGITS and translator is None
    default = protocol_size(train.name) if stacked else IMAGES if train.is_images else POINTS
    count = number or default
    notes = []
    if opened.size is not None:
        if number is not None and number > opened.size:
            raise GanzooError(f"{opened.path} holds {opened.size:,} samples, fewer than {number:,}; ask for fewer")
        if repeats > 1 or seed:
            raise GanzooError(f"{opened.path} holds samples, which have no seeds; leave out --repeats and --seed")
        count = min(count, opened.size)
    conditions = (splits.test or train).conditions
    if conditions is not None and (translator or not train.is_images) and count > (rows := len(conditions)):
        count = rows
        split = "training" if splits.test is None else "test"
        notes = [f"{train.name} has {rows:,} {split} rows, so {rows:,} samples are evaluated"] if number else []
    blocks = [range(seed + start, seed + start + count) for start in range(0, repeats * count, count)]
    if translator is not None:
        is_known = not own or name_for(train) is not None
        result = evaluate_translation(
            translator, splits, blocks, extractor_for(train, features, extractor) if is_known else None
        )
    elif stacked:
        result = evaluate_stacked(opened, splits, blocks)
    elif metrics and own and not (name_for(train) is not None if train.is_images else has_metrics(splits)):
        result = Result([{}] * len(blocks), "", {}, notes=[f"{train.name} has no metrics but those of plugins"])
    elif train.is_images:
        result = evaluate_images(opened, splits, blocks, extractor_for(train, features, extractor))
    else:
        result = evaluate_vectors(opened, splits, blocks)
    if metrics:
        result = RegisteredMetrics(metrics, splits, count).add_to(result, opened, blocks)
    notes += result.notes
    discriminator: dict[str, float] = {}
    if train.is_images and isinstance(opened, GeneratorSource):
        discriminator, remarks = evaluate_discriminator(opened.model, splits, directory)
        notes += remarks
    reference, network = splits.test or train, result.extractor
    return Evaluation(
        source=described(opened.path),
        generator=opened.generator,
        data={
            "name": reference.name,
            "split": "train" if splits.test is None else "test",
            "number": len(reference),
            "sha256": reference.sha256,
        },
        extractor={"name": network.name, "sha256": network.sha256, "accuracy": network.accuracy} if network else None,
        number=count,
        seeds=[(block.start, block.stop - 1) for block in blocks] if has_seeds(opened) else [],
        score=result.score,
        metrics=mean(result.blocks) | discriminator,
        spread=standard_deviation(result.blocks),
        references=result.references,
        classes=result.classes,
        notes=notes,
    )


def has_seeds(source: Source) -> bool:
    """Whether samples differ by their seed: not those of files, nor those of a generator without latents."""
    return source.size is None and not (isinstance(source, GeneratorSource) and not source.model.metadata.latent_dim)


def training_data(opened: GeneratorSource, directory: str | None = None) -> Data:
    """The data that a generator was trained on; those of a run are also found from other working directories.

    Raises:
        GanzooError: they are not found, or have changed.
    """
    metadata = opened.model.metadata
    shape, places = metadata.shape, []
    if opened.path.is_file() and directory is None:
        with suppress(GanzooError):  # no run, or one that cannot be read
            *places, _ = RunFolder(opened.path.parent).places()
    size = shape[1] if len(shape) == 3 and shape[1] == shape[2] else None
    named = Options(data=metadata.data.name, data_dir=directory, image_size=size, channels=channels_of(shape))
    return load_same([*places, named], metadata.data.sha256, str(opened.path))[1]
