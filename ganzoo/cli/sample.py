"""``ganzoo sample``: pictures and arrays from trained weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ganzoo.spec import GanzooError

if TYPE_CHECKING:
    from ganzoo.sampling import Sampling, Stage


@click.command()
@click.argument("source", metavar="RUN|FILE|NAME")
@click.option("-n", "--number", type=click.IntRange(1, 10_000_000), help="How many samples: seeds 0 to N - 1.")
@click.option("--seeds", metavar="LIST", help="Which seeds, for example 0-63 or 7,8,20-29.")
@click.option("--label", type=int, help="The class to sample, for a GAN that is told classes.")
@click.option("--stage", type=click.Choice(["child", "parent"]), help="One of the two, for a GAN with a parent.")
@click.option("--data", metavar="NAME", help="Data to draw vectors over, or to take regression inputs from.")
@click.option("--data-dir", type=click.Path(), help="Where files of data sets lie; GANZOO_DATA_DIR says it too.")
@click.option("--out", type=click.Path(), help="x.png for a grid, x.npz for arrays, a folder for single PNGs.")
@click.option("--force", is_flag=True, help="Replace a file that exists.")
def sample(
    source: str,
    number: int | None,
    seeds: str | None,
    label: int | None,
    stage: Stage | None,
    data: str | None,
    data_dir: str | None,
    out: str | None,
    force: bool,
) -> None:
    """Sample a trained generator. The same seed gives the same image, whatever the others are.

    \b
    Examples:
      ganzoo sample runs/dcgan-mnist-10k-seed0
      ganzoo sample cgan --label 7 -n 16 --out sevens.png
      ganzoo sample privileged-v2 --seeds 0-9999 --out digits.npz
      ganzoo sample weights.safetensors --seeds 7,12 --out pictures/
    """
    from ganzoo.lazy import needs

    with needs():
        import numpy as np

        from ganzoo import data as datasets
        from ganzoo.images import write_npz, write_png
        from ganzoo.latents import parse_seeds
        from ganzoo.portrait import portrait, seeds_of
        from ganzoo.weights import find, load

    if number is not None and seeds is not None:
        raise GanzooError("-n and --seeds both say which samples; give one of them")
    path = find(source)
    model = load(path)
    target = Path(out or f"{model.header['gan']}.png")
    if target.exists() and not force and not (target.is_dir() and not any(target.iterdir())):
        raise GanzooError(f"{target} exists; replace it with --force, or name another with --out")
    chosen: Any = parse_seeds(seeds) if seeds is not None else range(number) if number else seeds_of(model)
    conditions = None
    shown = None
    if model.header["conditions"] or data or (model.limits is None and target.suffix == ".png"):
        split = "test" if model.header["conditions"] else "train"
        shown = datasets.load(data or model.header["data"]["name"], split=split, directory=data_dir)  # type: ignore[arg-type]
        if model.header["conditions"]:
            chosen = chosen[: len(shown)]
            conditions = None if shown.conditions is None else shown.conditions[: len(chosen)]

    if target.suffix == ".png":
        write_png(target, portrait(model, chosen, labels=label, stage=stage, data=shown))
    elif target.suffix == ".npz":
        samples = model.sample(chosen, labels=label, conditions=conditions, stage=stage or "child")
        labels = model.labels(len(samples), label)
        extra = {"labels": labels, "conditions": conditions, "seeds": np.asarray(chosen, np.int64)}
        write_npz(target, images=samples, **{name: value for name, value in extra.items() if value is not None})
    elif target.suffix:
        raise GanzooError(f"cannot write '{target.suffix}' files; --out takes x.png, x.npz or a folder")
    else:
        write_singles(target, model, chosen, label, stage)
    click.echo(f"{len(chosen)} samples of {model.header['gan']} ({path}) in {target}")


def write_singles(folder: Path, model: Sampling, seeds: Sequence[int], label: int | None, stage: Stage | None) -> None:
    """One PNG for each seed, pixel for pixel, named after it."""
    from ganzoo.images import to_uint8, write_png
    from ganzoo.runs import writing

    samples = model.sample(seeds, labels=label, stage=stage or "child")
    if model.limits is None:
        raise GanzooError(
            f"{model.header['gan']} makes vectors, which are no single pictures; --out takes x.npz or x.png"
        )
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    labels = model.labels(len(samples), label)
    for index, (seed, image) in enumerate(zip(seeds, to_uint8(samples, model.limits), strict=True)):
        kind = "" if labels is None else f"-label-{labels[index]}"
        write_png(folder / f"seed-{seed:06d}{kind}.png", image)
