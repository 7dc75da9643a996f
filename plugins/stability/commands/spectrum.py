"""``ganzoo stability spectrum``: the leading eigenvalues of a run."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ganzoo.util.errors import GanzooError

from .pictures import ready

if TYPE_CHECKING:
    from ..moment import Moment


@click.command()
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.option(
    "--at",
    "iterations",
    multiple=True,
    type=click.IntRange(0),
    metavar="ROUND",
    help="One of the kept checkpoints, or some if said again; all of them by default.",
)
@click.option("--count", type=click.IntRange(1, 40), default=6, show_default=True, help="Eigenvalues of either kind.")
@click.option("--batch", type=click.IntRange(2, 65536), default=512, show_default=True, help="Samples of the field.")
@click.option("--out", metavar="FILE", type=click.Path(), help="x.png or x.svg: the complex plane.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print everything as JSON, a list with an entry for a checkpoint."
)
def spectrum(run: Path, iterations: tuple[int, ...], count: int, batch: int, out: str | None, as_json: bool) -> None:
    """Find the leading eigenvalues of a run's game, over its training.

    Every checkpoint that the run has kept (ganzoo train --keep-every) becomes a row, and a colour in the picture;
    of one alone the eigenvalues are printed. The Jacobian of the field is that of the real networks on one fixed
    batch, in float64 on the CPU. Up to 1,500 weights all its eigenvalues are computed; beyond, those with the largest
    real parts and those of the largest modulus, by Arnoldi's method; for one checkpoint twice, with different sizes.
    The linear theory speaks of rest: mind |v|.

    Beside them stand the smallest and the largest eigenvalue of the Hessian of each player's own loss, which say
    whether it stands at a minimum of that or at a saddle (Berard et al., 2020).

    \b
    Examples:
      ganzoo stability spectrum runs/simple-ring8-seed0 --out plane.png
      ganzoo stability spectrum runs/simple-ring8-seed0 --at 500 --count 10
      ganzoo stability spectrum runs/dcgan-mnist-10k-seed0 --batch 64 --count 2
    """
    ready(out, ".png", ".svg")
    from ganzoo.util.optional import needs

    with needs("lab"):
        from ganzoo.training.device import configure_process

        from ..drawing import plane
        from ..games import Games
        from ..moment import look
    configure_process()
    games = Games(run, batch)
    wanted = sorted(set(iterations)) or games.iterations
    for number in wanted:
        games.require(number)
    moments = []
    for number in wanted:
        if sys.stderr.isatty():
            click.echo(f"iteration {number:,} ...", err=True)
        try:
            moments.append(look(games.at(number), count, quick=len(wanted) > 1))
        except GanzooError as error:
            if number == wanted[-1] and not moments:
                raise
            click.echo(f"iteration {number:,} is left out: {error}", err=True)
    if out:
        first, last = moments[0], moments[-1]
        when = (
            f"after {last.iterations:,} iterations"
            if first is last
            else f"over iterations {first.iterations:,} to {last.iterations:,}"
        )
        each = "" if first is last else " each"
        plane(moments, f"{last.gan} {when}: {len(last.spectrum.eigenvalues)} eigenvalues{each}", Path(out))
    if as_json:
        click.echo(json.dumps([moment.record() for moment in moments], indent=2))
        return
    if len(moments) == 1:
        told_at_length(moments[0], count)
    else:
        told_over_time(moments)
    if len(games.iterations) == 1:
        click.echo("This run kept one checkpoint; ganzoo train --keep-every N keeps those of a whole training")
    if out:
        click.echo(f"Written: {out}")


def told_at_length(moment: Moment, count: int) -> None:
    """One checkpoint: its eigenvalues, and what they say."""
    from ..motion import written

    found = moment.spectrum
    how = "one search" if found.difference is None else f"two searches differ by {found.difference:.0e}"
    how = "all eigenvalues, from the matrix" if found.dense else how
    click.echo(
        f"{moment.gan} after {moment.iterations:,} iterations: {found.size:,} weights, |v| = {found.v:.3g}; {how}"
    )
    for place in found.leading(count):
        value, residual = complex(found.eigenvalues[place]), found.residuals[place]
        click.echo(f"  {written(value):32} residual {residual:.0e}")
    click.echo(f"max Re {found.growth:.4g}   max |Im/Re| {found.rotation:.3g}")
    limit = f"converge below {found.step_limit:.3g}" if found.step_limit else "converge at no size"
    click.echo(f"Simultaneous gradient steps would {limit}; spectral radius {moment.radius:.6g} at {rates(moment)}")
    click.echo(f"(the run's own steps are {moment.optimizer}'s, one player after the other)")
    for own in moment.curvatures:
        bends = f"its Hessian goes from {own.smallest:.3g} to {own.largest:.3g}"
        click.echo(f"{own.verdict[0].upper()}{own.verdict[1:]}: {bends}, with |v| = {own.slope:.3g} of its own")


def told_over_time(moments: list[Moment]) -> None:
    """Several checkpoints: a row for each."""
    from ganzoo.cli.list import table

    last = moments[-1]
    click.echo(f"{last.gan}, {len(moments)} checkpoints: {last.spectrum.size:,} weights")
    heads = ("iteration", "|v|", "max Re", "max |Im/Re|", "step limit", "lr", "spectral radius")
    table(
        [
            (*heads, *(f"Hessian of {own.player}" for own in last.curvatures)),
            *(
                (
                    f"{moment.iterations:,}",
                    f"{moment.spectrum.v:.3g}",
                    f"{moment.spectrum.growth:.4g}",
                    f"{moment.spectrum.rotation:.3g}",
                    f"{moment.spectrum.step_limit:.3g}" if moment.spectrum.step_limit else "none",
                    f"{moment.lr:.3g}",
                    f"{moment.radius:.6g}",
                    *(f"{own.smallest:.3g} to {own.largest:.3g}" for own in moment.curvatures),
                )
                for moment in moments
            ),
        ]
    )
    if not last.spectrum.dense:
        worst = max(float(moment.spectrum.residuals.max()) for moment in moments)
        click.echo(f"Residuals up to {worst:.0e}; --at ROUND searches one of them twice")
    for own in last.curvatures:
        click.echo(f"In the end {own.verdict}")


def rates(moment: Moment) -> str:
    """Learning rates, by player if they differ."""
    if len(set(moment.rates.values())) == 1:
        return f"lr {moment.lr:g}"
    return ", ".join(f"lr {rate:g} of the {player}" for player, rate in moment.rates.items())
