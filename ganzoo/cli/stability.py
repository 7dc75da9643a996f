"""``ganzoo stability``: whether a game comes to rest."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ganzoo.spec import GanzooError

if TYPE_CHECKING:
    from ganzoo.settings import Recipe
    from ganzoo.stability.moment import Moment
    from ganzoo.stability.motion import Motion

SCHEMES = ("simultaneous", "alternating", "extragradient", "rk4")
MOST_OFF = 1e-6
TIERS = ("quick", "standard", "paper")


@click.group()
def stability() -> None:
    """See whether the game of a GAN comes to rest, and how fast.

    \b
    Examples:
      ganzoo stability dirac --all
      ganzoo stability spectrum runs/simple-ring8-seed0
      ganzoo stability path runs/simple-ring8-seed0
      ganzoo stability sweep simple r1 --data ring8 --seeds 8
    """


@stability.command()
@click.option("--gan", metavar="NAME", help="Whose trainer plays, with its numbers.")
@click.option("--all", "every", is_flag=True, help="Every registered GAN.")
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Set a number (ganzoo show NAME).")
@click.option(
    "--scheme",
    type=click.Choice(SCHEMES),
    default="alternating",
    show_default=True,
    help="How steps are taken; rk4 is nearest to continuous time.",
)
@click.option("--steps", type=click.IntRange(40, 100_000), default=1000, show_default=True, help="How many.")
@click.option(
    "--lr", type=click.FloatRange(0, min_open=True), default=0.1, show_default=True, help="Their size, in time."
)
@click.option(
    "--moves",
    type=click.IntRange(1, 1000),
    default=1,
    show_default=True,
    help="Of a discriminator before the next player's, in alternating steps.",
)
@click.option("--out", metavar="FILE", type=click.Path(), help="x.png or x.svg for a portrait, x.html for a motion.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def dirac(
    gan: str | None,
    every: bool,
    assignments: tuple[str, ...],
    scheme: str,
    steps: int,
    lr: float,
    moves: int,
    out: str | None,
    as_json: bool,
) -> None:
    """Play a GAN's trainer with the smallest networks there are.

    The data are the number 0, the generator makes the number theta, and the discriminator is the line psi x
    (Mescheder et al., 2018). Printed are the eigenvalues of the game at rest, how far they are from theory, the largest
    step with which simultaneous steps converge, and what a trajectory does. The exit code is 1 if theory is missed by
    more than 1e-6.

    \b
    Examples:
      ganzoo stability dirac --all
      ganzoo stability dirac --gan simple --set penalty=0.3 --scheme rk4
      ganzoo stability dirac --gan wgan --set clip=1 --out clip.png
      ganzoo stability dirac --gan wgan-gp --set penalty=0.5 --steps 400 --out cycle.html
    """
    if every == bool(gan):
        raise GanzooError("name one GAN with --gan NAME, or take --all (ganzoo list)")
    if every and out:
        raise GanzooError("--out shows one GAN; name it with --gan")
    ready(out, ".png", ".svg", ".html")
    from ganzoo.cli.listing import table
    from ganzoo.files import write_text
    from ganzoo.lazy import needs
    from ganzoo.settings import parse, resolve
    from ganzoo.zoo import zoo

    with needs("lab"):
        from ganzoo.device import prepare
        from ganzoo.stability import dirac as games
        from ganzoo.stability.drawing import portrait
        from ganzoo.stability.motion import followed
        from ganzoo.stability.page import page
    prepare()
    recipes = [resolve(gan, parse(assignments)) for gan in (zoo().gans.values() if every else [zoo().gan(str(gan))])]
    alike: dict[str, list[Recipe]] = {}
    for recipe in recipes:
        alike.setdefault(games.identity(recipe), []).append(recipe)
    motions = []
    for group in alike.values():
        names = tuple(recipe.gan.name for recipe in group)
        try:
            game = games.dirac(group[0])
        except GanzooError as error:
            if not every:
                raise
            click.echo(f"left out: {error}", err=True)
            continue
        motions.append(followed(names, game, scheme, steps=steps, lr=lr, moves=moves))
    if out and out.endswith(".html"):
        write_text(out, page(motions[0]))
    elif out:
        portrait(motions[0], Path(out))
    if as_json:
        click.echo(json.dumps([motion.record() for motion in motions], indent=2))
    else:
        heads = ("GANs", "eigenvalues at rest", "off theory", "step limit", f"{scheme}, lr {lr:g}, {steps} steps")
        table([heads, *(row(motion) for motion in motions)])
        if out:
            click.echo(f"Written: {out}")
    missed = [motion.gans[0] for motion in motions if motion.error is not None and motion.error > MOST_OFF]
    if missed:
        click.echo(f"theory is missed by: {', '.join(missed)}", err=True)
        raise SystemExit(1)


@stability.command()
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.option(
    "--at",
    "rounds",
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
def spectrum(run: Path, rounds: tuple[int, ...], count: int, batch: int, out: str | None, as_json: bool) -> None:
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
    from ganzoo.lazy import needs

    with needs("lab"):
        from ganzoo.device import prepare
        from ganzoo.stability.drawing import plane
        from ganzoo.stability.games import Games
        from ganzoo.stability.moment import look
    prepare()
    games = Games(run, batch)
    wanted = sorted(set(rounds)) or games.rounds
    for number in wanted:
        games.require(number)
    moments = []
    for number in wanted:
        if sys.stderr.isatty():
            click.echo(f"round {number:,} ...", err=True)
        try:
            moments.append(look(games.at(number), count, quick=len(wanted) > 1))
        except GanzooError as error:
            if number == wanted[-1] and not moments:
                raise
            click.echo(f"round {number:,} is left out: {error}", err=True)
    if out:
        first, last = moments[0], moments[-1]
        when = f"after {last.rounds:,} rounds" if first is last else f"over rounds {first.rounds:,} to {last.rounds:,}"
        each = "" if first is last else " each"
        plane(moments, f"{last.gan} {when}: {len(last.spectrum.eigenvalues)} eigenvalues{each}", Path(out))
    if as_json:
        click.echo(json.dumps([moment.record() for moment in moments], indent=2))
        return
    if len(moments) == 1:
        told_at_length(moments[0], count)
    else:
        told_over_time(moments)
    if len(games.rounds) == 1:
        click.echo("This run kept one checkpoint; ganzoo train --keep-every N keeps those of a whole training")
    if out:
        click.echo(f"Written: {out}")


def told_at_length(moment: Moment, count: int) -> None:
    """One checkpoint: its eigenvalues, and what they say."""
    from ganzoo.stability.motion import written

    found = moment.spectrum
    how = "one search" if found.difference is None else f"two searches differ by {found.difference:.0e}"
    how = "all eigenvalues, from the matrix" if found.dense else how
    click.echo(f"{moment.gan} after {moment.rounds:,} rounds: {found.size:,} weights, |v| = {found.v:.3g}; {how}")
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
    from ganzoo.cli.listing import table

    last = moments[-1]
    click.echo(f"{last.gan}, {len(moments)} checkpoints: {last.spectrum.size:,} weights")
    heads = ("round", "|v|", "max Re", "max |Im/Re|", "step limit", "lr", "spectral radius")
    table(
        [
            (*heads, *(f"Hessian of {own.player}" for own in last.curvatures)),
            *(
                (
                    f"{moment.rounds:,}",
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


@stability.command()
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
    were kept; the last are the checkpoint's. Other rounds have to be among those that the run has kept (ganzoo train
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
    from ganzoo.cli.listing import table
    from ganzoo.lazy import needs

    with needs("lab"):
        from ganzoo.device import prepare
        from ganzoo.stability import path as paths
        from ganzoo.stability.drawing import line
        from ganzoo.stability.games import Games
    prepare()
    games = Games(run, batch)
    end = games.rounds[-1] if end is None else end
    if begin >= end:
        raise GanzooError(f"a path goes on in time: --from {begin} has to be before --to {end}")
    games.require(end)
    game = games.at(end)
    met = paths.path(game.field, games.weights(begin, game.field), game.field.start, points)
    title = f"{game.gan}, round {begin:,} to {end:,}: {met.verdict}"
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


@stability.command()
@click.argument("gans", nargs=-1, required=True, metavar="GAN...")
@click.option("--data", required=True, metavar="NAME", help="ring8, grid25, clouds4, stacked2, mnist-10k, ...")
@click.option("--seeds", type=click.IntRange(1, 10_000), default=5, show_default=True, help="Trials of each setting.")
@click.option("--grid", "grids", multiple=True, metavar="KEY=V,V", help="Try each of these values; several cross.")
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Set a number (ganzoo show NAME).")
@click.option("--tier", type=click.Choice(TIERS), help="Networks and rounds for points; quick by default.")
@click.option("--rounds", type=click.IntRange(1), help="Of each trial, instead of those of the tier or the GAN.")
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
    rounds: int | None,
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

    A tier is a budget for points, with networks and rounds: quick (two layers of 128, 10,000 rounds), standard (the
    networks of PacGAN, 25,000), or paper (their whole protocol, 400,000, in which nothing can be set but packing).
    Images are made by the GAN's own networks. A GAN that lacks a key of the grid is swept without it.

    \b
    Examples:
      ganzoo stability sweep simple r1 wgan-gp --data ring8 --seeds 8
      ganzoo stability sweep simple --data ring8 --grid lr=1e-3,1e-4 --grid penalty=0,1
      ganzoo stability sweep simple pacgan --data grid25 --tier standard --jobs 2
      ganzoo stability sweep privileged-v1 --data ring8 --set schedule=round
      ganzoo stability sweep simple wgan --data mnist-10k --rounds 2000 --seeds 3 --plot digits.svg
    """
    ready(picture, ".png", ".svg", option="--plot")
    from ganzoo.cli.listing import table
    from ganzoo.cli.progress import counted
    from ganzoo.lazy import needs
    from ganzoo.settings import parse

    grid = listed(grids)
    with needs("lab"):
        from ganzoo.stability import sweep as sweeps
        from ganzoo.stability.sweep import table as tables
    settings = parse(assignments)
    planned = sweeps.plan(
        gans, data, seeds=seeds, grid=grid, settings=settings, tier=tier, rounds=rounds, directory=data_dir
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


def row(motion: Motion) -> tuple[str, ...]:
    """A line of the table."""
    return (
        ", ".join(motion.gans),
        motion.written,
        "no theory" if motion.error is None else f"{motion.error:.0e}",
        f"{motion.step_limit:.4g}" if motion.step_limit else "none",
        motion.verdict,
    )


def ready(out: str | None, *kinds: str, option: str = "--out") -> None:
    """Refuse a file that could not be written, before anything is computed."""
    from ganzoo.files import require_folder

    if out:
        if Path(out).suffix not in kinds:
            raise GanzooError(
                f"cannot write '{Path(out).suffix}' files; {option} takes {', '.join(f'x{k}' for k in kinds)}"
            )
        require_folder(out)
