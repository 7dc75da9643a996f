"""``ganzoo report``: the page of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ganzoo.cli import options
from ganzoo.cli.options import FilePath
from ganzoo.util.errors import GanzooError

if TYPE_CHECKING:
    from ganzoo.records.run_folder import RunFolder


@click.command()
@click.argument("run", metavar="RUN", type=FilePath(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=FilePath(path_type=Path),
    help="Write only the page, to this file; report.html by default.",
)
@options.force
def report(run: Path, out: Path | None, force: bool) -> None:
    """Write the report of a run.

    The report is report.html, progress.webp and README.md. Each training writes it when it ends or is stopped. This
    needs no torch, unless real.png or neighbours.png is missing: then the generator is sampled and its training data
    are read.

    \b
    Examples:
      ganzoo report runs/dcgan-mnist-10k-seed0
      ganzoo report runs/dcgan-mnist-10k-seed0 -o page.html  one file to share
    """
    from ganzoo.pages.report import write
    from ganzoo.pages.report.document import document
    from ganzoo.records.run_folder import RunFolder
    from ganzoo.util.files import write_text

    folder = RunFolder(run)
    _ = folder.record  # raises for a folder without a run
    if out:
        options.require_new(out, force=force)
    missing = [path for path in (folder.real, folder.neighbours) if not path.exists()]
    if folder.metadata and folder.metadata.is_image and not folder.metadata.condition and missing:
        try:
            draw_pictures(folder)
        except GanzooError as error:
            click.echo(f"{' and '.join(path.name for path in missing)} left out: {error}")
    if out:
        write_text(out, document(folder))
    click.echo(f"Report: {out or write(run)} (open it in a browser)")


def draw_pictures(folder: RunFolder) -> None:
    """Draw real images, and generated ones above the training images nearest to them."""
    from ganzoo.pages.report import write_pictures
    from ganzoo.util.optional import needs

    with needs():
        from ganzoo.generators.weights import load
    _, data = folder.load_data()
    write_pictures(folder, load(folder.weights), data)
