"""``ganzoo stability dirac``: a trainer with networks of one parameter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ganzoo.cli import options
from ganzoo.cli.options import FilePath, FiniteFloat, IntRange
from ganzoo.util.errors import GanzooError

from .output import check_output

if TYPE_CHECKING:
    from ganzoo.registry.recipe import Recipe

    from ..simulation import Simulation

SCHEMES = ("simultaneous", "alternating", "extragradient", "rk4")
TOLERANCE = 1e-6


@click.command()
@click.option("--gan", type=options.Name("gan"), metavar="NAME", help="The GAN whose trainer and settings are used.")
@click.option("--all", "every", is_flag=True, help="All registered GANs.")
@click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Change a setting (ganzoo show NAME).")
@click.option(
    "--scheme",
    type=click.Choice(SCHEMES),
    default="alternating",
    show_default=True,
    help="Step scheme; rk4 is closest to continuous time.",
)
@click.option("--steps", type=IntRange(40, 100_000), default=1000, show_default=True, help="Steps to simulate.")
@click.option("--lr", type=FiniteFloat(0, min_open=True), default=0.1, show_default=True, help="Step size.")
@click.option(
    "--discriminator-steps",
    type=IntRange(1, 1000),
    default=1,
    show_default=True,
    help="Steps of a discriminator for one of its generator, with alternating steps.",
)
@click.option("-o", "--out", metavar="FILE", type=FilePath(), help="x.png or x.svg: phase portrait. x.html: animation.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def dirac(
    gan: str | None,
    every: bool,
    assignments: tuple[str, ...],
    scheme: str,
    steps: int,
    lr: float,
    discriminator_steps: int,
    out: str | None,
    as_json: bool,
) -> None:
    """Simulate the Dirac-GAN of a trainer (Mescheder et al., 2018).

    The data are the single value 0, the generator's output is theta, and the discriminator is D(x) = psi x. The table
    shows the eigenvalues at the equilibrium, how far their sums and products are off theory, the step size below which
    simultaneous steps converge, and what a trajectory does. The exit code is 1 if they are off by more than 1e-6.

    \b
    Examples:
      ganzoo stability dirac --all
      ganzoo stability dirac --gan simple --set penalty=0.3 --scheme rk4
      ganzoo stability dirac --gan wgan --set clip=1 -o clip.png
      ganzoo stability dirac --gan wgan-gp --set penalty=0.5 --steps 400 -o cycle.html
    """
    if every == bool(gan):
        raise GanzooError("name one GAN with --gan NAME, or choose --all (ganzoo list)")
    if every and out:
        raise GanzooError("--out shows one GAN; name it with --gan")
    check_output(out, ".png", ".svg", ".html")
    from ganzoo.cli.list import table
    from ganzoo.registry.recipe import parse_assignments, resolve
    from ganzoo.registry.registry import registry
    from ganzoo.util.files import write_text
    from ganzoo.util.optional import needs

    with needs("lab"):
        from ganzoo.training.device import configure_process

        from .. import dirac as games
        from ..drawing import draw_portrait
        from ..page import page
        from ..simulation import simulate
    configure_process(1)  # a few weights: a second thread would only wait
    gans = registry().gans.values() if every else [registry().gan(str(gan))]
    alike: dict[str, list[Recipe]] = {}
    for recipe in (resolve(one, parse_assignments(assignments)) for one in gans):
        alike.setdefault(games.identity(recipe), []).append(recipe)
    simulations = []
    for group in alike.values():
        names = tuple(recipe.gan.name for recipe in group)
        try:
            game = games.dirac(group[0])
        except GanzooError as error:
            if not every:
                raise
            click.echo(f"left out: {error}", err=True)
            continue
        simulations.append(simulate(names, game, scheme, steps=steps, lr=lr, discriminator_steps=discriminator_steps))
    if out and out.endswith(".html"):
        write_text(out, page(simulations[0]))
    elif out:
        draw_portrait(simulations[0], Path(out))
    if as_json:
        click.echo(json.dumps([simulation.record() for simulation in simulations], indent=2))
    else:
        head = ("GANs", "eigenvalues", "off theory", "step limit", f"{scheme}, lr {lr:g}, {steps} steps")
        table([head, *(row(simulation) for simulation in simulations)])
        if out:
            click.echo(f"Written: {out}")
    wrong = [one.gans[0] for one in simulations if one.error is not None and one.error > TOLERANCE]
    if wrong:
        click.echo(f"Eigenvalues differ from theory: {', '.join(wrong)}", err=True)
        raise SystemExit(1)


def row(simulation: Simulation) -> tuple[str, ...]:
    """A row of the table."""
    return (
        ", ".join(simulation.gans),
        simulation.formatted_eigenvalues,
        "no theory" if simulation.error is None else f"{simulation.error:.0e}",
        f"{simulation.step_limit:.4g}" if simulation.step_limit else "none",
        simulation.verdict,
    )
