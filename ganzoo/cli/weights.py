"""``ganzoo weights``: the trained generators of this version of ganzoo."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ganzoo.util.errors import GanzooError

if TYPE_CHECKING:
    from ganzoo.generators.pretrained import Entry

MORE_SCORES = ("coverage", "recall", "label_accuracy", "right_colours", "mse")
ALL = "all"


@click.command()
@click.option("--get", "names", multiple=True, metavar="NAME", help="Get one that is not here; or all. Repeatable.")
@click.option("--from", "source", metavar="SOURCE", help="Of --get: FOLDER, URL or hf:user/name.")
@click.option("--verify", is_flag=True, help="Compare every file with its recorded SHA-256.")
def weights(names: tuple[str, ...], source: str | None, verify: bool) -> None:
    """List the trained generators, and get further ones.

    Each comes as safetensors and as ONNX. Its name stands for the file wherever a command takes RUN|FILE|NAME. A
    checkout of the repository has all of them in its folder weights; an installed package has some. Whatever SOURCE
    has must be the files of this version, by their SHA-256.

    \b
    Examples:
      ganzoo weights               with their scores
      ganzoo weights --get wgan --get simple --from ~/ganzoo/weights
      ganzoo weights --get all --from https://example.org/ganzoo/weights
      ganzoo weights --verify      check that no file was changed
      ganzoo sample cgan --label 7
    """
    from ganzoo.cli.list import table
    from ganzoo.generators.pretrained import index

    if names or source:
        get(names, source)
        return
    entries = index().values()
    if verify:
        kinds = [(entry, kind) for entry in entries for kind in entry.files]
        here = [entry.path(kind) for entry, kind in kinds if entry.found(kind)]
        rest = f"; {len(kinds) - len(here)} are not here" if len(here) < len(kinds) else ""
        click.echo(f"{len(here)} files have the recorded SHA-256{rest}")
        return
    heads = ("name", "here", "data", "iterations", "CPU s", "MB", "scores")
    rows = [
        (
            ", ".join((entry.name, *entry.also)),
            "yes" if all(map(entry.found, entry.files)) else "no",
            entry.data,
            f"{entry.iterations:,}",
            f"{entry.cpu_seconds:,.0f}",
            " + ".join(f"{file['bytes'] / 1e6:.1f}" for file in entry.files.values()),
            "  ".join(f"{name} {entry.scores[name]:.3g}" for name in shown(entry)),
        )
        for entry in entries
    ]
    table([heads, *rows])
    if missing := sum(row[1] == "no" for row in rows):
        click.echo(f"{missing} of {len(rows)} are not here: ganzoo weights --get NAME --from FOLDER|URL|hf:user/name")


def get(names: tuple[str, ...], source: str | None) -> None:
    """Copy the files of the entries that are named, and say what was copied."""
    from ganzoo.generators import download
    from ganzoo.generators.pretrained import index
    from ganzoo.registry.registry import find

    if not names:
        raise GanzooError("--from says where weights come from; name them too: ganzoo weights --get NAME")
    if source is None:
        raise GanzooError(
            "say where the weights come from: --from FOLDER, such as the folder weights of a checkout, or a URL or "
            "hf:user/name"
        )
    known = {name: entry for entry in index().values() for name in (entry.name, *entry.also)}
    chosen = (
        index() if ALL in names else [find("trained generator", name, known, "ganzoo weights").name for name in names]
    )
    entries = [known[name] for name in dict.fromkeys(chosen)]
    for number, entry in enumerate(entries, 1):
        paths = download.get(entry, source)
        size = sum(path.stat().st_size for path in paths) / 1e6
        what = f"{size:.1f} MB in {paths[0].parent}" if paths else "already here"
        click.echo(f"{number}/{len(entries)} {entry.name}: {what}")


def shown(entry: Entry) -> list[str]:
    """The scores that are listed."""
    return [name for name in (entry.measured.get("score", ""), *MORE_SCORES) if name in entry.scores]
