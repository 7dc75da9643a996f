"""``ganzoo check``: does a GAN keep the contract?"""

from __future__ import annotations

import click


@click.command()
@click.argument("what", metavar="NAME|MODULE")
def check(what: str) -> None:
    """Check that a GAN keeps the contract of a plugin.

    MODULE is a plugin's module, whose GANs are all checked whether it is installed or not.

    \b
    Examples:
      ganzoo check dcgan
      ganzoo check my_package.my_plugin
    """
