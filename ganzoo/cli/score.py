"""``ganzoo score``: how unusual images are."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ganzoo.cli import options
from ganzoo.cli.options import FilePath
from ganzoo.util.errors import GanzooError
from ganzoo.util.optional import needs

if TYPE_CHECKING:
    from ganzoo.evaluation.anomaly import Images, Labels, Scores
    from ganzoo.evaluation.sources import GeneratorSource

MOST_SHOWN = 20


@click.command()
@click.argument("source", metavar="RUN|FILE|NAME", type=options.Name("source"))
@click.argument("images", metavar="[IMAGES] [UNUSUAL]", nargs=-1)
@click.option(
    "--labels",
    type=FilePath(path_type=Path),
    metavar="FILE",
    help="CSV file with the columns file and label, 0 or 1.",
)
@options.data_dir
@click.option(
    "-o", "--out", type=FilePath(path_type=Path), metavar="FILE", help="Write all scores to this CSV file too."
)
@options.force
def score(
    source: str, images: tuple[str, ...], labels: Path | None, data_dir: str | None, out: Path | None, force: bool
) -> None:
    """Score how unusual images are, with a GAN for anomaly detection.

    IMAGES is a folder, an image or a data set, by default the test split of the training data. The most
    unusual ones are shown. Where it is known which are unusual (two folders, --labels, or a data set such as
    one-class:mnist-10k,anomaly=0), so is the area under the ROC curve, also of simple methods.

    \b
    Examples:
      ganzoo score runs/x                        the test split
      ganzoo score runs/x parts/ -o scores.csv   a folder of images
      ganzoo score runs/x good/ broken/          normal and unusual images
      ganzoo score runs/x parts/ --labels x.csv  the same in one folder
    """
    with needs():
        from ganzoo.evaluation.anomaly import open_images, read_labels, score_images, scorer_of
        from ganzoo.evaluation.sources import GeneratorSource, open_source
        from ganzoo.training.device import configure_process
    from ganzoo.util.files import require_folder

    if out and out.suffix != ".csv":
        raise GanzooError(f"cannot write {out}; --out takes x.csv")
    if out:
        options.require_new(out, force=force)
    if out:
        require_folder(out)
    if labels and len(images) == 2:
        raise GanzooError("two folders have their labels; leave out --labels, or name one folder")
    configure_process()
    opened = open_source(source)
    scorer_of(opened)  # raises before images are read
    assert isinstance(opened, GeneratorSource)
    found = open_images(opened, images, data_dir)
    known = found.labels
    if labels:
        known, others = read_labels(labels, found.names)
        if others:
            click.echo(f"{others:,} lines of {labels} are of other files, and are left out")
    if found.rescaled:
        shape = opened.model.metadata.shape
        click.echo(f"{found.rescaled:,} images are not {shape[2]}x{shape[1]}: they were cut to squares and scaled")
    scores = score_images(opened, found.samples)
    show(found.names, scores)
    click.echo(f"{len(scores):,} images scored by {opened.model.metadata.gan} ({opened.path}); higher is more unusual")
    if known is not None:
        compare(opened, found, scores, known, data_dir)
    if out:
        write(out, found.names, scores, known)
        click.echo(f"written: {out}")


def show(names: Sequence[str], scores: Scores) -> None:
    """Print the images with the highest scores."""
    click.echo("     score  file")
    for place in (-scores).argsort(kind="stable")[:MOST_SHOWN]:
        click.echo(f"{scores[place]:10.4f}  {names[place]}")
    if len(scores) > MOST_SHOWN:
        click.echo(f"... and {len(scores) - MOST_SHOWN:,} that are less unusual")


def compare(source: GeneratorSource, images: Images, scores: Scores, labels: Labels, directory: str | None) -> None:
    """Print how well scores tell unusual from normal images, and how well the baselines do."""
    from ganzoo.evaluation import training_data
    from ganzoo.evaluation.anomaly import baselines
    from ganzoo.evaluation.discriminator import auc

    unusual = labels == 1
    if unusual.all() or not unusual.any():
        click.echo(f"no area under the ROC curve: all images are {'unusual' if unusual.any() else 'normal'}")
        return
    click.echo(
        f"area under the ROC curve {auc(scores[unusual], scores[~unusual]):.4f}, of {int(unusual.sum()):,} unusual and "
        f"{int((~unusual).sum()):,} normal images; 0.5 is chance"
    )
    try:
        train = training_data(source, directory)
    except GanzooError as error:
        click.echo(f"no simple methods to compare with: {error}")
        return
    found, count = baselines(train, images.samples)
    for name, theirs in found.items():
        click.echo(
            f"area under the ROC curve {auc(theirs[unusual], theirs[~unusual]):.4f} of {name} of {count:,} "
            "training images"
        )


def write(path: Path, names: Sequence[str], scores: Scores, labels: Labels | None) -> None:
    """Write a CSV file with the columns ``file`` and ``score``, and ``label`` where it is known."""
    from ganzoo.util.files import write_text

    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["file", "score", *(["label"] if labels is not None else [])])
    for place, (name, score) in enumerate(zip(names, scores, strict=True)):
        rows.writerow([name, f"{score:.6g}", *([int(labels[place])] if labels is not None else [])])
    write_text(path, text.getvalue())
