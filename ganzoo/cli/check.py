"""``ganzoo check``: does a plugin keep the contract?"""

from __future__ import annotations

import sys
from importlib.util import find_spec

import click

from ganzoo.cli import options


@click.command()
@click.argument("what", metavar="NAME|MODULE", type=options.Name("gan"))
def check(what: str) -> None:
    """Check that a GAN keeps the contract of a plugin.

    MODULE is the module of a plugin, installed or not. All GANs in it are checked.

    \b
    Examples:
      ganzoo check dcgan
      ganzoo check my_package.my_plugin
    """
    from ganzoo.registry.registry import registry, registry_with
    from ganzoo.util.optional import needs

    with needs():
        from ganzoo.testing import claims

    sys.path.insert(0, "")  # so that modules in the current folder are found, as with python -m
    known, names = registry(), [what]
    if what not in known.gans and find_spec(what.partition(".")[0]):
        known, names = registry_with(what)
    known.gan(names[0])
    for name in names:
        click.echo(f"{name}:")
        for claim in claims(name, among=known):
            click.echo(f"  ok  {claim}")
    click.echo(f"{', '.join(names)}: the contract holds")
