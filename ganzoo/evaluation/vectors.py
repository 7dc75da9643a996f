"""Metrics of generated vectors: points of a known distribution, and targets of a regression."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzoo.data import Data
from ganzoo.evaluation.record import Result
from ganzoo.evaluation.reference import Splits
from ganzoo.evaluation.sources import GeneratorSource, Source, finite
from ganzoo.evaluation.toys import METRICS
from ganzoo.util.errors import GanzooError

POINTS = 2500  # in the protocol of VEEGAN and PacGAN

Targets = NDArray[np.floating[Any]]


def evaluate_vectors(source: Source, splits: Splits, blocks: Sequence[range]) -> Result:
    """All metrics of vectors.

    Raises:
        GanzooError: there is no metric for the data set, or the source does not fit it.
    """
    train, test = splits
    if test is None or not has_metrics(splits):
        raise GanzooError(
            f"there is no metric for the vectors of {train.name}; there are metrics for {', '.join(METRICS)} and "
            "regressions with a test split"
        )
    if test.conditions is not None:
        return _regression(source, train, test, blocks)
    measure, number = METRICS[train.name], len(blocks[0])
    found = [measure(np.concatenate(list(source.batches(block, train.shape)))) for block in blocks]
    samples = train.samples[:]
    normal = np.random.default_rng(0).standard_normal((number, *train.shape))
    references = {
        "real": measure(test.samples[:number]),
        "one Gaussian": measure(samples.mean(axis=0) + samples.std(axis=0) * normal),
    }
    return Result(found, next(iter(found[0])), references)


def has_metrics(splits: Splits) -> bool:
    """Whether there is a metric for these vectors."""
    test = splits.test
    return test is not None and (test.conditions is not None or splits.train.name in METRICS)


def regression_errors(predictions: Targets, targets: Targets) -> dict[str, float]:
    """``mae`` and ``mse`` of predictions ``(N, 1)``: mean absolute and mean squared error."""
    errors = np.asarray(predictions, np.float64) - targets
    return {"mae": float(np.abs(errors).mean()), "mse": float(np.square(errors).mean())}


def least_squares(inputs: Targets, targets: Targets, queries: Targets) -> Targets:
    """Predictions for queries ``(M, p)`` of a linear model with intercept, fitted to inputs ``(N, p)`` and targets."""
    columns = np.column_stack([inputs, np.ones(len(inputs))])
    weights, *_ = np.linalg.lstsq(columns.astype(np.float64), targets.astype(np.float64), rcond=None)
    return np.column_stack([queries, np.ones(len(queries))]) @ weights


def _regression(source: Source, train: Data, test: Data, blocks: Sequence[range]) -> Result:
    """One sample for each of the first rows of the test split."""
    assert train.conditions is not None
    assert test.conditions is not None
    if not isinstance(source, GeneratorSource) or source.model.metadata.condition_dim != train.conditions.shape[1]:
        raise GanzooError(f"{source.path} takes no inputs of {train.name}; evaluate a GAN that was trained on it")
    rows = len(blocks[0])
    targets, inputs = test.samples[:rows], test.conditions[:rows]
    samples = [
        finite(np.concatenate(list(source.model.sample_iter(block, conditions=inputs))), source.path)
        for block in blocks
    ]
    predictions = {
        "least squares": least_squares(train.conditions[:], train.samples[:], inputs),
        "the mean": np.broadcast_to(train.samples[:].mean(axis=0), targets.shape),
    }
    references = {name: regression_errors(each, targets) for name, each in predictions.items()}
    return Result([regression_errors(each, targets) for each in samples], "mae", references)
