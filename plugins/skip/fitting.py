"""From the name of a prior to a regression, fitted by numpy or scikit-learn and stored as plain arrays.

Without data nothing is fitted, and trained weights fill the buffers. Those of trees are empty until then, since the
number of nodes depends on the fit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganzoo import GanzooError
from ganzoo.data import Data
from ganzoo.parts import Task

from .estimators import LINEAR, TREES
from .formula import Formula
from .regressors import Linear, Regressor, Trees


def regressor(prior: str, task: Task, depth: int) -> Regressor:
    """The prior of that name for a task, fitted if there are data; GanzooError if there is no such prior."""
    kind, _, expression = prior.partition(":")
    if kind == "formula":
        return Formula(expression, task.condition_dim).checked(task.data)
    if prior == "linear":
        return least_squares(task)
    if prior in LINEAR:
        return linear(prior, task)
    if prior in TREES:
        return trees(prior, task, depth)
    raise GanzooError(
        f"prior='{prior}' cannot become part of a network; choose linear, none, formula:EXPR, and of "
        f"scikit-learn {', '.join(LINEAR + TREES)} (ganzoo show skip-gan-tabular)"
    )


def least_squares(task: Task) -> Linear:
    """Ordinary least squares, with a factor of its coefficients' covariance s² (X'X)⁺."""
    model = Linear(task.condition_dim, sampled=True)
    if task.data is not None:
        x, t = pairs(task.data)
        X = np.column_stack([np.ones(len(x)), x])
        freedom = len(X) - X.shape[1]
        if freedom < 1:
            raise GanzooError(f"prior=linear needs more than {X.shape[1]} rows, '{task.data.name}' has {len(X)}")
        b = np.linalg.lstsq(X, t, rcond=None)[0]
        variance = np.square(t - X @ b).sum() / freedom
        values, axes = np.linalg.eigh(variance * np.linalg.pinv(X.T @ X, hermitian=True))
        fill(model, coefficients=b, factor=axes * np.sqrt(values.clip(0)))
    return model


def linear(name: str, task: Task) -> Linear:
    """A linear model of scikit-learn as its coefficients."""
    model = Linear(task.condition_dim)
    if task.data is not None:
        found = fit(name, task.data)
        fill(model, coefficients=np.append(found.intercept_, found.coef_))
    return model


def trees(name: str, task: Task, depth: int) -> Trees:
    """A tree, forest or boosted ensemble of scikit-learn as arrays of nodes."""
    model = Trees(depth)
    if task.data is not None:
        found = fit(name, task.data, depth)
        grown = [one.tree_ for one in np.ravel(getattr(found, "estimators_", found))]
        scale, offset = 1 / len(grown), 0.0
        if name == "GradientBoostingRegressor":
            scale, offset = found.learning_rate, found.init_.predict(np.zeros((1, task.condition_dim)))[0]

        def nodes(name: str) -> NDArray[Any]:
            return np.concatenate([getattr(tree, name).ravel() for tree in grown])

        counts = [tree.node_count for tree in grown]
        ends = np.cumsum(counts)
        roots = ends - counts
        start, itself, leaf = np.repeat(roots, counts), np.arange(ends[-1]), nodes("children_left") < 0
        fill(
            model,
            roots=roots,
            feature=np.where(leaf, 0, nodes("feature")),
            threshold=rounded_down(nodes("threshold")),
            left=np.where(leaf, itself, start + nodes("children_left")),
            right=np.where(leaf, itself, start + nodes("children_right")),
            value=nodes("value") * scale + offset / len(grown),
        )
    return model


def fit(name: str, data: Data, depth: int | None = None) -> Any:
    """A regressor of scikit-learn, fitted to the data with a fixed seed and trees of at most ``depth`` levels."""
    try:
        from sklearn import ensemble, linear_model, tree
    except ModuleNotFoundError:
        raise GanzooError(f"prior={name} needs scikit-learn; run: pip install scikit-learn") from None
    model = next(getattr(module, name) for module in (linear_model, tree, ensemble) if hasattr(module, name))()
    defaults = model.get_params()
    if "random_state" in defaults:
        model.set_params(random_state=0)
    if depth is not None:
        model.set_params(max_depth=min(depth, defaults["max_depth"] or depth))
    return model.fit(*pairs(data))


def pairs(data: Data) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Inputs ``(N, p)`` and targets ``(N,)``."""
    assert data.conditions is not None
    return data.conditions[:].astype(np.float64), data.samples[:].ravel().astype(np.float64)


def rounded_down(thresholds: NDArray[np.float64]) -> NDArray[np.float32]:
    """Round to float32, never up, so that a float32 input is on the same side of each threshold."""
    near = thresholds.astype(np.float32)
    return np.where(near > thresholds, np.nextafter(near, np.float32(-np.inf)), near)


def fill(model: Regressor, **arrays: NDArray[Any]) -> None:
    """Set buffers, each in its own data type."""
    for name, array in arrays.items():
        setattr(model, name, torch.tensor(array, dtype=model.get_buffer(name).dtype))
