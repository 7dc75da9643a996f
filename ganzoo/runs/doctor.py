"""What goes wrong in a training, read from its metrics: pure functions on the entries of ``metrics.jsonl``. No torch.

An entry holds the means of losses and figures over some iterations, the norms of the last gradients
(``gradient.generator``), and now and then two measures of a handful of samples: :func:`diversity` of the generator that
is trained, and :func:`distance` to the data of the averaged one, which is saved.

Each detector is stateless. It looks at a window of the run that ends with the last entry, so that a resumed run is
judged as an uninterrupted one. The thresholds are wide: what is found is a failure, and much that is mediocre is not
found.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ganzoo.registry.recipe import Recipe, format_value

Kind = Literal["non-finite", "blow-up", "won", "collapse", "oscillation", "forgetting"]
Entry = Mapping[str, Any]
History = Sequence[Entry]
Values = NDArray[np.float64]

HOPELESS: tuple[Kind, ...] = ("blow-up", "won", "collapse")
"""What ``--stop-on-collapse`` stops at. From the other kinds a run can recover, or it ends by itself."""

LEAST = 500  # iterations in a window, however short the run: what is untrained has not failed
LARGE_LOSS, LARGE_CRITIC, LARGE_GRADIENT = 1e4, 1e8, 1e6
SURE, VANISHED = 0.99, 1e-6
ALIKE, SAME = 0.2, 1e-3
WORSE, FAR, AWAY = 1.5, 0.05, 0.1
FEATURES = 4096


@dataclass(frozen=True)
class Finding:
    """Something that went wrong.

    Attributes:
        kind: what it is.
        iteration: in which it was seen.
        line: what was seen, and which number to turn.
    """

    kind: Kind
    iteration: int
    line: str

    def __str__(self) -> str:
        return f"iteration {self.iteration}: {self.line}"


def diagnose(history: History, recipe: Recipe) -> list[Finding]:
    """All that is wrong as of the last entry; nothing in an empty history."""
    found = []
    for kind, detect in DETECTORS.items() if history else ():
        if seen := detect(history, recipe.loop.iterations):
            found.append(finding(kind, history[-1]["iteration"], seen, recipe))
    return found


def finding(kind: Kind, number: int, seen: str, recipe: Recipe) -> Finding:
    """What was seen in an iteration, with the number to turn."""
    return Finding(kind, number, f"{kind}: {seen}; try {remedy(kind, recipe)}")


def noted(history: History) -> list[Finding]:
    """The findings that the entries hold already."""
    return [Finding(**found) for entry in history for found in entry.get("findings", ())]


def reviewed(history: History, recipe: Recipe) -> Iterator[Finding]:
    """The findings of a whole run, each kind once: those that it holds, and those that can be read from it later."""
    kinds = {found.kind for found in noted(history)}
    for count, entry in enumerate(history, 1):
        yield from noted([entry])
        for found in diagnose(history[:count], recipe):
            if found.kind not in kinds:
                kinds.add(found.kind)
                yield found


# Detectors: what is seen, or nothing.


def blown_up(history: History, iterations: int) -> str:
    """A loss or a gradient beyond all measure. The scale of a critic's loss means little, so more is allowed there."""
    entry = history[-1]
    judged = "discriminator_accuracy" in entry
    limits = {"loss": LARGE_LOSS if judged else LARGE_CRITIC, "gradient": LARGE_GRADIENT if judged else math.inf}
    for name, value in entry.items():
        kind, _, player = name.partition(".")
        if kind in limits and abs(value) > limits[kind]:
            return f"the {kind} of the {player} has grown to {value:.1e}"
    return ""


def won(history: History, iterations: int) -> str:
    """The discriminator has been sure for a quarter of the run, and the generator makes nothing of it.

    Its gradient is gone; or its loss does not fall while its samples are far from the data. On small data sets a
    discriminator is sure because it knows them by heart, beside a good generator. A critic has no accuracy, and wins
    nothing.
    """
    sure = window(history, "discriminator_accuracy", iterations / 4)
    if len(sure) < 3 or sure.mean() <= SURE:
        return ""
    losses, gradients = (window(history, f"{name}.generator", iterations / 4) for name in ("loss", "gradient"))
    middle = len(losses) // 2
    away = window(history, "distance", iterations / 4)
    stuck = middle > 0 and losses[middle:].mean() >= losses[:middle].mean() and len(away) > 0 and away.min() > AWAY
    first = next((entry["gradient.generator"] for entry in history if "gradient.generator" in entry), 0.0)
    gone = len(gradients) > 0 and float(np.median(gradients)) < VANISHED * first
    if not (stuck or gone):
        return ""
    consequence = "the generator's gradient is gone" if gone else "the generator no longer comes nearer"
    return f"the discriminator's accuracy is {sure.mean():.3f}, and {consequence}"


def collapsed(history: History, iterations: int) -> str:
    """Samples are nearly alike for a quarter of the run."""
    values = window(history, "diversity", iterations / 4)
    if len(values) < 3 or values.max() >= ALIKE:
        return ""
    if values.max() < SAME:
        return "the generator makes one sample, whatever z is"
    return f"samples differ from each other by {100 * values[-1]:.2g} % of what data do"


