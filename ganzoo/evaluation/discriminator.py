"""How well a discriminator tells real from generated samples, as pure functions on its scores ``(N,)``."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

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
