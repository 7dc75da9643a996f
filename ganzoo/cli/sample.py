"""``ganzoo sample``: images and arrays from trained weights and from exported files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from ganzoo.cli import options
from ganzoo.cli.options import FilePath
from ganzoo.util.errors import GanzooError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ganzoo.data import Data
    from ganzoo.generators.base import TrainedGenerator
    from ganzoo.generators.images import Bytes
    from ganzoo.generators.metadata import Stage

MOST_IN_MEMORY = 10_000  # samples of a picture or an interpolation, which are computed before the first is written


@dataclass(frozen=True)
class Samples:
    """The samples that a command asks for. Nothing is computed before ``batches`` or ``picture`` is called.

    Attributes:
        count: number of samples.
        names: of single image files, without a suffix.
        arrays: what an .npz file holds besides the images, by name.
        batches: compute the samples, batch by batch.
        picture: compute them as one picture.
    """

    count: int
    names: Iterable[str]
    arrays: Mapping[str, NDArray[Any]]
    batches: Callable[[], Iterator[NDArray[Any]]]
    picture: Callable[[], Bytes]


@click.command()
@click.argument("source", metavar="RUN|FILE|NAME", type=options.Name("source"))
@click.option(
    "-n", "--number", type=options.IntRange(1, 10_000_000), metavar="N", help="How many samples: seeds 0 to N - 1."
)
@click.option("--seeds", metavar="LIST", help="Which seeds, for example 0-63 or 7,8,20-29.")
@click.option(
    "--label", metavar="NAME", help="Name or number of the class to sample, of a class-conditional GAN; all by default."
)
@click.option(
    "--interpolate",
    type=options.Integer(),
    nargs=2,
    metavar="A B",
    help="Interpolate from seed A to seed B in -n steps, 10 by default.",
)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting of sampling, such as psi=0.7 (ganzoo show RUN lists them).",
)
@click.option(
    "--input",
    "given",
    type=FilePath(),
    metavar="PATH",
    help="Make an image from an image file, or from each in a folder; for GANs such as pix2pix.",
)
@click.option(
    "--tile",
    type=options.IntRange(1, 65_536),
    metavar="N",
    help="With --input: make large images in tiles of N pixels, where these give the same.",
)
@click.option(
    "--bits",
    type=click.Choice(["10", "12", "14", "16"]),
    help="With --input: bits that stand for white in files of 16, as a training says; by default from the files.",
)
@options.stage
@click.option(
    "--data", metavar="NAME", type=options.Name("dataset"), help="Data to plot vectors over, or of regression inputs."
)
@options.data_dir
@click.option("--provider", metavar="NAME", help="Of an ONNX file: auto, cpu, cuda, tensorrt, directml or coreml.")
@click.option("-o", "--out", type=FilePath(), help="x.png (a grid), x.npz (arrays) or a folder; GAN.png by default.")
@options.force
def sample(
    source: str,
    number: int | None,
    seeds: str | None,
    label: str | None,
    interpolate: tuple[int, int] | None,
    assignments: tuple[str, ...],
    given: str | None,
    tile: int | None,
    bits: str | None,
    stage: Stage | None,
    data: str | None,
    data_dir: str | None,
    provider: str | None,
    out: str | None,
    force: bool,
) -> None:
    """Sample a trained generator.

    The same seed gives the same image, whatever the other seeds are. An ONNX file needs no torch.

    \b
    Examples:
      ganzoo sample runs/dcgan-mnist-10k-seed0             64 images in dcgan.png
      ganzoo sample cgan --label 7 -n 16 -o sevens.png     16 sevens
      ganzoo sample runs/pets --label dog -n 16   16 dogs
      ganzoo sample cgan --seeds 0-9999 -o x.npz           arrays
      ganzoo sample weights.safetensors -n 5 -o images/    a file for each image
      ganzoo sample dcgan.onnx --interpolate 3 8 -o x.png  from seed 3 to seed 8
      ganzoo sample pix2pix --input sketches/ -o made/     one from each image
      ganzoo sample hf:user/name@v2 -n 16                  from the Hub
    """
    from ganzoo.cli.translate import translate_files
    from ganzoo.generators.hub import described
    from ganzoo.generators.latents import parse_seeds
    from ganzoo.pages.preview import default_seeds
    from ganzoo.registry.recipe import parse_assignments

    if seeds is not None and (number is not None or interpolate is not None):
        raise GanzooError(f"leave out one of --seeds and {'-n' if number is not None else '--interpolate'}")
    if tile and not given:
        raise GanzooError("--tile is for images that are made from images; name them with --input")
    if bits and not given:
        raise GanzooError("--bits is for images that are made from images; name them with --input")
    model, path = open_generator(source, stage, provider)
    model = model.with_settings(**parse_assignments(assignments))
    if given:
        if number is not None or interpolate is not None or stage is not None or data is not None:
            raise GanzooError("--input makes one image from each; leave out -n, --interpolate, --stage and --data")
        depth = int(bits) if bits else None
        translate_files(model, path, given, out, seeds=seeds, label=label, tile=tile, bits=depth, force=force)
        return
    out = out or f"{model.metadata.gan}.png"
    target, suffix = Path(out), options.file_suffix(out)
    check_target(target, suffix, model, force=force)
    if data and (interpolate is not None or (model.value_range is not None and not model.metadata.condition)):
        raise GanzooError("--data is for plots of vectors and for regression inputs; leave it out")
    if interpolate is not None:
        samples = interpolated(model, *interpolate, number or 10, label, stage)
    else:
        chosen = parse_seeds(seeds) if seeds is not None else range(number) if number else default_seeds(model)
        if suffix == ".png":
            limit(len(chosen), "a picture", "ask for fewer, or name an x.npz or a folder with --out")
        needs_data = model.metadata.condition or (model.value_range is None and suffix == ".png")
        loaded = load_data(model, data, data_dir) if needs_data else None
        samples = sampled(model, chosen, label, stage, loaded)
    write(samples, target, suffix, model)
    chosen_class = f", class {model.class_name(model.label(label))[:80]}" if label is not None else ""
    click.echo(f"{samples.count} samples of {model.metadata.gan}{chosen_class} ({described(path)}) in {target}")


def open_generator(source: str, stage: Stage | None, provider: str | None) -> tuple[TrainedGenerator, Path]:
    """The trained generator in a file: an exported one without torch, weights with it."""
    from ganzoo.generators import hub
    from ganzoo.generators.pretrained import exported

    if hub.is_address(source):
        path = hub.fetch(source, *(("onnx", "safetensors") if stage is None else ("safetensors",)))
    else:
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
    path = path if hub.is_address(source) else find(source)
    return load(path), path


def check_target(target: Path, suffix: str, model: TrainedGenerator, *, force: bool) -> None:
    """Refuse a target that cannot be written, before anything is computed."""
    import numpy as np

    from ganzoo.util.files import require_folder

    if suffix not in ("", ".png", ".npz"):
        raise GanzooError(f"cannot write '{suffix}' files; --out takes x.png, x.npz or a folder, such as {target}/")
    if not (target.is_dir() and not any(target.iterdir())):
        options.require_new(target, force=force)
    if suffix:
        require_folder(target)
    else:
        model.images(np.empty((0, *model.metadata.shape)))  # raises for vectors


def sampled(
    model: TrainedGenerator, seeds: Sequence[int], label: str | None, stage: Stage | None, data: Data | None
) -> Samples:
    """The samples of some seeds; of a regression at most as many as ``data`` has inputs."""
    import numpy as np

    from ganzoo.pages.preview import preview

    conditions = None
    if data is not None and model.metadata.condition:
        if len(seeds) > len(data):
            click.echo(f"{data.name} has only {len(data):,} inputs here: {len(data):,} samples, not {len(seeds):,}.")
        seeds = seeds[: len(data)]
        conditions = None if data.conditions is None else data.conditions[: len(seeds)]
    labels = model.labels(len(seeds), label)
    classes: Iterable[str] = [""] * len(seeds) if labels is None else (class_suffix(model, one) for one in labels)
    arrays = {"seeds": np.asarray(seeds, np.int64), "labels": labels, "conditions": conditions}
    return Samples(
        len(seeds),
        (f"seed-{seed:06d}{suffix}" for seed, suffix in zip(seeds, classes, strict=True)),
        {name: values for name, values in arrays.items() if values is not None},
        lambda: model.sample_iter(seeds, labels=label, conditions=conditions, stage=stage or "child"),
        lambda: preview(model, seeds, labels=label, stage=stage, data=data),
    )


def interpolated(
    model: TrainedGenerator, first: int, last: int, steps: int, label: str | None, stage: Stage | None
) -> Samples:
    """Samples on the way from one seed to another, for each class of a class-conditional GAN or for ``label``."""
    from ganzoo.pages.preview import interpolation_rows, preview

    if model.metadata.condition:
        raise GanzooError(f"{model.metadata.gan} makes samples from conditions; leave out --interpolate")
    limit(steps, "an interpolation", "ask for fewer")
    z, labels = interpolation_rows(model, first, last, steps, label)
    classes: Iterable[str] = [""] * len(z) if labels is None else (class_suffix(model, one) for one in labels)
    names = (f"step-{index % steps:06d}{suffix}" for index, suffix in zip(range(len(z)), classes, strict=True))
    return Samples(
        len(z),
        names,
        {"latents": z} | ({} if labels is None else {"labels": labels}),
        lambda: iter((model.decode(z, labels=labels, stage=stage or "child"),)),
        lambda: preview(model, z=z, labels=labels, stage=stage, columns=steps),
    )


def class_suffix(model: TrainedGenerator, label: int) -> str:
    """The end of the name of a single image: the label, and the name of its class if that is another."""
    name = re.sub(r"[^\w.+-]+", "_", model.class_name(label))[:40]
    return f"-label-{label}" if name == str(label) else f"-label-{label}-{name}"


def limit(count: int, what: str, otherwise: str) -> None:
    """Refuse more samples than fit into memory."""
    if count > MOST_IN_MEMORY:
        raise GanzooError(f"{what} has at most {MOST_IN_MEMORY:,} samples, not {count:,}; {otherwise}")


def load_data(model: TrainedGenerator, name: str | None, folder: str | None) -> Data:
    """The data that vectors are plotted over, or the test inputs of a regression; by default those of the training."""
    from ganzoo import data

    split: Literal["train", "test"] = "test" if model.metadata.condition else "train"
    name, shape = name or model.metadata.data.name, model.metadata.shape
    size = shape[1] if len(shape) == 3 and shape[1] == shape[2] else None
    try:
        return data.load(name, split=split, directory=folder, size=size)
    except data.NoTestSplit:
        click.echo(f"{name} has no test split; its conditions were trained on.")
        return data.load(name, directory=folder, size=size)


def write_tiff(path: str | Path, picture: Bytes) -> None:
    """Write one picture ``(H, W, C)`` of any channels as a TIFF file, as :func:`write_png` does."""
    import numpy as np

    from ganzoo.data import tiff
    from ganzoo.util.files import atomic_write

    with atomic_write(path) as temporary:
        tiff.write(temporary, np.moveaxis(picture, -1, 0))


def write(samples: Samples, target: Path, suffix: str, model: TrainedGenerator) -> None:
    """Compute and write samples: a picture, arrays, or one image file for each in a folder."""
    from ganzoo.generators.images import DRAWABLE, Parts, write_npz, write_png
    from ganzoo.util.files import writing

    channels = model.metadata.shape[0]
    single, ending = write_png, ".png"
    if model.value_range is not None and channels not in DRAWABLE:
        if suffix == ".png":
            click.echo(
                f"{model.metadata.gan} makes {channels} channels, of which a picture shows "
                f"{'the first three' if channels > 4 else 'the first'}; name an x.npz or a folder for all"
            )
        single, ending = write_tiff, ".tif"
    if suffix == ".png":
        write_png(target, samples.picture())
    elif suffix == ".npz":
        write_npz(target, images=Parts(samples.count, samples.batches()), **samples.arrays)
    else:
        with writing(target):
            target.mkdir(parents=True, exist_ok=True)
        images = (image for batch in samples.batches() for image in model.images(batch))
        for name, image in zip(samples.names, images, strict=True):
            single(target / f"{name}{ending}", image)
