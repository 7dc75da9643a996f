"""``ganzoo card``: a model card for trained weights."""

from __future__ import annotations

from pathlib import Path

import click

from ganzoo.util.errors import GanzooError


@click.command()
@click.argument("source", metavar="RUN|FILE|NAME")
@click.option("-o", "--out", type=click.Path(), help="The card; README.md beside the weights by default.")
@click.option("--force", is_flag=True, help="Replace files that are not from ganzoo card.")
def card(source: str, out: str | None, force: bool) -> None:
    """Write a model card: what a generator is, how to sample it, its training, scores, limits, licence and paper.

    The card is Markdown, headed by the metadata that the Hugging Face Hub reads. Of a run it shows the last picture,
    and the scores in evaluation.json. For other files a picture is drawn beside the card, samples.png.

    \b
    Examples:
      ganzoo card runs/dcgan-mnist-10k-seed0
      ganzoo card weights.safetensors -o cards/README.md
      ganzoo card cgan.onnx
    """
    from importlib.resources import files

    from ganzoo.generators.locate import find
    from ganzoo.pages.card import ours, write
    from ganzoo.pages.report import account, card_of

    path = find(source)
    if out is None and path.parent == Path(str(files("ganzoo_weights"))):
        raise GanzooError(f"the weights of {source} lie inside the package; say where their card goes: -o README.md")
    target = Path(out) if out else path.with_name("README.md")
    run = path.name == "weights.safetensors" and (path.parent / "run.json").is_file()
    text = card_of(account(path.parent), target.parent) if run else card_of_file(path, target, force or ours(target))
    write(target, text, force=force)
    click.echo(f"Card: {target}")


def card_of_file(path: Path, target: Path, force: bool) -> str:
    """The card of a file that lies in no run's folder, after drawing its samples where that can be done."""
    from ganzoo.cli.sample import opened
    from ganzoo.generators import header as headers
    from ganzoo.generators.images import write_png
    from ganzoo.generators.onnx_reader import read
    from ganzoo.pages import card as cards
    from ganzoo.pages.preview import preview

    header = read(path)[1] if path.suffix == ".onnx" else headers.of_file(path)
    headers.check(header, path)
    picture = target.with_name("samples.png")
    if target.exists() and not force:
        raise GanzooError(f"{target} exists and is no card of ganzoo; replace it with --force, or name another with -o")
    if picture.exists() and not force:
        raise GanzooError(f"{picture} exists; replace it with --force, or name a card in another folder with -o")
    try:
        if header["condition_dim"]:
            raise GanzooError(f"{header['gan']} is told regression inputs")
        write_png(picture, preview(opened(str(path), None, None)[0]))
    except GanzooError as error:
        click.echo(f"The card has no picture: {error}")
        return cards.card(header, path.name)
    return cards.card(header, path.name, picture=picture.name)
