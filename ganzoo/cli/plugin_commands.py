"""Commands that plugins add to ``ganzoo``. Package metadata names them, so ``--help`` lists them without an import."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from importlib.metadata import EntryPoint
from typing import Any, ClassVar

import click

from ganzoo.cli.hints import command_hint
from ganzoo.registry.installed import COMMANDS, chosen_entry_points, owner
from ganzoo.util.errors import GanzooError, first_line, printable


class PluginGroup(click.Group):
    """A click group that also offers the commands of the entry-point group ``ganzoo.commands``.

    An entry point ``name = "module:command"`` adds the click command ``ganzoo name``. The module is imported when the
    command runs. A built-in command takes precedence over a plugin's.

    Attributes:
        sections: names of the built-in commands by the title under which ``--help`` lists them.
    """

    sections: ClassVar[Mapping[str, Sequence[str]]] = {}

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, built in or from a plugin.

        Raises:
            GanzooError: a plugin's command cannot be loaded, or two plugins define it.
        """
        if built_in := super().get_command(ctx, cmd_name):
            return built_in
        points = plugin_commands().get(cmd_name)
        return load_command(points) if points else None

    def all_commands(self) -> dict[str, click.Command]:
        """The built-in commands and those of plugins, by name. Imports the plugins that bring them."""
        return {**{name: load_command(points) for name, points in plugin_commands().items()}, **self.commands}

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the built-in commands by section, then those of plugins with the distribution that brings them."""
        width = formatter.width - 6 - max(map(len, self.commands), default=0)
        for title, names in self.sections.items():
            with formatter.section(title):
                formatter.write_dl([(name, self.commands[name].get_short_help_str(width)) for name in names])
        rows = [
            (printable(name, 100), ", ".join(f"from {distribution(point)}" for point in points) + note)
            for name, points in sorted(plugin_commands().items())
            for note in ["; not used, since ganzoo has a command of that name" if name in self.commands else ""]
        ]
        if rows:
            with formatter.section("Commands of plugins"):
                formatter.write_dl(rows)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[Any, ...]:
        """Find the command. If there is none of that name, suggest the one that is meant or the nearest name."""
        name = args[0]
        known = [*self.commands, *plugin_commands()]
        if name not in known and not name.startswith("-"):
            near = difflib.get_close_matches(name, known, n=1)
            meant = command_hint(name) or (f"ganzoo {near[0]}" if near else None)
            ctx.fail(f"no command '{name}'{f'; did you mean: {meant}' if meant else ''}")
        return super().resolve_command(ctx, args)


def plugin_commands() -> dict[str, list[EntryPoint]]:
    """The entry points of the group ``ganzoo.commands``, by command name; one that appears twice has two.

    Raises:
        GanzooError: ``GANZOO_PLUGINS`` names a plugin that is not installed.
    """
    found: dict[str, list[EntryPoint]] = {}
    for point in chosen_entry_points(COMMANDS):
        same = found.setdefault(point.name, [])
        if point not in same:
            same.append(point)
    return found


def distribution(point: EntryPoint) -> str:
    """Name and version of the distribution that declares an entry point."""
    return " ".join(owner(point)).rstrip()


def load_command(points: list[EntryPoint]) -> click.Command:
    """Import the command of an entry point.

    Raises:
        GanzooError: it has several owners, its module cannot be imported, or the object is not a click command.
    """
    point, *others = points
    if others:
        owners = " and ".join(map(distribution, points))
        raise GanzooError(f"two commands named '{point.name}', from {owners}; uninstall one of them")
    try:
        command = point.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # third-party code may fail in any way, and end the process
        raise GanzooError(
            f"command '{point.name}' of {distribution(point)} cannot be loaded: {first_line(error)}"
        ) from error
    if not isinstance(command, click.Command):
        raise GanzooError(
            f"command '{point.name}' of {distribution(point)} is a {type(command).__name__}, not a click command"
        )
    return command
