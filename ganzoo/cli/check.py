"""``ganzoo check``: does a GAN keep the contract?"""

from __future__ import annotations

import sys

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
    from ganzoo.lazy import needs
    from ganzoo.zoo import with_module, zoo

    with needs():
        from ganzoo.testing import claims

    if "." in what:
        sys.path.insert(0, "")  # a module beside the user, as with python -m
        known, names = with_module(what)
    else:
        known = zoo()
        names = [known.gan(what).name]
    for name in names:
        click.echo(f"{name}:")
        for claim in claims(name, among=known):
            click.echo(f"  ok  {claim}")
    click.echo(f"{', '.join(names)}: the contract holds")
