"""``ganzoo stability spectrum``: the leading eigenvalues of a run."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ganzoo.cli.options import FilePath, IntRange
from ganzoo.util.errors import GanzooError

from .output import check_output

if TYPE_CHECKING:
    from ..analysis import CheckpointAnalysis


@click.command()
@click.argument("run", type=FilePath(path_type=Path), metavar="RUN")
@click.option(
    "--at",
    "iterations",
    multiple=True,
    type=IntRange(0),
    metavar="ITERATION",
    help="A kept checkpoint; repeat it for several. All of them by default.",
)
@click.option("--count", type=IntRange(1, 40), default=6, show_default=True, help="Eigenvalues of either kind.")
@click.option("--batch-size", type=IntRange(2, 65536), default=512, show_default=True, help="Samples of the field.")
@click.option("-o", "--out", metavar="FILE", type=FilePath(), help="x.png or x.svg: plot in the complex plane.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON: a list with one entry per checkpoint.")
def spectrum(
    run: Path, iterations: tuple[int, ...], count: int, batch_size: int, out: str | None, as_json: bool
) -> None:
    """Compute the leading eigenvalues of a run at its checkpoints.

    These are eigenvalues of the Jacobian of the field (-dL1/dw1, -dL2/dw2, ...) of the run's networks on one fixed
    batch, in float64 on the CPU. Up to 1,500 weights, all eigenvalues are computed. Beyond that, Arnoldi's method finds
    those with the largest real parts and those of the largest modulus; for a single checkpoint twice, as a check.
    Linear theory holds near an equilibrium, where |v| is small.

    Each kept checkpoint (ganzoo train --keep-every) is a row of the table; for a single one the eigenvalues are listed.
    The smallest and largest eigenvalue of the Hessian of each player's own loss show whether it is at a minimum or at a
    saddle point (Berard et al., 2020).

    \b
    Examples:
      ganzoo stability spectrum runs/simple-ring8-seed0 -o plane.png
      ganzoo stability spectrum runs/simple-ring8-seed0 --at 500 --count 10
      ganzoo stability spectrum runs/dcgan-mnist-10k-seed0 --batch-size 64 --count 2
    """
    check_output(out, ".png", ".svg")
    from ganzoo.util.optional import needs

    with needs("lab"):
        from ganzoo.training.device import configure_process

        from ..analysis import analyse
        from ..drawing import draw_eigenvalues
        from ..games import Games
    configure_process()
    games = Games(run, batch_size)
    wanted = sorted(set(iterations)) or games.iterations
    for iteration in wanted:
        games.require(iteration)
    analyses = []
    for iteration in wanted:
        if sys.stderr.isatty():
            click.echo(f"iteration {iteration:,} ...", err=True)
        try:
            analyses.append(analyse(games.at(iteration), count, quick=len(wanted) > 1))
        except GanzooError as error:
            if iteration == wanted[-1] and not analyses:
                raise
            click.echo(f"iteration {iteration:,} is left out: {error}", err=True)
    if out:
        draw_eigenvalues(analyses, title_of(analyses), Path(out))
    if as_json:
        click.echo(json.dumps([analysis.record() for analysis in analyses], indent=2))
        return
    if len(analyses) == 1:
        show_checkpoint(analyses[0], count)
    else:
        show_run(analyses)
    if len(games.iterations) == 1:
        click.echo("This run kept one checkpoint; ganzoo train --keep-every N keeps several")
    if out:
        click.echo(f"Written: {out}")


def title_of(analyses: list[CheckpointAnalysis]) -> str:
    """The title of the plot."""
    first, last = analyses[0], analyses[-1]
    count = len(last.jacobian.values)
    if first is last:
        return f"{last.gan} after {last.iterations:,} iterations: {count} eigenvalues"
    return f"{last.gan}, iterations {first.iterations:,} to {last.iterations:,}: {count} eigenvalues each"


def show_checkpoint(analysis: CheckpointAnalysis, count: int) -> None:
    """Print the eigenvalues of one checkpoint and what they mean."""
    from ..simulation import format_eigenvalue

    J = analysis.jacobian
    how = "one search" if analysis.difference is None else f"two searches differ by {analysis.difference:.0e}"
    how = "all eigenvalues, from the matrix" if J.complete else how
    click.echo(
        f"{analysis.gan} after {analysis.iterations:,} iterations: {J.size:,} weights, |v| = {J.norm:.3g}; {how}"
    )
    for index in J.leading(count):
        click.echo(f"  {format_eigenvalue(complex(J.values[index])):32} residual {J.residuals[index]:.0e}")
    click.echo(f"max Re {J.growth:.4g}   max |Im/Re| {J.rotation:.3g}")
    limit = f"converge below lr {analysis.step_limit:.3g}" if analysis.step_limit else "do not converge for any lr"
    click.echo(f"Simultaneous gradient steps {limit}; spectral radius {analysis.radius:.6g} at {rates(analysis)}")
    click.echo(f"(the run itself takes alternating steps with {analysis.optimizer})")
    for player, verdict in analysis.verdicts.items():
        H = analysis.hessians[player]
        click.echo(
            f"{verdict[0].upper()}{verdict[1:]}: eigenvalues of its Hessian from {H.smallest:.3g} to {H.growth:.3g}, "
            f"gradient norm {H.norm:.3g}"
        )


def show_run(analyses: list[CheckpointAnalysis]) -> None:
    """Print a table with a row for each checkpoint."""
    from ganzoo.cli.list import table

    last = analyses[-1]
    click.echo(f"{last.gan}, {len(analyses)} checkpoints: {last.jacobian.size:,} weights")
    head = ("iteration", "|v|", "max Re", "max |Im/Re|", "step limit", "lr", "spectral radius")
    rows = [
        (
            f"{analysis.iterations:,}",
            f"{analysis.jacobian.norm:.3g}",
            f"{analysis.jacobian.growth:.4g}",
            f"{analysis.jacobian.rotation:.3g}",
            f"{analysis.step_limit:.3g}" if analysis.step_limit else "none",
            f"{analysis.lr:.3g}",
            f"{analysis.radius:.6g}",
            *(f"{H.smallest:.3g} to {H.growth:.3g}" for H in analysis.hessians.values()),
        )
        for analysis in analyses
    ]
    table([(*head, *(f"Hessian of {player}" for player in last.hessians)), *rows])
    if not last.jacobian.complete:
        worst = max(float(analysis.jacobian.residuals.max()) for analysis in analyses)
        click.echo(f"Residuals up to {worst:.0e}; --at ITERATION checks one checkpoint by a second search")
    for verdict in last.verdicts.values():
        click.echo(f"At the last checkpoint {verdict}")


def rates(analysis: CheckpointAnalysis) -> str:
    """The learning rates, by player if they differ."""
    if len(set(analysis.rates.values())) == 1:
        return f"lr {analysis.lr:g}"
    return ", ".join(f"lr {rate:g} of the {player}" for player, rate in analysis.rates.items())
