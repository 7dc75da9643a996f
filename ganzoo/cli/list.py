"""``ganzoo list`` and ``ganzoo show``: what is registered. Only ``ganzoo show`` of a weights file imports torch."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

import click

from ganzoo.cli import options
from ganzoo.cli.settings_help import help_text, summary
from ganzoo.util.errors import printable

PART_KINDS = ("generators", "discriminators", "trainers", "optimizers", "augmentations", "schedules")
KINDS = ("gans", *PART_KINDS, "datasets", "loggers", "metrics", "plugins")
NARROWEST = 20  # characters to which a column of a table is wrapped


@click.command("list")
@click.argument("kind", type=click.Choice(KINDS), default="gans", metavar="[KIND]")
def list_(kind: str) -> None:
    """List GANs, parts, data sets or plugins.

    KIND is gans (the default), generators, discriminators, trainers, optimizers,
    augmentations, schedules, datasets, loggers, metrics or plugins.

    \b
    Examples:
      ganzoo list                which GANs there are
      ganzoo list trainers       what --trainer takes
      ganzoo list datasets       what --data takes
      ganzoo list loggers        what --log-to takes
      ganzoo list metrics        what --metric takes
      ganzoo list plugins        with package, version and load errors
    """
    from ganzoo.registry.registry import registry

    known = registry()
    if kind == "gans":
        table((gan.name, gan.summary, gan.paper) for gan in known.gans.values())
    elif kind == "plugins":
        table(plugin_rows())
    elif parts := known.parts[kind.removesuffix("s")]:
        table((name, summary(make)) for name, make in parts.items())
    else:
        click.echo(f"No plugin registers {kind}.")


def plugin_rows() -> Iterator[tuple[str, str, str, str]]:
    """The plugins and the commands that plugins add, each with its distribution, module and state."""
    from ganzoo.cli.plugin_commands import distribution, plugin_commands
    from ganzoo.registry.installed import COMMANDS, PLUGINS, chosen_names, entry_points
    from ganzoo.registry.registry import registry

    known, commands = registry(), [point for points in plugin_commands().values() for point in points]
    for plugin in known.plugins:
        yield plugin.name, f"{plugin.distribution} {plugin.version}", plugin.module, known.status(plugin)
    for point in commands:
        yield printable(point.name, 100), distribution(point), printable(point.value, 200), "command"
    if chosen := chosen_names():
        count = sum(len(entry_points(group)) for group in (PLUGINS, COMMANDS)) - len(known.plugins) - len(commands)
        click.echo(f"GANZOO_PLUGINS={','.join(chosen)} leaves out {count} more.", err=True)


@click.command()
@click.argument("what", metavar="NAME|RUN|FILE", type=options.Name("source"))
def show(what: str) -> None:
    """Show a GAN and its settings, or what is in a file.

    \b
    Examples:
      ganzoo show wgan-gp                     its parts, settings and presets
      ganzoo show runs/dcgan-mnist-10k-seed0  how a run was trained
      ganzoo show weights.safetensors         what a weights file holds
      ganzoo show dcgan.onnx                  its inputs and output
      ganzoo show hf:user/name                a generator on the Hub
    """
    from ganzoo.generators.hub import is_address
    from ganzoo.generators.pretrained import find
    from ganzoo.registry.registry import registry

    if is_address(what):
        show_weights(what)
    elif Path(what).suffix == ".onnx":
        show_onnx(what)
    elif what in registry().gans or not (Path(what).exists() or find(what)):
        show_gan(what)
    else:
        show_weights(what)


def show_gan(name: str) -> None:
    from ganzoo.registry.gan import PARTS
    from ganzoo.registry.recipe import LoopSettings, resolve, settings
    from ganzoo.registry.registry import registry
    from ganzoo.registry.values import format_value

    gan = registry().gan(name)
    recipe = resolve(gan)
    click.echo(f"{gan.name}: {printable(gan.summary)}\n")
    table([("paper", gan.paper), ("data", gan.data), *([("parent", gan.parent)] if gan.parent else [])])
    click.echo("\nParts (--generator, --discriminator, --trainer, --augment; --set optimizer=NAME):")
    table((part, recipe.names.get(part, "its own"), summary(recipe.functions[part])) for part in PARTS)
    click.echo("\nSettings and their defaults (--set KEY=VALUE; the part may be left out where it is clear):")
    functions = dict(recipe.functions) | {"loop": LoopSettings}
    table(
        (setting.key, format_value(recipe.values[part][key]), help_text(functions[part], setting))
        for part, arguments in settings(dict(recipe.functions)).items()
        for key, setting in arguments.items()
    )
    if gan.parent:
        click.echo(f"\nSettings of the parent: --set parent.KEY=VALUE (ganzoo show {gan.parent})")
    for preset, overrides in gan.presets.items():
        click.echo(f"\nPreset (--preset {preset}):")
        table((key, format_value(value)) for key, value in overrides.items())


def show_onnx(path: str) -> None:
    from ganzoo.generators.onnx_reader import read

    content, metadata = read(path)
    inputs = {f"input {one.name}": signature(one.dtype, one.shape) for one in metadata.inputs}
    output = f"{signature(metadata.output.dtype, metadata.output.shape)} {metadata.layout}"
    show_metadata(f"{path} ({len(content):,} bytes)", metadata.to_json() | {"inputs": None, **inputs, "output": output})


def signature(dtype: str, shape: Iterable[int | str]) -> str:
    """An input or output of a graph: ``float32 (N, 64)``."""
    sides = list(map(str, shape))
    return f"{dtype} ({', '.join(sides)}{',' * (len(sides) == 1)})"


def show_weights(source: str) -> None:
    from ganzoo.util.optional import needs

    with needs():
        from ganzoo.generators.weights import find, load
    from ganzoo.generators.hub import described
    from ganzoo.registry.values import describe_type, format_value

    path = find(source)
    model = load(path)
    count = sum(weight.numel() for weight in model.networks.generator.parameters())
    parent = "inside (--stage parent)" if model.has_parent else "none"
    show_metadata(described(path), model.metadata.to_json() | {"generator": f"{count:,} parameters", "parent": parent})
    if settings := model.sampling_settings:
        click.echo("\nSettings of sampling and their defaults (ganzoo sample --set KEY=VALUE):")
        table((name, format_value(one.default), describe_type(one.kind)) for name, one in settings.items())


def show_metadata(file: str, entries: Mapping[str, Any]) -> None:
    """What a file says about its generator, and the settings of its training."""
    from ganzoo.registry.values import format_value

    data = {"data": entries["data"]["name"], "classes": entries["data"]["classes"]}
    hidden = ("format", "inputs", "settings", "sampling_inputs")
    shown = {key: value for key, value in {**entries, **data}.items() if key not in hidden}
    table([("file", file), *((key, format_value(value)) for key, value in shown.items())])
    click.echo("\nSettings:")
    table((key, format_value(value)) for key, value in entries["settings"].items())


def table(rows: Iterable[tuple[str, ...]]) -> None:
    """Rows in columns. A terminal wraps the widest columns to its width; elsewhere a row is one line."""
    rows = [tuple(map(printable, row)) for row in rows]
    columns = list(zip_longest(*rows, fillvalue=""))
    widths = [max(map(len, column)) for column in columns]
    if is_terminal := sys.stdout.isatty():
        least = [max([NARROWEST, *(len(word) for cell in column for word in cell.split())]) for column in columns]
        excess = sum(widths) + 2 * len(widths) - shutil.get_terminal_size().columns
        for _ in range(excess):
            wide = [column for column in range(len(widths)) if widths[column] > least[column]]
            if wide:
                widths[max(wide, key=widths.__getitem__)] -= 1
    for row in rows:
        cells = [wrap(cell, width) if is_terminal else [cell] for cell, width in zip(row, widths, strict=False)]
        for line in zip_longest(*cells, fillvalue=""):
            padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=False))
            click.echo(f"  {'  '.join(padded)}".rstrip())


def wrap(text: str, width: int) -> list[str]:
    """Text in lines of at most that width, with longer words, such as paths, left whole."""
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]
