"""``ganzoo doctor``: what went wrong in a run."""

from __future__ import annotations

from pathlib import Path

import click

from ganzoo.cli.options import FilePath
from ganzoo.util.errors import GanzooError


@click.command()
@click.argument("run", type=FilePath(path_type=Path), metavar="RUN")
def doctor(run: Path) -> None:
    """Find what went wrong in a run, and which setting to change.

    A training prints the same while it runs. This command reads the metrics again, also of a run that is in progress.

    \b
    Examples:
      ganzoo doctor runs/simple-mnist-10k-seed0
    """
    from ganzoo.records.run_folder import RunFolder
    from ganzoo.registry.recipe import resolve_recorded
    from ganzoo.registry.registry import registry
    from ganzoo.runs.doctor import review

    folder = RunFolder(run)
    record, history = folder.read_record(), folder.metrics
    if not history:
        raise GanzooError(f"{run} holds no metrics yet; they come after its first iterations")
    findings = list(review(history, resolve_recorded(registry().gan(record["gan"]), record["settings"])))
    for finding in findings:
        click.echo(finding)
    if not findings:
        click.echo(f"Nothing found up to iteration {history[-1]['iteration']}.")
    if folder.log_problem:
        click.echo(folder.log_problem)
    if not any("diversity" in entry for entry in history):
        click.echo("Its samples were not measured, so only its losses were checked.")
