"""An evaluation as a table for the terminal."""

from __future__ import annotations

from ganzoo.evaluation.record import Evaluation
from ganzoo.util.optional import needs


def format_table(evaluation: Evaluation, *, width: int | None = None) -> str:
    """The table as text, at most ``width`` characters wide; as wide as the terminal by default."""
    with needs("eval"):
        from rich.box import SIMPLE
        from rich.console import Console
        from rich.table import Table
    table = Table(box=SIMPLE, pad_edge=False)
    table.add_column("")
    for name in ("generated", *(["spread"] if evaluation.spread else []), *evaluation.references):
        table.add_column(name, justify="right")
    for name, value in evaluation.metrics.items():
        others = [_format(row.get(name)) for row in evaluation.references.values()]
        spread = [_format(evaluation.spread.get(name))] if evaluation.spread else []
        table.add_row(name, _format(value), *spread, *others, style="bold" if name == evaluation.score else None)
    console = Console(width=width)
    with console.capture() as captured:
        console.print(table)
    lines = [line.rstrip() for line in captured.get().splitlines() if line.strip()]
    return "\n".join([*lines, "", *provenance(evaluation)])


def provenance(evaluation: Evaluation) -> list[str]:
    """Lines that name everything that the metrics depend on."""
    data, extractor = evaluation.data, evaluation.extractor
    blocks = ", ".join(f"{first}-{last}" for first, last in evaluation.seeds)
    generator = evaluation.generator
    model = f"{generator['gan']} after {generator['iterations']:,} iterations, " if generator else ""
    lines = [
        f"{evaluation.source}: {model}{evaluation.number:,} samples" + (f", seeds {blocks}" if blocks else ""),
        f"compared with {data['number']:,} samples of {data['name']} ({data['split']} split)",
    ]
    if extractor:
        accuracy = "" if extractor["accuracy"] is None else f", accuracy {extractor['accuracy']:.1%}"
        lines.append(f"extractor {extractor['name']} {extractor['sha256'][:12]}{accuracy}")
    if classes := evaluation.classes.get("generated"):
        lines.append("classes, in %: " + " ".join(f"{100 * share:.1f}" for share in classes.values()))
    return [*lines, *evaluation.notes]


def _format(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.1f}" if abs(value) >= 100 else f"{value:.4f}"
