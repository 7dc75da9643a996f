"""``ganzoo stability dirac``: a trainer with the smallest networks there are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ganzoo.util.errors import GanzooError

from .pictures import ready

if TYPE_CHECKING:
    from ganzoo.registry.recipe import Recipe

    from ..motion import Motion

SCHEMES = ("simultaneous", "alternating", "extragradient", "rk4")
MOST_OFF = 1e-6


@click.command()
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
    from ganzoo.cli.list import table
    from ganzoo.registry.recipe import parse_assignments, resolve
    from ganzoo.registry.registry import registry
    from ganzoo.util.files import write_text
    from ganzoo.util.optional import needs

    with needs("lab"):
        from ganzoo.training.device import configure_process

        from .. import dirac as games
        from ..drawing import portrait
        from ..motion import followed
        from ..page import page
    configure_process()
    recipes = [
        resolve(gan, parse_assignments(assignments))
        for gan in (registry().gans.values() if every else [registry().gan(str(gan))])
    ]
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


def row(motion: Motion) -> tuple[str, ...]:
    """A line of the table."""
    return (
        ", ".join(motion.gans),
        motion.written,
        "no theory" if motion.error is None else f"{motion.error:.0e}",
        f"{motion.step_limit:.4g}" if motion.step_limit else "none",
        motion.verdict,
    )
