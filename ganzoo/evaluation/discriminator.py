"""How well a discriminator tells real from generated samples."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from ganzoo.data import Data, load
from ganzoo.evaluation.reference import held_out
from ganzoo.generators.base import CHUNK, TrainedGenerator
from ganzoo.generators.weights import Model
from ganzoo.parts.trainers import wasserstein, wasserstein_gp
from ganzoo.util.errors import GanzooError

CRITICS = (wasserstein, wasserstein_gp)
NUMBER = 2000  # samples of each kind

Scores = NDArray[np.floating[Any]]


class Judgement(NamedTuple):
    """A discriminator's accuracy on samples that neither player was trained on.

    Attributes:
        real: share of real samples called real.
        fake: share of generated samples called generated.
        balanced: mean of the two; 0.5 is chance.
        auc: chance that a real sample scores above a generated one, a tie counting half; it needs no threshold.
        gap: mean score of training samples less that of fresh real ones: what was learnt by heart.
        threshold: above it a sample is called real.
    """

    real: float
    fake: float
    balanced: float
    auc: float
    gap: float
    threshold: float


def judgement(fresh: Scores, fake: Scores, train: Scores, *, critic: bool = False) -> Judgement:
    """How scores of fresh real, generated and training samples tell them apart.

    A discriminator on logits, or with the targets +1 and -1, says real above 0. A Wasserstein critic is the same critic
    with any constant added, so its threshold is the median of one half of the scores, and the other half is judged.
    """
    threshold = 0.0
    judged_real, judged_fake = fresh, fake
    if critic:
        size = min(len(fresh), len(fake))
        threshold = float(np.median(np.concatenate([fresh[: size // 2], fake[: size // 2]])))
        judged_real, judged_fake = fresh[size // 2 :], fake[size // 2 :]
    real = float((judged_real > threshold).mean())
    generated = float((judged_fake <= threshold).mean())
    gap = float(train.mean(dtype=np.float64) - fresh.mean(dtype=np.float64))
    return Judgement(real, generated, (real + generated) / 2, auc(fresh, fake), gap, threshold)


def auc(positive: Scores, negative: Scores) -> float:
    """Area under the ROC curve (Mann & Whitney, 1947): P(positive > negative) + P(equal) / 2."""
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, "left")
    upto = np.searchsorted(ordered, positive, "right")
    return float((below + upto).mean() / (2 * len(negative)))


def judged(model: TrainedGenerator, data: Data, directory: str | None = None) -> tuple[dict[str, float], str]:
    """The accuracy of a generator's own discriminator, if it has one, on the data that it was trained on.

    Args:
        model: the generator.
        data: the training part of a data set, perhaps another one.
        directory: where files of data sets lie.

    Returns:
        The figures by name, and a remark where there is a reason why there are none.
    """
    if not isinstance(model, Model) or model.header["condition_dim"]:
        return {}, ""
    name = model.header["data"]["name"]
    try:
        known = data if name == data.name else load(name, directory=directory, size=data.shape[-1])
        fresh = held_out(known, directory)
    except GanzooError as error:
        return {}, f"no figures of the discriminator, which was trained on {name}: {error}"
    if fresh is None:
        return {}, f"no figures of the discriminator: {name} has no test part to judge it by"
    labels = model.labels(NUMBER)
    fake = scores(model, np.concatenate(list(model.sample_iter(NUMBER))), labels)
    on_train, on_fresh = (_of_real(model, part) for part in (known, fresh))
    found = judgement(on_fresh, fake, on_train, critic=model.recipe.functions["trainer"] in CRITICS)
    return {f"discriminator_{key}": value for key, value in found._asdict().items()}, ""


def scores(model: Model, samples: NDArray[np.float32], labels: NDArray[np.int64] | None) -> Scores:
    """What a model's discriminator says of samples, with their labels if the GAN is told any."""
    network = model.networks.discriminator
    device = next((weight.device for weight in network.parameters()), torch.device("cpu"))
    told: list[NDArray[Any]] = [labels] if model.header["num_classes"] and labels is not None else []
    found = []
    with torch.inference_mode():
        for start in range(0, len(samples), CHUNK):
            part = slice(start, start + CHUNK)
            given = (torch.from_numpy(np.ascontiguousarray(values[part])).to(device) for values in (samples, *told))
            found.append(network(*given).float().reshape(-1).numpy(force=True))
    return np.concatenate(found)


def _of_real(model: Model, data: Data) -> Scores:
    order = np.random.default_rng(0).permutation(len(data))[:NUMBER]
    low, high = model.limits or (-1.0, 1.0)
    samples = data.samples[order].astype(np.float32) * ((high - low) / 255) + low
    return scores(model, samples, None if data.labels is None else data.labels[order])
