"""``ganzoo evaluate``: how good a generator is."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ganzoo.cli import options
from ganzoo.cli.options import FilePath
from ganzoo.util.optional import needs


@click.command()
@click.argument("source", metavar="RUN|FILE|NAME", type=options.Name("source"))
@click.option(
    "--data",
    metavar="NAME",
    type=options.Name("dataset"),
    help="Data to compare with; by default those of the training.",
)
@click.option(
    "-n",
    "--number",
    type=options.IntRange(20, 1_000_000),
    metavar="N",
    help="How many; by default 10,000 images, 26 for each mode of stacked digits, 2,500 points, or all of a file; "
    "made from conditions, at most as many as there are for testing.",
)
@click.option(
    "--seed",
    type=options.IntRange(0, 2**62),
    metavar="N",
    default=0,
    show_default=True,
    help="Seed of the first sample.",
)
@click.option(
    "--repeats",
    type=options.IntRange(1, 100),
    metavar="N",
    default=1,
    show_default=True,
    help="How often to evaluate, each time with other seeds.",
)
@click.option(
    "--features",
    type=click.Choice(["own", "pictures", "inception"]),
    default="own",
    show_default=True,
    help="Network that images are compared in: that of the data set, or else of colour pictures; pictures, always that "
    "of colour pictures; or Inception for the true FID.",
)
@click.option("--extractor", type=FilePath(), metavar="FILE", help="A network that you trained.")
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="NAME",
    type=options.Name("metric"),
    help="A metric of a plugin, in addition (ganzoo list metrics).",
)
@options.data_dir
@click.option(
    "-o",
    "--out",
    type=FilePath(path_type=Path),
    metavar="FILE",
    help="Write all metrics to this JSON file too.",
)
@options.force
def evaluate(
    source: str,
    data: str | None,
    number: int | None,
    seed: int,
    repeats: int,
    features: str,
    extractor: str | None,
    metrics: tuple[str, ...],
    data_dir: str | None,
    out: Path | None,
    force: bool,
) -> None:
    """Evaluate a generator on held-out data.

    FILE is a weights file, an ONNX file, a folder of images, or an .npz file with the array "images" and perhaps
    "labels". Each metric is shown with its values for real data and for noise; of images
    made from images, with those of simple answers, such as the nearest training pair. The
    metrics of a run are also written to evaluation.json in its folder.

    \b
    Examples:
      ganzoo evaluate privileged-v2
      ganzoo evaluate runs/dcgan-mnist-10k-seed0 --data mnist --repeats 3
      ganzoo evaluate dcgan.onnx -n 2000 -o metrics.json
      ganzoo evaluate digits.npz --data mnist-10k               your own samples
      ganzoo evaluate weights.safetensors --features inception  the true FID
    """
    with needs("eval"):
        from rich.console import Console

        from ganzoo.evaluation import evaluate as evaluate_source
        from ganzoo.evaluation.table import format_table
        from ganzoo.training.device import configure_process
    from ganzoo.util.files import require_folder, write_text

    options.refuse_twice("--metric", metrics)
    if out:
        options.require_new(out, force=force)
    if out:
        require_folder(out)
    configure_process()
    with Console(stderr=True).status("evaluating"):
        found = evaluate_source(
            source,
            data,
            number=number,
            repeats=repeats,
            seed=seed,
            features=features,
            extractor=extractor,
            directory=data_dir,
            metrics=metrics,
        )
    click.echo(format_table(found))
    run = Path(found.source).parent
    for path in [*([out] if out else []), *([run / "evaluation.json"] if (run / "run.json").exists() else [])]:
        write_text(path, json.dumps(found.to_dict(), indent=2))
        click.echo(f"written: {path}")
