"""``ganzoo weights``: the trained weights that come with ganzoo."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ganzoo.generators.pretrained import Entry


FURTHER = ("coverage", "recall", "label_accuracy", "mse")


@click.command()
@click.option("--verify", is_flag=True, help="Read every file, and compare it with the index.")
def weights(verify: bool) -> None:
    """List the trained weights that come with ganzoo.

    Each is a generator as safetensors and as ONNX; its name goes wherever a run or a file does.

    \b
    Examples:
      ganzoo weights
      ganzoo weights --verify
      ganzoo sample cgan --label 7
      ganzoo show cgan-fashion-mnist
    """
    from ganzoo.cli.list import table
    from ganzoo.generators.pretrained import index

    entries = index().values()
    if verify:
        checked = [entry.path(kind) for entry in entries for kind in entry.files]
        click.echo(f"{len(checked)} files are what the index says")
        return
    heads = ("name", "data", "iterations", "CPU s", "MB", "scores")
    rows = [
        (
            ", ".join((entry.name, *entry.also)),
            entry.data,
            f"{entry.iterations:,}",
            f"{entry.cpu_seconds:,.0f}",
            " + ".join(f"{file['bytes'] / 1e6:.1f}" for file in entry.files.values()),
            "  ".join(f"{name} {entry.scores[name]:.3g}" for name in shown(entry)),
        )
        for entry in entries
    ]
    table([heads, *rows])


def shown(entry: Entry) -> list[str]:
    """The scores to go by."""
    return [name for name in (entry.measured["score"], *FURTHER) if name in entry.scores]
