"""``ganzoo report``: a run's page, made anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ganzoo.util.errors import GanzooError

if TYPE_CHECKING:
    from ganzoo.pages.report.folder import Account


@click.command()
@click.argument("run", metavar="RUN", type=click.Path())
def report(run: str) -> None:
    """Write a run's report.html, progress.webp and README.md anew, from what lies in its folder.

    Each training does so at its end, or when it is stopped. This needs no torch, unless neighbours.png is missing: then
    the generator is sampled and its training data are read.

    \b
    Examples:
      ganzoo report runs/dcgan-mnist-10k-seed0
      ganzoo report ../elsewhere/runs/mine
    """
    from ganzoo.pages.report import NEIGHBOURS, account, write

    told = account(run)
    if len(told.header.get("shape", ())) == 3 and not (told.folder / NEIGHBOURS).exists():
        try:
            compare(told)
        except GanzooError as error:
            click.echo(f"{NEIGHBOURS} is left out: {error}")
    click.echo(f"Report: {write(run)} (open it in a browser)")


def compare(run: Account) -> None:
    """Draw generated images beside the training images nearest to them."""
    from ganzoo.pages.report import look
    from ganzoo.util.optional import needs

    with needs():
        from ganzoo.generators.weights import load
        from ganzoo.runs.folders import read_record
        from ganzoo.runs.options import Options
    record = read_record(run.folder)
    data = Options(**{name: record[name] for name in Options.__dataclass_fields__}).load_data()
    if data.sha256 != record["data_sha256"]:
        raise GanzooError(f"data set {record['data']} has changed since the run")
    look(run.folder, load(run.folder / "weights.safetensors"), data)
