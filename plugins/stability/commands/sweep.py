"""``ganzoo stability sweep``: how often trainings fail."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import click

from ganzoo.util.errors import GanzooError

from .pictures import ready

TIERS = ("quick", "standard", "paper")


@click.command()
@click.argument("gans", nargs=-1, required=True, metavar="GAN...")
@click.option("--data", required=True, metavar="NAME", help="ring8, grid25, clouds4, stacked2, mnist-10k, ...")
@click.option("--seeds", type=click.IntRange(1, 10_000), default=5, show_default=True, help="Trials of each setting.")
@click.option("--grid", "grids", multiple=True, metavar="KEY=V,V", help="Try each of these values; several cross.")
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Set a number (ganzoo show NAME).")
@click.option("--tier", type=click.Choice(TIERS), help="Networks and iterations for points; quick by default.")
@click.option("--iterations", type=click.IntRange(1), help="Of each trial, instead of those of the tier or the GAN.")
@click.option("--bound", type=click.FloatRange(0), help="Beyond it a trial has failed; judged anew without training.")
@click.option("--jobs", type=click.IntRange(1, 1024), help="Processes of one thread; as many as cores by default.")
@click.option("--data-dir", type=click.Path(), help="Where files of data sets lie, or go; GANZOO_DATA_DIR says it too.")
@click.option("--out", metavar="FOLDER", type=click.Path(path_type=Path), help="Of the trials; under runs/ by default.")
@click.option("--plot", "picture", metavar="FILE", type=click.Path(), help="x.png or x.svg; in the folder by default.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def sweep(
    gans: tuple[str, ...],
    data: str,
    seeds: int,
    grids: tuple[str, ...],
    assignments: tuple[str, ...],
    tier: str | None,
    iterations: int | None,
    bound: float | None,
    jobs: int | None,
    data_dir: str | None,
    out: Path | None,
    picture: str | None,
    as_json: bool,
) -> None:
    """Train GANs with several settings and seeds, and count how often they fail.

    Every GAN is trained with every setting of the grid and every seed, and each such trial leaves a small record. The
    same command goes on where it was stopped; a larger one takes what is there. Points are judged by their modes, from
    2,500 samples (Lin et al., 2018), stacked digits too, and images by the Frechet distance in a small network's
    features. What counts as a failure is printed with the table; --bound moves its limit: the least share of samples of
    high quality (points), the least number of modes (stacked digits), or the largest distance (images).

    A tier is a budget for points, with networks and iterations: quick (two layers of 128, 10,000 iterations), standard (the
    networks of PacGAN, 25,000), or paper (their whole protocol, 400,000, in which nothing can be set but packing).
    Images are made by the GAN's own networks. A GAN that lacks a key of the grid is swept without it.

    \b
    Examples:
      ganzoo stability sweep simple r1 wgan-gp --data ring8 --seeds 8
      ganzoo stability sweep simple --data ring8 --grid lr=1e-3,1e-4 --grid penalty=0,1
      ganzoo stability sweep simple pacgan --data grid25 --tier standard --jobs 2
      ganzoo stability sweep privileged-v1 --data ring8 --set parent_training=joint
      ganzoo stability sweep simple wgan --data mnist-10k --iterations 2000 --seeds 3 --plot digits.svg
    """
    ready(picture, ".png", ".svg", option="--plot")
    from ganzoo.cli.list import table
    from ganzoo.cli.progress import counted
    from ganzoo.registry.recipe import parse_assignments
    from ganzoo.util.optional import needs

    grid = listed(grids)
    with needs("lab"):
        from .. import sweep as sweeps
        from ..sweep import table as tables
    settings = parse_assignments(assignments)
    planned = sweeps.plan(
        gans, data, seeds=seeds, grid=grid, settings=settings, tier=tier, iterations=iterations, directory=data_dir
    )
    metric = sweeps.metric_of(planned.data, data_dir).bounded(bound)
    folder = out or Path("runs") / f"sweep-{planned.name}"
    try:
        with counted(as_json) as report:
            sweeps.sweep(planned, folder, jobs=jobs, report=report)
    except sweeps.Stopped:
        click.echo(f"Stopped; what is finished is kept in {folder}.", err=True)
        click.echo(f"Go on with: {shlex.join(['ganzoo', *sys.argv[1:]])}", err=True)
        raise SystemExit(130) from None
    summary = sweeps.summarise(planned, folder, metric)
    plot = Path(picture) if picture else folder / f"{planned.name}.png"
    tables.plot(summary, plot)
    if as_json:
        click.echo(json.dumps(summary.entry() | {"notes": planned.notes}, indent=2))
        return
    table(tables.lines(summary))
    for line in (*tables.legend(summary), *planned.notes):
        click.echo(line)
    click.echo(f"{summary.cpu_seconds:,.0f} CPU seconds of training, in {folder}")
    click.echo(f"Written: {plot}")


def listed(grids: tuple[str, ...]) -> dict[str, list[str]]:
    """``("lr=1e-3,1e-4",)`` as values by key."""
    found: dict[str, list[str]] = {}
    for text in grids:
        key, _, values = text.partition("=")
        each = [value.strip() for value in values.split(",")]
        if not key.strip() or not all(each):
            raise GanzooError(f"--grid takes KEY=VALUE,VALUE, not '{text}'; for example --grid lr=1e-3,1e-4")
        if key.strip() in found:
            raise GanzooError(f"'{key.strip()}' is in the grid twice; give all its values at once")
        found[key.strip()] = each
    return found
