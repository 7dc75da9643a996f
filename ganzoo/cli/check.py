"""``ganzoo check``: does a plugin keep the contract?"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

import click

from ganzoo.cli import options
from ganzoo.util.errors import GanzooError, first_line
from ganzoo.util.optional import needs

if TYPE_CHECKING:
    from ganzoo.registry.registry import Plugin, Registry

IN_A_GAN = ("generator", "discriminator", "trainer")


class Found(NamedTuple):
    """What is to be checked.

    Attributes:
        known: the registry that holds it.
        parts: kind and name of each; ``GAN`` is a kind.
        commands: entry points of commands.
    """

    known: Registry
    parts: list[tuple[str, str]]
    commands: list[EntryPoint]


@click.command()
@click.argument("what", metavar="NAME|MODULE", type=options.Name("gan"))
def check(what: str) -> None:
    """Check that a plugin keeps the contract.

    NAME is that of a GAN, a plugin, a distribution or a command (ganzoo list
    plugins). MODULE is the module of a plugin, installed or not. All that it
    registers is checked. Checking a logger logs a run of four iterations.

    \b
    Examples:
      ganzoo check dcgan
      ganzoo check my_package.my_plugin
    """
    sys.path.insert(0, "")  # so that modules in the current folder are found, as with python -m
    found = find(what)
    left_out = [line for kind, name in found.parts if (line := check_one(found, kind, name))]
    for point in found.commands:
        click.echo(f"command {point.name}:")
        for claim in command_claims(point):
            click.echo(f"  ok  {claim}")
    names = [name for _, name in found.parts] + [point.name for point in found.commands]
    left = f", as far as it is checked ({len(left_out)} not checked)" if left_out else ""
    click.echo(f"{', '.join(dict.fromkeys(names))}: the contract holds{left}")


def find(what: str) -> Found:
    """What a name or a module means.

    Raises:
        GanzooError: nothing, or a module that cannot be loaded.
    """
    from ganzoo.cli.plugin_commands import plugin_commands
    from ganzoo.registry.registry import registry, registry_with

    known = registry()
    points = [point for same in plugin_commands().values() for point in same]
    if what in known.gans:
        return Found(known, [("GAN", what)], [])
    chosen = [plugin for plugin in known.plugins if what in (plugin.name, plugin.distribution)]
    commands = [point for point in points if what in (point.name, point.dist.name if point.dist else "")]
    if not (chosen or commands) and find_spec(what.partition(".")[0]):
        known, plugin = registry_with(what)
        chosen = [plugin]
        commands = [point for point in points if point.module == what]
    if broken := next((plugin for plugin in chosen if plugin.error), None):
        raise GanzooError(f"{broken} cannot be loaded: {broken.error}")
    if not (chosen or commands):
        known.gan(what)
    return Found(known, [each for plugin in chosen for each in parts_of(known, plugin)], commands)


def parts_of(known: Registry, plugin: Plugin) -> list[tuple[str, str]]:
    """What a plugin registers, its GANs first.

    Raises:
        GanzooError: another plugin registers something of the same name.
    """
    parts = known.of(plugin)
    for (kind, name), owners in known.conflicts.items():
        if plugin in owners:
            known.gan(name) if kind == "GAN" else known.part(kind, name)
    return sorted(parts, key=lambda part: part[0] != "GAN")


def check_one(found: Found, kind: str, name: str) -> str:
    """Check a GAN or a part, and print what holds; returns why it is not checked, if so."""
    with needs():
        from ganzoo.testing import ContractError, claims, part_claims

    click.echo(f"{name}:" if kind == "GAN" else f"{kind} {name}:")
    if kind in IN_A_GAN:
        if gans := [gan for each, gan in found.parts if each == "GAN" and uses(found.known, gan, kind, name)]:
            click.echo(f"  ok  with {', '.join(gans)}")
            return ""
        click.echo(f"  --  not checked: no GAN of the plugin has this {kind}")
        return "in no GAN"
    try:
        for claim in claims(name, among=found.known) if kind == "GAN" else part_claims(kind, name, among=found.known):
            click.echo(f"  ok  {claim}")
    except ContractError:
        raise
    except GanzooError as error:  # such as a package or files that are not here
        if kind == "GAN":
            raise
        click.echo(f"  --  not checked: {error}")
        return str(error)
    return ""


def uses(known: Registry, gan: str, kind: str, name: str) -> bool:
    """Whether a GAN has a part, as it is trained by default."""
    from ganzoo.registry.recipe import resolve

    recipe = resolve(known.gan(gan), among=known)
    return name == recipe.names.get(kind) or recipe.functions[kind] is known.parts[kind][name]


def command_claims(point: EntryPoint) -> Iterator[str]:
    """Prove that a command of a plugin can be loaded, and has help.

    Raises:
        GanzooError: the first claim that fails.
    """
    from ganzoo.cli.plugin_commands import distribution, load_command

    what = f"command '{point.name}' of {distribution(point)}"
    ganzoo = click.get_current_context().find_root().command
    if isinstance(ganzoo, click.Group) and point.name in ganzoo.commands:
        raise GanzooError(f"{what} is never used, since ganzoo has a command of that name")
    command = load_command([point])
    yield "is a click command that can be imported"
    try:
        text = command.get_help(click.Context(command, info_name=f"ganzoo {point.name}"))
    except Exception as error:
        raise GanzooError(f"{what} has no help: {first_line(error)}") from error
    if not command.get_short_help_str():
        raise GanzooError(f"{what} has no help: give its function a docstring")
    if without := [option.name for option in command.params if isinstance(option, click.Option) and not option.help]:
        raise GanzooError(f"{what} has no help for the option {without[0]}")
    yield f"has help: {text.splitlines()[0]}"
