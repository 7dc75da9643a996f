"""``ganzoo check``: does a GAN keep the contract?"""

from __future__ import annotations

import sys
from importlib.util import find_spec

import click


@click.command()
@click.argument("what", metavar="NAME|MODULE")
def check(what: str) -> None:
    """Check that a GAN keeps the contract of a plugin.

    MODULE is a plugin's module; all GANs in it are checked, whether it is installed or not.

    \b
    Examples:
      ganzoo check dcgan
      ganzoo check my_package.my_plugin
    """
    from ganzoo.registry.registry import registry, registry_with
    from ganzoo.util.optional import needs

    with needs():
        from ganzoo.testing import claims

    sys.path.insert(0, "")  # a module beside the user, as with python -m
    known, names = registry(), [what]
    if what not in known.gans and find_spec(what.partition(".")[0]):
        known, names = registry_with(what)
    known.gan(names[0])
    for name in names:
        click.echo(f"{name}:")
        for claim in claims(name, among=known):
            click.echo(f"  ok  {claim}")
    click.echo(f"{', '.join(names)}: the contract holds")
