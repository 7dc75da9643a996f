"""``ganzoo card``: a model card for trained weights."""

from __future__ import annotations

from pathlib import Path

import click

from ganzoo.cli import options
from ganzoo.cli.options import FilePath
from ganzoo.util.errors import GanzooError


@click.command()
@click.argument("source", metavar="RUN|FILE|NAME", type=options.Name("source"))
@click.option("-o", "--out", type=FilePath(), help="The card; README.md in the folder of the weights by default.")
@click.option("--force", is_flag=True, help="Replace files that ganzoo card did not write.")
def card(source: str, out: str | None, force: bool) -> None:
    """Write a model card for a trained generator.

    The card is Markdown with the metadata that the Hugging Face Hub reads. It says how to sample the generator, how it
    was trained, its scores, limits, licence and paper. The card of a run shows the last picture of the run and the
    scores in evaluation.json. For other files, a picture is written next to the card, samples.png.

    \b
    Examples:
      ganzoo card runs/dcgan-mnist-10k-seed0    README.md in that folder
      ganzoo card weights.safetensors -o cards/README.md
      ganzoo card cgan.onnx
    """
    from ganzoo.generators.hub import is_address
    from ganzoo.generators.locate import find
    from ganzoo.generators.pretrained import FOLDER, downloads
    from ganzoo.pages.card import is_generated, write
    from ganzoo.pages.report import card_of
    from ganzoo.records.run_folder import RunFolder

    path = find(source)
    if out is None and (is_address(source) or path.parent in (FOLDER, downloads())):
        raise GanzooError(f"the weights of {source} are not in a folder of yours; name the card with --out README.md")
    target, run = Path(out) if out else path.with_name("README.md"), RunFolder(path.parent)
    if path == run.weights and run.record_file.is_file():
        text = card_of(run, target.parent)
    else:
        text = card_of_file(path, target, force or is_generated(target))
    write(target, text, force=force)
    click.echo(f"Card: {target}")


def card_of_file(path: Path, target: Path, force: bool) -> str:
    """The card of a file that is not in a run's folder. Its samples are drawn if possible."""
    from ganzoo.cli.sample import open_generator
    from ganzoo.generators.images import write_png
    from ganzoo.generators.metadata import read_metadata
    from ganzoo.generators.onnx_reader import read
    from ganzoo.pages import card as cards
    from ganzoo.pages.preview import preview

    metadata = read(path)[1] if path.suffix == ".onnx" else read_metadata(path)
    picture = target.with_name("samples.png")
    if target.exists() and not force:
        raise GanzooError(f"{target} was not written by ganzoo; replace it with --force, or name another with --out")
    if picture.exists() and not force:
        raise GanzooError(f"{picture} exists; replace it with --force, or name a card in another folder with --out")
    try:
        if metadata.condition:
            raise GanzooError(f"{metadata.gan} needs {'images' if metadata.condition_image else 'regression inputs'}")
        write_png(picture, preview(open_generator(str(path), None, None)[0]))
    except GanzooError as error:
        click.echo(f"The card has no picture: {error}")
        return cards.card(metadata, path.name)
    return cards.card(metadata, path.name, picture=picture.name)
