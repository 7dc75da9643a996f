"""How well a discriminator separates real from generated samples."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from ganzoo.data import Data, channels_of, load
from ganzoo.evaluation.reference import Splits, load_splits
from ganzoo.generators.base import CHUNK, TrainedGenerator
from ganzoo.generators.weights import Model
from ganzoo.parts.networks import MissingDiscriminator, takes
from ganzoo.parts.trainers import CRITICS, PAIRED
from ganzoo.util.errors import GanzooError

SAMPLES = 2000  # of each kind

Logits = NDArray[np.floating[Any]]


class DiscriminatorMetrics(NamedTuple):
    """A discriminator's accuracy on samples that neither network was trained on.

    Attributes:
        real: share of real samples that are classified as real.
        fake: share of generated samples that are classified as generated.
        balanced: balanced accuracy, the mean of both; 0.5 is chance.
        auc: area under the ROC curve: probability that a real sample has a higher logit than a generated one.
        gap: mean logit of training samples minus that of test samples, a sign of overfitting.
        threshold: logit above which a sample is classified as real.
    """

    real: float
    fake: float
    balanced: float
    auc: float
    gap: float
    threshold: float


def discriminator_metrics(test: Logits, fake: Logits, train: Logits, *, critic: bool = False) -> DiscriminatorMetrics:
    """Metrics of logits ``(N,)`` of real test samples, generated samples and training samples.

    The threshold of a discriminator is 0, for logits as for the targets +1 and -1. The output of a critic has no
    threshold of its own: its threshold is the median of one half of the logits, its accuracy that on the other.
    All metrics are nan if a logit of ``test`` or ``fake`` is nan.
    """
    if np.isnan(test).any() or np.isnan(fake).any():
        return DiscriminatorMetrics(*[float("nan")] * 6)
    threshold, real, generated = 0.0, test, fake
    if critic:
        half = min(len(test), len(fake)) // 2
        threshold = float(np.median(np.concatenate([test[:half], fake[:half]])))
        real, generated = test[half:], fake[half:]
    rates = float((real > threshold).mean()), float((generated <= threshold).mean())
    gap = float(train.mean(dtype=np.float64) - test.mean(dtype=np.float64))
    return DiscriminatorMetrics(*rates, sum(rates) / 2, auc(test, fake), gap, threshold)


def auc(positive: Logits, negative: Logits) -> float:
    """Area under the ROC curve (Mann & Whitney, 1947): P(positive > negative) + P(equal) / 2; nan if a logit is nan."""
    if np.isnan(positive).any() or np.isnan(negative).any():
        return float("nan")
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, "left")
    upto = np.searchsorted(ordered, positive, "right")
    return float((below + upto).mean() / (2 * len(negative)))


def evaluate_discriminator(
    model: TrainedGenerator, splits: Splits, directory: str | None = None
) -> tuple[dict[str, float], list[str]]:
    """Metrics of the discriminator of a generator of images, on the data that it was trained on.

    Args:
        model: the generator.
        splits: a data set that is loaded already; the training data are loaded if they are others.
        directory: folder of downloaded data sets.

    Returns:
        The metrics by name, none without a discriminator; and a note why there are none, or only some. A discriminator
        that was trained on pairs (:func:`ganzoo.parts.trainers.paired`) has no threshold, so it has only ``auc``, the
        share of pairs that it orders correctly, and ``gap``.
    """
    if not isinstance(model, Model) or model.metadata.condition:
        return {}, []
    name = model.metadata.data.name
    if isinstance(model.networks.discriminator, MissingDiscriminator):
        return {}, ["no metrics of the discriminator: the weights hold the generator alone"]
    try:
        if name != splits.train.name:
            shape = model.metadata.shape
            data = load(name, directory=directory, size=shape[-1], channels=channels_of(shape))
            splits = load_splits(data, directory)
    except GanzooError as error:
        return {}, [f"no metrics of the discriminator, which was trained on {name}: {error}"]
    if splits.test is None:
        return {}, [f"no metrics of the discriminator: {name} has no test split"]
    if takes_more(model):
        return {}, ["no metrics of the discriminator, which judges more than the image, such as its latent"]
    fake = logits(model, np.concatenate(list(model.sample_iter(SAMPLES))), model.labels(SAMPLES))
    train, test = _real_logits(model, splits.train), _real_logits(model, splits.test)
    if any(np.isnan(each).any() for each in (fake, train, test)):
        return {}, ["no metrics of the discriminator: its logits hold nan; evaluate earlier weights"]
    trainer = model.recipe.functions["trainer"]
    found = discriminator_metrics(test, fake, train, critic=trainer in CRITICS)._asdict()
    notes = []
    if trainer in PAIRED:
        found = {name: found[name] for name in ("auc", "gap")}
        notes = [
            "the discriminator was trained to compare pairs, so a single logit has no meaning: discriminator_auc is "
            "the share of pairs of a real and a generated image that it orders correctly"
        ]
    return {f"discriminator_{name}": value for name, value in found.items()}, notes


def takes_more(model: Model) -> bool:
    """Whether a discriminator needs more than samples and, if the GAN is class-conditional, labels."""
    return not takes(model.networks.discriminator, 2 if model.metadata.num_classes else 1)


def logits(model: Model, samples: NDArray[np.float32], labels: NDArray[np.int64] | None) -> Logits:
    """The discriminator's output ``(N,)`` for samples ``(N, *shape)`` and, if the GAN is class-conditional, labels."""
    network = model.networks.discriminator
    device = next((weight.device for weight in network.parameters()), torch.device("cpu"))
    inputs: list[NDArray[Any]] = [samples]
    if model.metadata.num_classes and labels is not None:
        inputs.append(labels)
    found = []
    with torch.inference_mode():
        for start in range(0, len(samples), CHUNK):
            batch = (torch.from_numpy(np.ascontiguousarray(each[start : start + CHUNK])).to(device) for each in inputs)
            found.append(network(*batch).float().reshape(-1).numpy(force=True))
    return np.concatenate(found)


def _real_logits(model: Model, data: Data) -> Logits:
    order = np.random.default_rng(0).permutation(len(data))[:SAMPLES]
    low, high = model.value_range or (-1.0, 1.0)
    samples = data.samples[order].astype(np.float32) * ((high - low) / 255) + low
    return logits(model, samples, None if data.labels is None else data.labels[order])
