"""``ganzoo list`` and ``ganzoo show``: what there is. Neither imports torch, but for showing trained weights."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from pathlib import Path

import click

KINDS = ("gans", "generators", "discriminators", "trainers", "optimizers", "datasets", "plugins")


@click.command("list")
@click.argument("kind", type=click.Choice(KINDS), default="gans", metavar="[KIND]")
def list_(kind: str) -> None:
    """List what is registered.

    KIND is one of gans (the default), generators, discriminators, trainers, optimizers, datasets, plugins.

    \b
    Examples:
      ganzoo list
      ganzoo list trainers
      ganzoo list plugins        with distribution, version and load errors
    """
    from ganzoo.registry.registry import registry

    known = registry()
    if kind == "gans":
        table((gan.name, gan.summary, gan.paper) for gan in known.gans.values())
    elif kind == "plugins":
        table((p.name, f"{p.distribution} {p.version}", p.module, p.error or "loaded") for p in known.plugins)
    else:
        table((name, summary(make)) for name, make in known.parts[kind.removesuffix("s")].items())


@click.command()
@click.argument("what", metavar="NAME|RUN|FILE")
def show(what: str) -> None:
    """Show a GAN with every number that --set takes, or what a run or weights file is.

    \b
    Examples:
      ganzoo show wgan-gp
      ganzoo show runs/dcgan-mnist-10k-seed0
      ganzoo show weights.safetensors
      ganzoo show dcgan.onnx
    """
    from ganzoo.generators.pretrained import find
    from ganzoo.registry.registry import registry

    if Path(what).suffix == ".onnx":
        show_onnx(what)
    elif what in registry().gans or not (Path(what).exists() or find(what)):
        show_gan(what)
    else:
        show_weights(what)


def show_gan(name: str) -> None:
    from ganzoo.registry.gan import PARTS
    from ganzoo.registry.recipe import LoopSettings, describe_type, format_value, resolve, settings
    from ganzoo.registry.registry import registry

    gan = registry().gan(name)
    recipe = resolve(gan)
    click.echo(f"{gan.name}: {gan.summary}\n")
    parts = [(part, recipe.names.get(part, "its own"), summary(recipe.functions[part])) for part in PARTS]
    table([("paper", gan.paper), ("data", gan.data), *([("parent", gan.parent)] if gan.parent else [])])
    click.echo("\nParts (--generator, --discriminator, --trainer; --set optimizer=...):")
    table(parts)
    click.echo("\nSettings (--set KEY=VALUE, or --set PART.KEY=VALUE where two parts share a key):")
    meanings = attributes(LoopSettings)
    for part, arguments in settings(dict(recipe.functions)).items():
        values = recipe.values[part]
        told = meanings if part == "loop" else {}
        table(
            (setting.key, format_value(values[key]), told.get(key) or describe_type(setting.kind))
            for key, setting in arguments.items()
        )
    if gan.parent:
        click.echo(f"\nSettings of the parent: --set parent.KEY=VALUE (ganzoo show {gan.parent})")
    for preset, overrides in gan.presets.items():
        click.echo(f"\nPreset (--preset {preset}):")
        table((key, format_value(value)) for key, value in overrides.items())


def show_onnx(path: str) -> None:
    from ganzoo.generators.onnx_reader import read
    from ganzoo.registry.recipe import format_value

    content, header = read(path)
    settings, output = header.pop("settings"), header["output"]
    header |= {"data": header["data"]["name"], "classes": header["data"]["classes"]}
    header |= {"output": f"{output['dtype']} {output.get('layout', '')}".rstrip()}
    shown = [(key, format_value(value)) for key, value in header.items() if key not in ("format", "inputs")]
    table([("file", f"{path} ({len(content):,} bytes)"), *shown])
    click.echo("\nSettings:")
    table((key, format_value(value)) for key, value in settings.items())


def show_weights(source: str) -> None:
    from ganzoo.generators.weights import find, load
    from ganzoo.registry.recipe import format_value

    path = find(source)
    model = load(path)
    header = dict(model.header)
    settings = header.pop("settings")
    header |= {"data": header["data"]["name"], "classes": header["data"]["classes"]}
    count = sum(weight.numel() for weight in model.networks.generator.parameters())
    table([("file", str(path)), *((key, format_value(value)) for key, value in header.items() if key != "format")])
    table(
        [("generator", f"{count:,} parameters"), ("parent", "inside (--stage parent)" if model.has_parent else "none")]
    )
    click.echo("\nSettings:")
    table((key, format_value(value)) for key, value in settings.items())


def summary(function: object) -> str:
    """The first line of a docstring."""
    return (inspect.getdoc(function) or "").partition("\n")[0].replace("``", "")


def attributes(record: type) -> dict[str, str]:
    """What a docstring says of each attribute."""
    _, _, listed = (inspect.getdoc(record) or "").partition("Attributes:\n")
    entries = re.split(r"(?m)^ {4}(?=\w)", listed)[1:]
    return {name: " ".join(text.split()) for name, _, text in (entry.partition(":") for entry in entries)}


def table(rows: Iterable[tuple[str, ...]]) -> None:
    """Rows in columns; the last column may be of any length."""
    rows = [tuple(row) for row in rows]
    if not rows:
        return
    widths = [max(len(row[column]) for row in rows if len(row) > column) for column in range(max(map(len, rows)))]
    for row in rows:
        click.echo(("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False))).rstrip())
