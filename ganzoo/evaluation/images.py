"""Generated images against real ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganzoo.data import Data, NoTestPart, load
from ganzoo.evaluation.classes import reverse_kl, shares
from ganzoo.evaluation.discriminator import Scores, judgement
from ganzoo.evaluation.extractors import Extractor, Images, Seen, extractor_for
from ganzoo.evaluation.fidelity import fidelity, frechet
from ganzoo.evaluation.manifold import compared, manifold, nearest, neighbour, neighbour_accuracy
from ganzoo.evaluation.record import Evaluation, means, spreads
from ganzoo.evaluation.sources import Generator, Source, as_levels
from ganzoo.sampling import CHUNK, Sampling
from ganzoo.spec import GanzooError
from ganzoo.trainers import wasserstein, wasserstein_gp

CRITICS = (wasserstein, wasserstein_gp)
PAIRS = 2000  # samples of either kind in the nearest-neighbour test and for the discriminator
SCORED = 2000  # samples of a generator that is still trained


@dataclass(frozen=True)
class Real:
    """Real images as an extractor sees them.

    Attributes:
        data: the training part.
        test: the part that generated images are compared with; the training part itself where there is no other.
        train, reference: the two as the extractor sees them.
        distances: from fresh real images to the nearest training image.
    """

    data: Data
    test: Data
    train: Seen
    reference: Seen
    distances: NDArray[np.floating[Any]]

    @property
    def held_out(self) -> bool:
        return self.test is not self.data


def evaluate_images(
    source: Source,
    data: Data,
    blocks: Sequence[range],
    *,
    features: str = "own",
    extractor: str | None = None,
    directory: str | None = None,
) -> Evaluation:
    """All figures of images.

    Args:
        source: what is evaluated.
        data: the training part of the data set that it is compared with.
        blocks: numbers of the samples that are drawn, for each repetition.
        features, extractor: see :func:`ganzoo.evaluation.extractors.extractor_for`.
        directory: where files of data sets lie.
    """
    network = extractor_for(data, features, extractor)
    real = real_images(data, network, directory)
    drawn = [
        figures(network, network.see(source.draw(block, data.shape)), real, source.labels(block)) for block in blocks
    ]
    number = len(blocks[0])
    notes = []
    if real.held_out:
        order = np.random.default_rng(1).permutation(len(data))[:number]
        known = None if data.labels is None else data.labels[order]
        true = figures(network, _chosen(real.train, order), real, known, copies=False)
    else:
        half = len(data) // 2
        order = np.random.default_rng(1).permutation(len(data))
        halves = [_chosen(real.train, part) for part in (order[:half], order[half:])]
        known = None if data.labels is None else data.labels[order[:half]]
        true = figures(network, halves[0], Real(data, data, halves[1], halves[1], real.distances), known, copies=False)
        notes.append(
            f"{data.name} has no test part: samples are compared with the training images, and the real row compares "
            "two halves of these"
        )
    random = figures(network, network.see(noise(number, data.shape)), real, None)
    ours = means([block for block, _ in drawn])
    if isinstance(source, Generator):
        ours |= _judged(source.model, data, directory, notes)
    classes = {name: row for name, (_, row) in {"generated": drawn[0], "real": true, "noise": random}.items() if row}
    return Evaluation(
        source=str(source.path),
        data=_described(real.test, real.held_out),
        extractor={"name": network.name, "sha256": network.sha256, "accuracy": network.accuracy},
        number=number,
        seeds=[(block.start, block.stop - 1) for block in blocks] if isinstance(source, Generator) else [],
        score=network.score,
        figures=ours,
        spread=spreads([block for block, _ in drawn]),
        references={"real": true[0], "noise": random[0]},
        classes=classes,
        notes=notes,
    )


def figures(
    extractor: Extractor, seen: Seen, real: Real, labels: NDArray[np.int64] | None, *, copies: bool = True
) -> tuple[dict[str, float], dict[str, float]]:
    """All that images tell through an extractor, and the shares of their classes.

    Args:
        extractor: that has seen them.
        seen: the images.
        real: what they are compared with.
        labels: the classes that they were made for.
        copies: whether to look for copies of training images.
    """
    name = extractor.name
    scores = fidelity(seen, real.reference)
    space = manifold(seen.features, real.reference.features)
    inception = name == "inception"
    found = {
        extractor.score: scores.frechet,
        "kid" if inception else f"{name}-kd": scores.kernel,
        "inception-score" if inception else f"{name}-score": scores.inception_score,
        "precision": scores.precision,
        "recall": scores.recall,
        "density": space.density,
        "coverage": space.coverage,
        "neighbour_accuracy": neighbour_accuracy(seen.features[:PAIRS], real.reference.features[:PAIRS]),
    }
    if copies:
        near = compared(nearest(seen.features, real.train.features), real.distances)
        found |= {"nearer": near.nearer, "copies": near.copies}
    if not extractor.classes:
        return found, {}
    count = len(extractor.classes)
    classes = seen.logits.argmax(axis=1)
    mine, theirs = (shares(each, count) for each in (classes, real.reference.logits.argmax(axis=1)))
    found["class_kl"] = reverse_kl(mine, theirs)
    found["confidence"] = float(_probabilities(seen.logits).max(axis=1).mean())
    if labels is not None and extractor.classes == real.data.classes:
        found["label_accuracy"] = float((classes == labels).mean())
    return found, dict(zip(extractor.classes, mine.tolist(), strict=True))


def real_images(data: Data, extractor: Extractor, directory: str | None = None) -> Real:
    """Real images of a data set, whose training part is given, through an extractor."""
    test = held_out(data, directory)
    train = extractor.see(batches(data))
    if test is None:
        order = np.random.default_rng(0).permutation(len(data))
        return Real(data, data, train, _chosen(train, order), neighbour(train.features, 1))
    reference = extractor.see(batches(test, np.random.default_rng(0).permutation(len(test))))
    return Real(data, test, train, reference, nearest(reference.features, train.features))


def scorer(data: Data, directory: str | None = None) -> tuple[str, Callable[[Sampling], float]]:
    """The name of the score for generators of such images, and the score of one that is still trained.

    It is the Fréchet distance of the first 2,000 seeds, so it lies above that of more samples.
    """
    extractor = extractor_for(data)
    test = held_out(data, directory) or data
    reference = extractor.see(batches(test))

    def score(model: Sampling) -> float:
        drawn = (as_levels(samples, model.limits) for samples in model.draw_iter(SCORED))
        return frechet(extractor.see(drawn), reference)

    return extractor.score, score


def held_out(data: Data, directory: str | None = None) -> Data | None:
    """The test part of a data set whose training part is given; ``None`` where there is none."""
    try:
        test = load(data.name, split="test", directory=directory, size=data.shape[1])
    except NoTestPart:
        return None
    if not len(test) or test.shape != data.shape:
        raise GanzooError(f"the test part of {data.name} does not fit its training part; it has {len(test)} samples")
    return test


def batches(data: Data, order: NDArray[np.int64] | None = None) -> Iterator[Images]:
    """The images of a data set, a batch at a time."""
    for start in range(0, len(data), CHUNK):
        part = slice(start, start + CHUNK)
        yield data.samples[part if order is None else order[part]]


def noise(number: int, shape: tuple[int, ...]) -> Iterator[Images]:
    """Images whose pixels are all random, evenly."""
    random = np.random.default_rng(0)
    for start in range(0, number, CHUNK):
        yield random.integers(0, 256, (min(CHUNK, number - start), *shape), np.uint8)


def _chosen(seen: Seen, index: NDArray[np.int64]) -> Seen:
    return Seen(seen.features[index], seen.logits[index])


def _probabilities(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _described(test: Data, held: bool) -> dict[str, str | int]:
    return {"name": test.name, "split": "test" if held else "train", "number": len(test), "sha256": test.sha256}


def _judged(model: Sampling, data: Data, directory: str | None, notes: list[str]) -> dict[str, float]:
    """The discriminator's accuracy, where there is one, on the data that it was trained on."""
    from ganzoo.model import Model

    if not isinstance(model, Model) or model.header["conditions"]:
        return {}
    name = model.header["data"]["name"]
    try:
        known = data if name == data.name else load(name, directory=directory, size=data.shape[1])
        fresh = held_out(known, directory)
    except GanzooError as error:
        notes.append(f"no figures of the discriminator, which was trained on {name}: {error}")
        return {}
    if fresh is None:
        notes.append(f"no figures of the discriminator: {name} has no test part to judge it by")
        return {}
    made = range(PAIRS)
    fake = _scores(model, np.concatenate(list(model.draw_iter(seeds=made))), model.labels(PAIRS))
    on_train, on_fresh = (_on_real(model, part) for part in (known, fresh))
    found = judgement(on_fresh, fake, on_train, critic=model.recipe.functions["trainer"] in CRITICS)
    return {f"discriminator_{key}": value for key, value in found._asdict().items()}


def _on_real(model: Sampling, data: Data) -> Scores:
    order = np.random.default_rng(0).permutation(len(data))[:PAIRS]
    levels = data.samples[order].astype(np.float32)
    low, high = model.limits or (-1.0, 1.0)
    samples = levels * ((high - low) / 255) + low
    return _scores(model, samples, None if data.labels is None else data.labels[order])


def _scores(model: Sampling, samples: NDArray[np.float32], labels: NDArray[np.int64] | None) -> Scores:
    """What a model's discriminator says of samples, which it is told the labels of if the GAN is told any."""
    from ganzoo.model import Model

    assert isinstance(model, Model)
    network = model.networks.discriminator
    device = next((weight.device for weight in network.parameters()), torch.device("cpu"))
    told: list[NDArray[Any]] = [labels] if model.header["labels"] and labels is not None else []
    found = []
    with torch.inference_mode():
        for start in range(0, len(samples), CHUNK):
            part = slice(start, start + CHUNK)
            given = (torch.from_numpy(np.ascontiguousarray(values[part])).to(device) for values in (samples, *told))
            found.append(network(*given).float().reshape(-1).numpy(force=True))
    return np.concatenate(found)
