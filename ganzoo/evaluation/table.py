"""An evaluation as a table on a terminal."""

from __future__ import annotations

from ganzoo.evaluation.record import Evaluation
from ganzoo.util.optional import needs


def show(evaluation: Evaluation, *, width: int | None = None) -> str:
    """The table as text, at most ``width`` columns wide; the terminal's by default."""
    with needs("eval"):
        from rich.box import SIMPLE
        from rich.console import Console
        from rich.table import Table
    table = Table(box=SIMPLE, pad_edge=False)
    table.add_column("")
    for name in ("generated", *(["spread"] if evaluation.spread else []), *evaluation.references):
        table.add_column(name, justify="right")
    for name, value in evaluation.figures.items():
        others = [_written(row.get(name)) for row in evaluation.references.values()]
        spread = [_written(evaluation.spread.get(name))] if evaluation.spread else []
        table.add_row(name, _written(value), *spread, *others, style="bold" if name == evaluation.score else None)
    console = Console(width=width)
    with console.capture() as captured:
        console.print(table)
    lines = [line.rstrip() for line in captured.get().splitlines() if line.strip()]
    return "\n".join([*lines, "", *about(evaluation)])


def about(evaluation: Evaluation) -> list[str]:
    """What the figures depend on, in lines."""
    data, extractor = evaluation.data, evaluation.extractor
    blocks = ", ".join(f"{first}-{last}" for first, last in evaluation.seeds)
    whose = evaluation.generator
    made = f"{whose['gan']} after {whose['iterations']:,} iterations, " if whose else ""
    lines = [
        f"{evaluation.source}: {made}{evaluation.number:,} samples" + (f", seeds {blocks}" if blocks else ""),
        f"against {data['number']:,} of {data['name']} ({data['split']} part)",
    ]
    if extractor:
        accuracy = "" if extractor["accuracy"] is None else f", right on {extractor['accuracy']:.1%}"
        lines.append(f"extractor {extractor['name']} {extractor['sha256'][:12]}{accuracy}")
    if evaluation.classes.get("generated"):
        lines.append(
            "classes, in %: " + " ".join(f"{100 * share:.1f}" for share in evaluation.classes["generated"].values())
        )
    return [*lines, *evaluation.notes]


def _written(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.1f}" if abs(value) >= 100 else f"{value:.4f}"
