"""``ganzoo stability sweep``: how often trainings fail."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import click

from ganzoo.cli import options
from ganzoo.cli.options import FilePath, FiniteFloat, IntRange
from ganzoo.util.errors import GanzooError

from .output import check_output

TIERS = ("quick", "standard", "paper")


@click.command()
@click.argument("gans", nargs=-1, required=True, metavar="GAN...", type=options.Name("gan"))
@click.option(
    "--data",
    required=True,
    metavar="NAME",
    type=options.Name("dataset"),
    help="Data set: ring8, grid25, clouds4, stacked2, mnist-10k, ...",
)
@click.option("--seeds", type=IntRange(1, 10_000), default=5, show_default=True, help="Trials of each setting.")
@click.option("--grid", "grids", multiple=True, metavar="KEY=V,V", help="Values to try; repeat it for a product.")
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Change a setting (ganzoo show NAME).")
@click.option("--tier", type=click.Choice(TIERS), help="Networks and iterations for points; quick by default.")
@click.option("--iterations", type=IntRange(1), help="Of each trial; by default those of the tier or the GAN.")
@click.option("--bound", type=FiniteFloat(0), help="Limit beyond which a trial failed; changes need no training.")
@click.option("--jobs", type=IntRange(1, 1024), help="Processes with one thread each; by default one per core.")
@options.data_dir
@click.option("-o", "--out", metavar="FOLDER", type=FilePath(path_type=Path), help="Folder of the trials.")
@click.option("--plot", "picture", metavar="FILE", type=FilePath(), help="x.png or x.svg; in the folder by default.")
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

    Each GAN is trained with each setting of the grid and each seed. Each such trial writes a small record to a folder,
    runs/sweep-DATA-TIER by default. The same command continues a sweep that was stopped; a larger sweep reuses the
    records. Points are evaluated by the modes of 2,500 samples (Lin et al., 2018), stacked digits likewise, and images
    by the Frechet distance of 2,000 samples in a small network's features. The output says what counts as a failure;
    --bound sets its limit: the smallest share of high-quality samples (points), the smallest number of modes (stacked
    digits), or the largest distance (images).

    A tier is a budget for points: quick (two layers of 128 units, 10,000 iterations), standard (the networks of PacGAN,
    25,000 iterations) or paper (their protocol with 400,000 iterations, in which only packing can be set). Images use
    the GAN's own networks. A GAN without a setting of the grid is trained without it.

    \b
    Examples:
      ganzoo stability sweep simple r1 wgan-gp --data ring8 --seeds 8
      ganzoo stability sweep simple --data ring8 --grid lr=1e-3,1e-4 --grid penalty=0,1
      ganzoo stability sweep simple pacgan --data grid25 --tier standard --jobs 2
      ganzoo stability sweep privileged-v1 --data ring8 --set parent_training=joint
      ganzoo stability sweep simple wgan --data mnist-10k --iterations 2000 --seeds 3 --plot digits.svg
    """
    check_output(picture, ".png", ".svg", option="--plot")
    from ganzoo.cli.list import table
    from ganzoo.registry.recipe import parse_assignments
    from ganzoo.runs.progress import iteration_counter
    from ganzoo.util.optional import needs

    grid = parse_grid(grids)
    with needs("lab"):
        from .. import sweep as sweeps
        from ..sweep import table as tables
    settings = parse_assignments(assignments)
    planned = sweeps.plan(
        gans, data, seeds=seeds, grid=grid, settings=settings, tier=tier, iterations=iterations, directory=data_dir
    )
    protocol = sweeps.protocol_for(planned.data).with_bound(bound)
    folder = out or Path("runs") / f"sweep-{planned.name}"
    try:
        with iteration_counter(as_json) as report:
            sweeps.sweep(planned, folder, jobs=jobs, report=report)
    except sweeps.Stopped:
        click.echo(f"Stopped. Finished trials are kept in {folder}.", err=True)
        click.echo(f"Continue with: {shlex.join(['ganzoo', *sys.argv[1:]])}", err=True)
        raise SystemExit(130) from None
    summary = sweeps.summarise(planned, folder, protocol)
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


def parse_grid(grids: tuple[str, ...]) -> dict[str, list[str]]:
    """``("lr=1e-3,1e-4",)`` as ``{"lr": ["1e-3", "1e-4"]}``."""
    found: dict[str, list[str]] = {}
    for text in grids:
        key, _, values = text.partition("=")
        each = [value.strip() for value in values.split(",")]
        if not key.strip() or not all(each):
            raise GanzooError(f"--grid takes KEY=VALUE,VALUE, not '{text}'; for example --grid lr=1e-3,1e-4")
        if key.strip() in found:
            raise GanzooError(f"'{key.strip()}' is in the grid twice; give all its values in one --grid")
        found[key.strip()] = each
    return found
