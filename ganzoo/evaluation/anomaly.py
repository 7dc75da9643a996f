"""How unusual images are, by the score of a generator: anomaly detection."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzoo.data import Data, NoTestSplit, Samples, channels_of, dataset_name, load
from ganzoo.data.find import Found, find_images
from ganzoo.data.folder import read_images
from ganzoo.evaluation.sources import GeneratorSource, Source
from ganzoo.generators.base import CHUNK
from ganzoo.generators.onnx_session import Sampler
from ganzoo.generators.weights import Model
from ganzoo.registry.registry import registry
from ganzoo.util.errors import GanzooError, first_line, printable
from ganzoo.util.files import require_file
from ganzoo.util.optional import needs

ENTRY = "generator.score"
MOST_TRAINED = 10_000  # images that the baselines know
MOST_BYTES = 2**28  # of a file of labels
NORMAL = {"0": 0, "normal": 0, "1": 1, "anomaly": 1}

Scores = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Images:
    """Images to score.

    Attributes:
        names: of the files, or places in a data set.
        samples: uint8 ``(N, C, H, W)``, read lazily or not.
        labels: 0 for normal and 1 for unusual, ``(N,)``; ``None`` if they are not known.
        rescaled: how many had another size, and were cut to a square and scaled.
    """

    names: Sequence[str]
    samples: Samples
    labels: Labels | None
    rescaled: int = 0


def scorer_of(source: Source) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """The method ``score`` of a generator, from images uint8 ``(N, C, H, W)`` to ``(N,)``; higher is more unusual.

    Raises:
        GanzooError: it has none, or makes no images.
    """
    model = source.model if isinstance(source, GeneratorSource) else None
    if model is None or not model.metadata.is_image:
        raise GanzooError(f"{source.path} is no generator of images; name one that scores them, such as f-anogan")
    if isinstance(model, Sampler):
        if model.metadata.entry != ENTRY:
            raise GanzooError(f"{source.path} scores no images; export its weights with --entry {ENTRY}")
        return model.call
    if not isinstance(model, Model) or not callable(getattr(model.networks.generator, "score", None)):
        raise GanzooError(f"{model.metadata.gan} scores no images; train a GAN for anomaly detection, such as f-anogan")
    return lambda images: model.call(ENTRY, images)


def score_images(source: Source, samples: Samples) -> Scores:
    """The score of each image ``(N,)``; higher is more unusual.

    Raises:
        GanzooError: the generator gives something else, or scores that are not finite.
    """
    score, found = scorer_of(source), []
    for start in range(0, len(samples), CHUNK):
        images = np.ascontiguousarray(samples[start : start + CHUNK])
        scores = score(images)
        if scores.shape != images.shape[:1]:
            raise GanzooError(f"{source.path} gives scores {scores.shape} for {len(images)} images, not one for each")
        if not np.isfinite(scores).all():
            raise GanzooError(f"{source.path} gives scores that are not finite; train it longer, or to its last phase")
        found.append(scores.astype(np.float64))
    return np.concatenate(found)


def open_images(source: GeneratorSource, names: Sequence[str], directory: str | None = None) -> Images:
    """Images of the shape that a generator makes.

    Args:
        source: the generator.
        names: a folder, a file or a data set, whose test split it is; two folders, of normal and of unusual images; or
            nothing for the test split of its training data.
        directory: folder of downloaded data sets.

    Raises:
        GanzooError: they cannot be read, or do not fit.
    """
    if len(names) == 2:
        normal, unusual = (_files(source, Path(name)) for name in names)
        labels = np.repeat([0, 1], [len(normal.names), len(unusual.names)])
        listed = [f"{root}/{name}" for root, each in zip(names, (normal, unusual), strict=True) for name in each.names]
        samples = np.concatenate([normal.samples[:], unusual.samples[:]])
        return Images(listed, samples, labels, normal.rescaled + unusual.rescaled)
    if len(names) > 2:
        raise GanzooError(f"{len(names)} places of images are too many; name one, or normal and unusual ones")
    name = names[0] if names else source.model.metadata.data.name
    if names and Path(name).exists():
        return _files(source, Path(name))
    if dataset_name(name).partition(":")[0] not in registry().parts["dataset"]:
        raise GanzooError(f"there is no folder, file or data set {printable(name, 200)!r}; name one that exists")
    return _split(source, name, directory)


def _split(source: GeneratorSource, name: str, directory: str | None) -> Images:
    """The test split of a data set. Two classes are normal and unusual."""
    shape = source.model.metadata.shape
    try:
        data = load(name, split="test", directory=directory, size=shape[-1], channels=channels_of(shape))
    except NoTestSplit as error:
        raise GanzooError(f"{error}; name a folder of images") from None
    if data.shape != shape or not data.is_images:
        raise GanzooError(f"{source.path} scores images {shape}, and {data.name} has {data.shape}; name others")
    labels = data.labels if len(data.classes) == 2 else None
    return Images([str(place) for place in range(len(data))], data.samples, labels)


def _files(source: GeneratorSource, path: Path) -> Images:
    """The images of a folder or the one in a file, as folder:PATH reads them."""
    with needs():
        from ganzoo.data import decode
    shape = source.model.metadata.shape
    root, found = (path, find_images(path)) if path.is_dir() else (path.parent, Found([path.name], [], Counter()))
    found.warn(root)
    if shape[1] != shape[2]:
        raise GanzooError(f"{source.path} scores images {shape}, which are not square; score a data set of them")
    images = read_images(root, found, shape[1], channels_of(shape))
    images.describe(forced=shape[0] == 4)
    rescaled = sum(decode.sides(root / name) != (shape[2], shape[1]) for name in images.names)
    return Images(images.names, images.samples(paired=True), None, rescaled)


def read_labels(path: Path, names: Sequence[str]) -> tuple[Labels, int]:
    """Labels from a CSV file with the columns ``file`` and ``label``: 0 or normal, 1 or anomaly.

    Returns:
        One for each name, ``(N,)``, and how many lines are of other files.

    Raises:
        GanzooError: the file is no such file, or lacks a name.
    """
    require_file(path)
    if path.stat().st_size > MOST_BYTES:
        raise GanzooError(f"{path} has more than {MOST_BYTES:,} bytes; name a CSV file with the columns file and label")
    try:
        rows = list(csv.DictReader(path.read_text("utf-8-sig").splitlines()))
    except (UnicodeDecodeError, csv.Error) as error:
        raise GanzooError(f"{path} is no CSV file: {first_line(error)}; give the columns file and label") from None
    found: dict[str, int] = {}
    for row in rows:
        file, label = row.get("file"), (row.get("label") or "").strip().lower()
        if file is None or label not in NORMAL:
            raise GanzooError(
                f"{path} has no label {printable(label, 40)!r}; give the columns file and label, with 0 or 1"
            )
        if found.setdefault(file, NORMAL[label]) != NORMAL[label]:
            raise GanzooError(f"{path} has two labels for {printable(file, 200)}; give one")
    if missing := [name for name in names if name not in found]:
        more = f" and {len(missing) - 1:,} more" if len(missing) > 1 else ""
        raise GanzooError(f"{path} has no label for {printable(missing[0], 200)}{more}; add a line for each image")
    return np.array([found[name] for name in names], np.int64), len(found.keys() - set(names))


def baselines(train: Data, samples: Samples) -> tuple[dict[str, Scores], int]:
    """The scores of methods without a GAN, on pixels; higher is more unusual.

    They are scikit-learn's isolation forest (Liu et al., 2008), and the distance from the most similar training image:
    one minus the cosine of the angle between the two, as vectors of pixels from 0, black, to 255.

    Args:
        train: normal images; a random choice of 10,000 if there are more.
        samples: images uint8 ``(N, C, H, W)``.

    Returns:
        The scores ``(N,)`` by the words that precede *of 9,000 training images*, and how many images they know.
    """
    with needs():
        from sklearn.ensemble import IsolationForest
    chosen = np.sort(np.random.default_rng(0).permutation(len(train))[:MOST_TRAINED])
    known = train.samples[chosen].reshape(len(chosen), -1)
    forest = IsolationForest(random_state=0).fit(known)
    directions = _directions(known)
    parts = [samples[start : start + CHUNK].reshape(-1, known.shape[1]) for start in range(0, len(samples), CHUNK)]
    return {
        "an isolation forest on the pixels": np.concatenate([-forest.score_samples(part) for part in parts]),
        "the distance from the most similar": np.concatenate(
            [1 - (_directions(part) @ directions.T).max(1).astype(np.float64) for part in parts]
        ),
    }, len(chosen)


def _directions(vectors: NDArray[Any]) -> NDArray[np.float32]:
    """Vectors ``(N, F)`` of length 1; those of zeros stay zeros."""
    found: NDArray[np.float32] = vectors.astype(np.float32)
    found /= np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1)
    return found
