"""``ganzoo stability path``: the line between two moments of a run."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ganzoo.util.errors import GanzooError

from .pictures import ready


@click.command()
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.option(
    "--from",
    "begin",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    metavar="ROUND",
    help="Where the line begins.",
)
@click.option(
    "--to", "end", type=click.IntRange(1), metavar="ROUND", help="Where it ends; the last checkpoint by default."
)
@click.option("--points", type=click.IntRange(13, 1000), default=49, show_default=True, help="Places on the line.")
@click.option("--batch", type=click.IntRange(2, 65536), default=512, show_default=True, help="Samples of the field.")
@click.option("--out", metavar="FILE", type=click.Path(), help="x.png or x.svg: both curves.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def path(run: Path, begin: int, end: int | None, points: int, batch: int, out: str | None, as_json: bool) -> None:
    """Look at a run's game along the line between two of its moments, such as first and last.

    By default it goes from the first weights to the last. The first ones are built anew from the seed, unless they
    were kept; the last are the checkpoint's. Other iterations have to be among those that the run has kept (ganzoo train
    --keep-every). Printed are the path-angle, the cosine between the field and the way on, and the path-norm, its
    length (Berard et al., 2020): where the angle changes from + to - at 1, the last weights attract; a bump without a
    change of sign is rotation.

    \b
    Examples:
      ganzoo stability path runs/simple-ring8-seed0
      ganzoo stability path runs/simple-ring8-seed0 --out path.png
      ganzoo stability path runs/simple-ring8-seed0 --from 500 --to 2500
    """
    ready(out, ".png", ".svg")
    from ganzoo.cli.list import table
    from ganzoo.util.optional import needs

    with needs("lab"):
        from ganzoo.training.device import configure_process

        from .. import path as paths
        from ..drawing import line
        from ..games import Games
    configure_process()
    games = Games(run, batch)
    end = games.iterations[-1] if end is None else end
    if begin >= end:
        raise GanzooError(f"a path goes on in time: --from {begin} has to be before --to {end}")
    games.require(end)
    game = games.at(end)
    met = paths.path(game.field, games.weights(begin, game.field), game.field.start, points)
    title = f"{game.gan}, iteration {begin:,} to {end:,}: {met.verdict}"
    if out:
        line(met, (begin, end), title, Path(out))
    if as_json:
        losses = {player: values.tolist() for player, values in met.losses.items()}
        record = {"gan": game.gan, "from": begin, "to": end, "length": met.length, "verdict": met.verdict}
        curves = {"a": met.a.tolist(), "angle": met.angle.tolist(), "norm": met.norm.tolist(), "losses": losses}
        click.echo(json.dumps(record | curves, indent=2))
        return
    some = range(0, points, max(1, points // 12))
    lines = [(f"{met.a[i]:.3f}", f"{met.angle[i]:+.4f}", f"{met.norm[i]:.4g}") for i in some]
    table([("place", "path-angle", "path-norm"), *lines])
    click.echo(title)
    if out:
        click.echo(f"Written: {out}")