def oscillating(history: History, iterations: int) -> str:
    """The distance to the data has risen by half three times in half of the run, and fallen again in between."""
    values = window(history, "distance", iterations / 2)
    if len(values) < 8 or rises(values) < 3:
        return ""
    return (
        f"the samples come and go: their distance to the data swings between {values.min():.2f} and {values.max():.2f}"
    )


def forgotten(history: History, iterations: int) -> str:
    """The samples were nearer to the data, and have not come back."""
    number = history[-1]["iteration"]
    seen = [(one["distance"], one["iteration"]) for one in history if "distance" in one and one["iteration"] >= LEAST]
    if number < iterations / 4 or len(seen) < 6:
        return ""
    (best, when), now = min(seen), min(value for value, _ in seen[-3:])
    if not worse(now, best):
        return ""
    return f"the samples' distance to the data was {best:.2f} in iteration {when} and is {now:.2f}"


def worse(now: float, before: float) -> bool:
    """Whether one distance to the data is clearly larger than another."""
    return now > WORSE * before and now - before > FAR


def rises(values: Values) -> int:
    """How often a distance has become clearly larger, with clear falls in between."""
    count, rising, extreme = 0, False, values[0]
    for value in values:
        if worse(extreme, value) if rising else worse(value, extreme):
            count, rising, extreme = count + (not rising), not rising, value
        extreme = max(extreme, value) if rising else min(extreme, value)
    return count


DETECTORS: dict[Kind, Callable[[History, int], str]] = {
    "blow-up": blown_up,
    "won": won,
    "collapse": collapsed,
    "oscillation": oscillating,
    "forgetting": forgotten,
}


def window(history: History, name: str, length: float) -> Values:
    """A figure's values in the last ``length`` iterations, at least :data:`LEAST`; none before so many were played."""
    start = history[-1]["iteration"] - max(length, LEAST)
    values = [entry[name] for entry in history if entry["iteration"] > start and name in entry] if start >= 0 else []
    return np.array([value for value in values if math.isfinite(value)], np.float64)


# Measures of samples.


def features(samples: NDArray[Any]) -> Values:
    """Samples as float64 ``(N, F)``: themselves, or where they are large the same few thousand coordinates of each."""
    flat = samples.reshape(len(samples), -1)
    if flat.shape[1] > FEATURES:
        flat = flat[:, np.random.default_rng(0).choice(flat.shape[1], FEATURES, replace=False)]
    return flat.astype(np.float64)


def between(a: Values, b: Values) -> Values:
    """Euclidean distances ``(N, M)`` between rows."""
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    result: Values = np.sqrt(squares.clip(0))
    return result


def spread(samples: Values, classes: NDArray[np.int64]) -> float:
    """Mean distance between two different samples of one class; 0 if no class has two."""
    pairs = (classes[:, None] == classes) & ~np.eye(len(classes), dtype=bool)
    return float(between(samples, samples)[pairs].mean()) if pairs.any() else 0.0


def diversity(samples: Values, real: Values, classes: NDArray[np.int64]) -> float:
    """How much samples differ from each other, as a share of what data do: 0 (all alike) to 1 and beyond.

    Args:
        samples: ``(N, F)``, of the classes that the first N of the data have.
        real: ``(M, F)``, data.
        classes: ``(M,)`` of the data; all the same where the GAN is told none.
    """
    usual = spread(real, classes)
    return spread(samples, classes[: len(samples)]) / usual if usual else 1.0


def distance(one: Values, other: Values) -> float:
    """Energy distance of two samples, by its largest value for their cross distances: 0 (alike) to 1.

    1 - (E |x - x'| + E |y - y'|) / (2 E |x - y|), see Székely & Rizzo (2013). It is never negative, and for two samples
    of one distribution of the order of 1/N.
    """
    cross = between(one, other).mean()
    return float(1 - (between(one, one).mean() + between(other, other).mean()) / (2 * cross)) if cross else 0.0


# Remedies: which number to turn, and from what to what; no value where a remedy does not apply.

Turn = Callable[[Any], Any]


def half(value: float) -> float | None:
    return value / 2 or None


def at_most(goal: float) -> Turn:
    return lambda value: goal if value > goal else None


def doubled(value: float) -> float:
    """Of a penalty, which begins with 1."""
    return 2 * value or 1.0


def linear(value: str) -> str | None:
    return None if value == "linear" else "linear"


REMEDIES: dict[Kind, tuple[tuple[str, Turn], ...]] = {
    "non-finite": (("lr", half),),
    "blow-up": (("lr", half),),
    "won": (("ttur", at_most(1.0)), ("penalty", doubled), ("ttur", half)),
    "collapse": (("generator_steps", at_most(2)), ("penalty", doubled), ("lr", half)),
    "oscillation": (("momentum", at_most(0.0)), ("beta1", at_most(0.5)), ("lr", half)),
    "forgetting": (("lr_schedule", linear), ("lr", half)),
}


def remedy(kind: Kind, recipe: Recipe) -> str:
    """The first remedy that these parts have a number for, as an argument of ``ganzoo train``."""
    for name, turn in REMEDIES[kind]:
        owners = [part for part, values in recipe.values.items() if name in values]
        for part in owners:
            if (value := turn(recipe.values[part][name])) is not None:
                key = name if len(owners) == 1 else f"{part}.{name}"
                text = f"{value:g}" if isinstance(value, float) else format_value(value)
                return f"--set {key}={text}" + (" or less" if turn is half else "")
    return "another game (--trainer)"
