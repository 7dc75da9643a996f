"""How a training went, in one sentence."""

from __future__ import annotations

from ganzoo.records.metrics import Curve
from ganzoo.records.run_folder import RunFolder
from ganzoo.records.text import format_number, one_line

LOWER_IS_BETTER = ("-fd", "-kd")  # ends of names of scores
MOST_KINDS = 9  # of findings; there are no more


def verdict(run: RunFolder) -> str:
    """Whether the training ran to its end, its best score, and what the doctor has found.

    ``Training ran to its end; the best mnist-fd was 4.2, at iteration 8,000; the doctor finds nothing.``
    """
    return f"{'; '.join(filter(None, (ending(run), score(run), findings(run))))}."


def ending(run: RunFolder) -> str:
    done, planned = run.iterations, run.planned_iterations
    if not done:
        return "Training has not begun"
    return (
        "Training ran to its end" if done >= planned else f"Training stopped after {done:,} of {planned:,} iterations"
    )


def score(run: RunFolder) -> str:
    """The best score of the training; else that of ``ganzoo evaluate``; else the least distance to the data."""
    if scored := [curve for curve in run.curves if curve.name.endswith(LOWER_IS_BETTER)]:
        return f"the best {one_line(scored[0].name, 40)} was {best(scored[0])}"
    evaluated = dict(run.scores)
    name = evaluated.get("score", "")
    if value := evaluated.get(f"metrics {name}"):
        return f"its {one_line(name, 40)} is {value}"
    distance = next((curve for curve in run.curves if curve.name == "distance"), None)
    return f"the samples were nearest to the data, at a distance of {best(distance)}" if distance else ""


def best(curve: Curve) -> str:
    """The least value and its iteration."""
    place = int(curve.values.argmin())
    return f"{format_number(float(f'{curve.values[place]:.3g}'))}, at iteration {int(curve.iterations[place]):,}"


def findings(run: RunFolder) -> str:
    if run.log_problem or not run.metrics:
        return ""
    kinds = [one_line(kind, 40) for kind in run.finding_kinds[:MOST_KINDS]]
    named = " and ".join(filter(None, (", ".join(kinds[:-1]), *kinds[-1:])))
    return f"the doctor finds {named or 'nothing'}"
