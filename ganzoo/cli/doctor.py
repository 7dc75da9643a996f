"""``ganzoo doctor``: what went wrong in a run, after the fact."""

from __future__ import annotations

from pathlib import Path

import click

from ganzoo.util.errors import GanzooError


@click.command()
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
def doctor(run: Path) -> None:
    """Say what went wrong in a run, and which number to turn, from its metrics.

    A training says the same while it runs; this reads it again, also from a run that is still going on.

    \b
    Examples:
      ganzoo doctor runs/simple-mnist-10k-seed0
    """
    from ganzoo.registry.recipe import resolve
    from ganzoo.registry.registry import registry
    from ganzoo.runs.doctor import reviewed
    from ganzoo.util.optional import needs

    with needs():
        from ganzoo.runs.folders import read_metrics, read_record

    record = read_record(run)
    history = read_metrics(run)
    if not history:
        raise GanzooError(f"{run} holds no metrics yet; they come after its first iterations")
    found = list(reviewed(history, resolve(registry().gan(record["gan"]), record["settings"])))
    for finding in found:
        click.echo(finding)
    if not found:
        click.echo(f"Nothing found up to iteration {history[-1]['iteration']}.")
    if not any("diversity" in entry for entry in history):
        click.echo("Its samples were not measured, so only its losses were judged.")
