"""``ganzoo evaluate``: how good a generator is."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ganzoo.util.optional import needs


@click.command()
@click.argument("source", metavar="RUN|FILE|NAME")
@click.option("--data", metavar="NAME", help="Data to compare with; those that the GAN was trained on by default.")
@click.option(
    "-n",
    "--number",
    type=click.IntRange(20, 1_000_000),
    help="How many; by default 10,000 images, 26 for each mode of stacked digits, 2,500 points, or all of a file.",
)
@click.option("--seed", type=click.IntRange(0, 2**62), default=0, show_default=True, help="The first sample's seed.")
@click.option(
    "--seeds",
    type=click.IntRange(1, 100),
    default=1,
    show_default=True,
    help="How often, each time with other latents.",
)
@click.option(
    "--features",
    type=click.Choice(["own", "inception"]),
    default="own",
    show_default=True,
    help="What images are compared in: a small network for the data set, or Inception, for the true FID.",
)
@click.option("--extractor", type=click.Path(), metavar="FILE", help="A network that you trained for the data set.")
@click.option("--data-dir", type=click.Path(), help="Where files of data sets lie; GANZOO_DATA_DIR says it too.")
@click.option("--json", "target", type=click.Path(), metavar="FILE", help="Write all figures there, too.")
def evaluate(
    source: str,
    data: str | None,
    number: int | None,
    seed: int,
    seeds: int,
    features: str,
    extractor: str | None,
    data_dir: str | None,
    target: str | None,
) -> None:
    """Compare generated samples with real ones that no one was trained on.

    SOURCE is a run's folder, a weights file, a GAN's name, an ONNX file, a folder of images, or an .npz file with the
    arrays "images" and perhaps "labels". Beside each figure stands that of real data and of noise. In a run's folder,
    the figures are also written to evaluation.json.

    \b
    Examples:
      ganzoo evaluate privileged-v2
      ganzoo evaluate runs/dcgan-mnist-10k-seed0 --data mnist --seeds 3
      ganzoo evaluate dcgan.onnx -n 2000 --json figures.json
      ganzoo evaluate digits.npz --data mnist-10k
      ganzoo evaluate weights.safetensors --features inception
    """
    with needs("eval"):
        from rich.console import Console

        from ganzoo.evaluation import evaluate as evaluated
        from ganzoo.evaluation.table import show
        from ganzoo.training.device import configure_process
    from ganzoo.util.files import write_text

    configure_process()
    with Console(stderr=True).status("evaluating"):
        found = evaluated(
            source,
            data,
            number=number,
            seeds=seeds,
            seed=seed,
            features=features,
            extractor=extractor,
            directory=data_dir,
        )
    click.echo(show(found))
    text = json.dumps(found.entry(), indent=2)
    folder = Path(found.source).parent
    for path in (
        Path(target) if target else None,
        folder / "evaluation.json" if (folder / "run.json").exists() else None,
    ):
        if path is not None:
            write_text(path, text)
            click.echo(f"written: {path}")
