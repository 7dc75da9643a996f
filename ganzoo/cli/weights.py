"""``ganzoo weights``: the trained generators that come with ganzoo."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ganzoo.generators.pretrained import Entry

MORE_SCORES = ("coverage", "recall", "label_accuracy", "right_colours", "mse")


@click.command()
@click.option("--verify", is_flag=True, help="Compare every file with its recorded SHA-256.")
def weights(verify: bool) -> None:
    """List the trained generators that come with ganzoo.

    Each comes as safetensors and as ONNX. Its name stands for the file wherever a command takes RUN|FILE|NAME.

    \b
    Examples:
      ganzoo weights               with their scores
      ganzoo weights --verify      check that no file was changed
      ganzoo sample cgan --label 7
    """
    from ganzoo.cli.list import table
    from ganzoo.generators.pretrained import index

    entries = index().values()
    if verify:
        checked = [entry.path(kind) for entry in entries for kind in entry.files]
        click.echo(f"{len(checked)} files have the recorded SHA-256")
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
    """The scores that are listed."""
    return [name for name in (entry.measured.get("score", ""), *MORE_SCORES) if name in entry.scores]
