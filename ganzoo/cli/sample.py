"""``ganzoo sample``: pictures and arrays from trained weights and from exported files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from ganzoo.util.errors import GanzooError

if TYPE_CHECKING:
    from ganzoo.data import Data
    from ganzoo.generators.base import Stage, TrainedGenerator
    from ganzoo.generators.images import Bytes

MOST_AT_ONCE = 10_000


@click.command()
@click.argument("source", metavar="RUN|FILE|NAME")
@click.option("-n", "--number", type=click.IntRange(1, 10_000_000), help="How many samples: seeds 0 to N - 1.")
@click.option("--seeds", metavar="LIST", help="Which seeds, for example 0-63 or 7,8,20-29.")
@click.option("--label", type=int, help="The class to sample, for a GAN that is told classes.")
@click.option(
    "--interpolate",
    type=int,
    nargs=2,
    metavar="A B",
    help="The way from seed A to seed B, in -n steps; 10 by default.",
)
@click.option("--stage", type=click.Choice(["child", "parent"]), help="One of the two, for a GAN with a parent.")
@click.option("--data", metavar="NAME", help="Data to draw vectors over, or to take regression inputs from.")
@click.option("--data-dir", type=click.Path(), help="Where files of data sets lie; GANZOO_DATA_DIR says it too.")
@click.option("--provider", metavar="NAME", help="What runs an ONNX file: auto, cpu, cuda, tensorrt, directml, coreml.")
@click.option("--out", type=click.Path(), help="x.png for a grid, x.npz for arrays, a folder for single PNGs.")
@click.option("--force", is_flag=True, help="Replace a file that exists.")
def sample(
    source: str,
    number: int | None,
    seeds: str | None,
    label: int | None,
    interpolate: tuple[int, int] | None,
    stage: Stage | None,
    data: str | None,
    data_dir: str | None,
    provider: str | None,
    out: str | None,
    force: bool,
) -> None:
    """Sample a trained generator. The same seed gives the same image, whatever the others are.

    An ONNX file needs no torch, and its first image is there at once.

    \b
    Examples:
      ganzoo sample runs/dcgan-mnist-10k-seed0
      ganzoo sample cgan --label 7 -n 16 --out sevens.png
      ganzoo sample privileged-v2 --seeds 0-9999 --out digits.npz
      ganzoo sample weights.safetensors --seeds 7,12 --out pictures/
      ganzoo sample dcgan.onnx --interpolate 3 8 --out way.png
    """
    import numpy as np

    from ganzoo.generators.images import Parts, write_npz, write_png
    from ganzoo.generators.latents import parse_seeds
    from ganzoo.pages.preview import preview, seeds_of, way
    from ganzoo.util.files import require_folder

    if seeds is not None and (number is not None or interpolate is not None):
        other = "-n" if number is not None else "--interpolate"
        raise GanzooError(f"{other} and --seeds both say which samples; give one of them")
    model, path = opened(source, stage, provider)
    target = Path(out or f"{model.header['gan']}.png")
    if target.suffix not in ("", ".png", ".npz"):
        raise GanzooError(f"cannot write '{target.suffix}' files; --out takes x.png, x.npz or a folder")
    if target.exists() and not force and not (target.is_dir() and not any(target.iterdir())):
        raise GanzooError(f"{target} exists; replace it with --force, or name another with --out")
    if target.suffix:
        require_folder(target)
    else:
        model.images(np.empty((0, *model.header["shape"])))  # refused here are vectors

    told: Any = label
    drawn = conditions = columns = z = None
    if interpolate is not None:
        if model.header["condition_dim"]:
            raise GanzooError(f"{model.header['gan']} is told more than latents and labels; leave out --interpolate")
        columns = count = bounded(number or 10, "an interpolation", "ask for fewer")
        z, labels = way(model, *interpolate, columns, label)
        chosen, count, told = None, len(z), labels
        made_of: dict[str, Any] = {"latents": z}
        names = (f"step-{index:06d}" for index in [*range(columns)] * (count // columns))
    else:
        chosen = parse_seeds(seeds) if seeds is not None else range(number) if number else seeds_of(model)
        if target.suffix == ".png":
            bounded(len(chosen), "a picture", "ask for fewer, or name an x.npz or a folder with --out")
        if model.header["condition_dim"] or data or (model.limits is None and target.suffix == ".png"):
            drawn = data_of(model, data, data_dir)
            if model.header["condition_dim"]:
                chosen = chosen[: len(drawn)]
                conditions = None if drawn.conditions is None else drawn.conditions[: len(chosen)]
        count, labels = len(chosen), model.labels(len(chosen), label)
        made_of = {"seeds": np.asarray(chosen, np.int64)}
        names = (f"seed-{seed:06d}" for seed in chosen)

    if target.suffix == ".png":
        write_png(target, preview(model, chosen, z=z, labels=told, stage=stage, data=drawn, columns=columns))
    else:
        only = stage or "child"
        samples = (
            model.sample_iter(seeds=chosen, labels=label, conditions=conditions, stage=only)
            if z is None
            else iter((model.decode(z, labels=told, stage=only),))
        )
        if target.suffix == ".npz":
            extra = {"labels": labels, "conditions": conditions}
            given = {name: values for name, values in extra.items() if values is not None}
            write_npz(target, images=Parts(count, samples), **made_of, **given)
        else:
            if labels is not None:
                names = (f"{name}-label-{label}" for name, label in zip(names, labels, strict=True))
            write_singles(target, names, (image for part in samples for image in model.images(part)))
    click.echo(f"{count} samples of {model.header['gan']} ({path}) in {target}")


def bounded(count: int, what: str, otherwise: str) -> int:
    """A number of samples that are all made before the first is written; :class:`GanzooError` if they are too many."""
    if count > MOST_AT_ONCE:
        raise GanzooError(f"{what} has at most {MOST_AT_ONCE:,} samples, not {count:,}; {otherwise}")
    return count


def opened(source: str, stage: Stage | None, provider: str | None) -> tuple[TrainedGenerator, Path]:
    """The trained generator in a file: an exported one without torch, weights with it."""
    from ganzoo.generators.pretrained import exported

    path = exported(source) if stage is None else Path(source)
    if path.suffix == ".onnx":
        from ganzoo.generators.onnx_session import Sampler

        if stage is not None:
            raise GanzooError(f"{source} holds one generator; leave out --stage, or sample its weights (safetensors)")
        return Sampler(path, providers=provider), path
    if provider is not None:
        raise GanzooError(f"--provider is for ONNX files; leave it out, or export {source} first")
    from ganzoo.util.optional import needs

    with needs():
        from ganzoo.generators.weights import find, load
    path = find(source)
    return load(path), path


def data_of(model: TrainedGenerator, name: str | None, folder: str | None) -> Data:
    """The data that the samples stand against: what the GAN was trained on by default, unseen in a regression."""
    from ganzoo import data

    split: Literal["train", "test"] = "test" if model.header["condition_dim"] else "train"
    return data.load(name or model.header["data"]["name"], split=split, directory=folder)


def write_singles(folder: Path, names: Iterable[str], images: Iterable[Bytes]) -> None:
    """One PNG for each image, pixel for pixel."""
    from ganzoo.generators.images import write_png
    from ganzoo.util.files import writing

    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for name, image in zip(names, images, strict=True):
        write_png(folder / f"{name}.png", image)
