"""``ganzoo stability path``: the field on the line between two checkpoints of a run."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ganzoo.cli.options import FilePath, IntRange
from ganzoo.util.errors import GanzooError

from .output import check_output


@click.command()
@click.argument("run", type=FilePath(path_type=Path), metavar="RUN")
@click.option(
    "--from",
    "begin",
    type=IntRange(0),
    default=0,
    show_default=True,
    metavar="ITERATION",
    help="Checkpoint where the line begins.",
)
@click.option(
    "--to", "end", type=IntRange(1), metavar="ITERATION", help="Checkpoint where it ends; the last by default."
)
@click.option("--points", type=IntRange(13, 1000), default=49, show_default=True, help="Points on the line.")
@click.option("--batch-size", type=IntRange(2, 65536), default=512, show_default=True, help="Samples of the field.")
@click.option("-o", "--out", metavar="FILE", type=FilePath(), help="x.png or x.svg: plot of both curves.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def path(run: Path, begin: int, end: int | None, points: int, batch_size: int, out: str | None, as_json: bool) -> None:
    """Evaluate the field of a run on the line between two checkpoints (Berard et al., 2020).

    By default the line goes from the initial weights to the last checkpoint. Initial weights that were not kept are
    rebuilt from the seed; other checkpoints need ganzoo train --keep-every. The path-angle is the cosine between the
    field and the line's direction, the path-norm is the length of the field. If the angle changes from + to - at 1, the
    last weights attract; a bump without a change of sign is rotation.

    \b
    Examples:
      ganzoo stability path runs/simple-ring8-seed0
      ganzoo stability path runs/simple-ring8-seed0 -o path.png
      ganzoo stability path runs/simple-ring8-seed0 --from 500 --to 2500
    """
    check_output(out, ".png", ".svg")
    from ganzoo.cli.list import table
    from ganzoo.util.optional import needs

    with needs("lab"):
        from ganzoo.training.device import configure_process

        from ..drawing import draw_path
        from ..games import Games
        from ..path import line_path
    configure_process()
    games = Games(run, batch_size)
    end = games.iterations[-1] if end is None else end
    if begin >= end:
        raise GanzooError(f"--from {begin} is not before --to {end}; choose an earlier iteration")
    game = games.at(end)
    line = line_path(game.field, games.weights(begin, game.field), game.field.start, points)
    title = f"{game.gan}, iteration {begin:,} to {end:,}: {line.verdict}"
    if out:
        draw_path(line, (begin, end), title, Path(out))
    if as_json:
        losses = {player: values.tolist() for player, values in line.losses.items()}
        record = {"gan": game.gan, "from": begin, "to": end, "length": line.length, "verdict": line.verdict}
        curves = {"a": line.a.tolist(), "angle": line.angle.tolist(), "norm": line.norm.tolist(), "losses": losses}
        click.echo(json.dumps(record | curves, indent=2))
        return
    shown = range(0, points, max(1, points // 12))
    rows = [(f"{line.a[i]:.3f}", f"{line.angle[i]:+.4f}", f"{line.norm[i]:.4g}") for i in shown]
    table([("point", "path-angle", "path-norm"), *rows])
    click.echo(title)
    if out:
        click.echo(f"Written: {out}")
