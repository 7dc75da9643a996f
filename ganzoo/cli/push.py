"""``ganzoo push``: a run on the Hugging Face Hub."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import click

from ganzoo.cli.options import FilePath
from ganzoo.util.errors import GanzooError, printable


@click.command()
@click.argument("run", metavar="RUN", type=FilePath())
@click.argument("repository", metavar="USER/NAME")
@click.option("--private", is_flag=True, help="Of repositories that are made now: only you see them.")
@click.option("--no-space", is_flag=True, help="Leave out the page that runs the generator.")
@click.option(
    "--runtime",
    metavar="FOLDER|cdn",
    help="Of the page, as in ganzoo demo; cdn by default, so that the page is small.",
)
@click.option("--dry-run", is_flag=True, help="Make the files, list them, and upload nothing.")
def push(run: str, repository: str, private: bool, no_space: bool, runtime: str | None, dry_run: bool) -> None:
    """Upload a run to the Hugging Face Hub.

    The repository USER/NAME gets the weights, an ONNX file, a card and pictures;
    a static Space of the same name gets the demo page. A card that you edited
    stays. Log in first: hf auth login

    \b
    Examples:
      ganzoo push runs/cats somebody/cats
      ganzoo push runs/cats somebody/cats --private --no-space
      ganzoo push runs/cats somebody/cats --dry-run
      ganzoo sample hf:somebody/cats               afterwards, anywhere
    """
    from ganzoo.records.run_folder import RunFolder
    from ganzoo.util.optional import needs

    if not re.fullmatch(r"[\w.-]{1,96}/[\w.-]{1,96}", repository, re.ASCII):
        raise GanzooError(f"'{printable(repository, 80)}' is no repository; write USER/NAME, such as somebody/cats")
    if no_space and runtime:
        raise GanzooError("--runtime is of the page, which --no-space leaves out; leave out one of them")
    with needs():
        from ganzoo.generators.hub import FILES
        from ganzoo.runs.publish import publish, stage, stage_page
    with needs("hub"):
        import huggingface_hub  # noqa: F401

    with tempfile.TemporaryDirectory() as root:
        generator, space = Path(root) / "generator", None
        generator.mkdir()
        stage(RunFolder(run), repository, generator)
        if not no_space:
            space = Path(root) / "space"
            space.mkdir()
            stage_page(generator / FILES["onnx"], repository, space, runtime or "cdn")
        for title, folder in (("generator", generator), ("space", space)):
            for path in sorted(folder.iterdir()) if folder else ():
                click.echo(f"{title}: {path.name}, {path.stat().st_size:,} bytes")
        if dry_run:
            click.echo("Nothing was uploaded (--dry-run).")
            return
        done = publish(repository, generator, space, private=private)
    if done.kept_card:
        click.echo("The card of the repository is not ganzoo's, and stays as it is.")
    for page in done.pages:
        click.echo(f"Uploaded: {page}")
    click.echo(f"Sample it anywhere: ganzoo sample {done.address}")
