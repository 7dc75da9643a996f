"""``ganzoo sample --input``: an image from each image file. Names, sizes, bit depth and transparency are kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from ganzoo.cli import options
from ganzoo.runs.progress import clock
from ganzoo.util.errors import GanzooError, first_line

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ganzoo.data.decode import Whole
    from ganzoo.generators.base import TrainedGenerator

PAUSE = 5  # seconds between two lines of progress
PIXELS = 2**20  # of the images that are made together
TIFF = {".tif", ".tiff"}
LOSSLESS = {".bmp", ".png", *TIFF}
MOST_NAMED = 20  # broken files at the end


class Job(NamedTuple):
    """An image file, and the file that is made from it."""

    source: Path
    target: Path


@dataclass
class Counts:
    """What became of the files."""

    made: int = 0
    kept: int = 0
    rescaled: int = 0
    shallow: int = 0
    cut: int = 0
    coarse: int = 0


def translate_files(
    model: TrainedGenerator,
    path: Path,
    given: str,
    out: str | None,
    *,
    seeds: str | None,
    label: str | None,
    tile: int | None,
    bits: int | None = None,
    force: bool,
) -> None:
    """Make an image from each file, and say what was skipped, kept and changed.

    Args:
        model: the generator.
        path: of its file.
        given: an image file, or a folder of them.
        out: the file or folder that is written; by default named after the GAN, in the current folder.
        seeds: one seed for all images.
        label: of a class-conditional generator.
        tile: height and width of tiles.
        bits: bit depth of grey and bands of more than 8 bits; by default found in the files.
        force: replace what is there.

    Raises:
        GanzooError: the generator makes no images from images, there is nothing to read, or nowhere to write.
        SystemExit: with 1, some files could not be read.
    """
    from ganzoo.generators.latents import parse_seeds
    from ganzoo.generators.translation import require_tiles, require_translator
    from ganzoo.util.optional import needs

    with needs():
        from ganzoo.data import MODES, decode, tiff
    metadata = model.metadata
    require_translator(metadata)
    if tile:
        require_tiles(metadata, tile)
    channels = metadata.shape[0]
    if max(metadata.condition_image[0], channels) > tiff.MAX_CHANNELS:
        raise GanzooError(
            f"{metadata.gan} takes or makes images of more than {tiff.MAX_CHANNELS} channels, which no file holds; use "
            "translate() in Python"
        )
    if channels not in MODES:
        with needs("tiff"):
            import tifffile  # noqa: F401  writes them; its absence is said before anything is computed
    chosen = parse_seeds(seeds) if seeds else [0]
    if len(chosen) > 1:
        raise GanzooError(f"--input takes one seed for all images, not {len(chosen)}; give one, or run it again")
    if seeds and not metadata.latent_dim:
        raise GanzooError(f"{metadata.gan} takes no latents, so --seeds changes nothing; leave it out")
    suffix = needed_suffix(Path(given), channels)
    target = Path(out) if out else default_target(metadata.gan, Path(given), suffix)
    jobs, counts, broken = jobs_of(Path(given), target, channels, force=force), Counts(), dict[str, str]()
    waiting = [job for job in jobs if force or not job.target.exists()]
    counts.kept = len(jobs) - len(waiting)
    depth = common_depth([job.source for job in waiting], bits)
    with progress(len(waiting)) as done:
        for batch in batches(waiting, lambda source: decode.whole(source, metadata.condition_image[0], depth), broken):
            made = made_from(model, [image for _, image in batch], counts, chosen[0], label, tile)
            for (job, image), pixels in zip(batch, made, strict=True):
                write(job.target, pixels, image, counts)
            counts.made += len(batch)
            done(counts.made + len(broken))
    report(counts, broken, metadata.gan, path, target)
    if broken:
        raise SystemExit(1)


def needed_suffix(given: Path, channels: int) -> str:
    """The suffix of what is made from an image: ``.tif`` for what PNG, as it is written here, cannot hold.

    Args:
        given: the image file.
        channels: of what is made.
    """
    from ganzoo.data import MODES, tiff

    if channels not in MODES:
        return ".tif"
    how = tiff.layout(given) if given.is_file() else None
    is_deep = how is not None and how.bits > 8 and channels > 1 and tiff.is_installed()
    return ".tif" if is_deep else ".png"


def default_target(gan: str, given: Path, suffix: str = ".png") -> Path:
    """Where images go that were given no place: ``cat-pix2pix.png``, or the folder ``cats-pix2pix``."""
    stem = given.resolve().name if given.is_dir() else given.stem
    return Path(f"{stem}-{gan}{'' if given.is_dir() else suffix}")


def jobs_of(given: Path, target: Path, channels: int = 3, *, force: bool) -> list[Job]:
    """The files to read and to write. The relative names in a folder are kept; what is not lossless becomes PNG.

    Images of other ``channels`` than grey, RGB or RGBA have become TIFF.
    """
    from ganzoo.data import MODES
    from ganzoo.data.find import find_images
    from ganzoo.util.files import require_folder

    if given.is_dir():
        if target.suffix and not target.is_dir():
            raise GanzooError(f"{given} is a folder, so --out has to be one too, not {target}")
        found = find_images(given)
        found.warn(given)
        if not found.names:
            raise GanzooError(f"{given} holds no images; name another with --input")
        jobs = [Job(given / name, target / named(name, tiff=channels not in MODES)) for name in found.names]
        twice = len(jobs) - len({job.target for job in jobs})
        if twice:
            raise GanzooError(f"{twice} images of {given} differ in their suffix alone; rename them, or move some away")
        return jobs
    if not given.is_file():
        raise GanzooError(f"there is no file or folder {given}; name one that exists with --input")
    if target.is_dir():
        target = target / named(given.name, tiff=channels not in MODES)
    if channels not in MODES and target.suffix.lower() not in TIFF:
        raise GanzooError(f"{target} cannot hold {channels} channels; --out takes x.tif for one image")
    if target.suffix.lower() not in LOSSLESS:
        raise GanzooError(f"cannot write {target}; --out takes x.png, x.tif or x.bmp for one image")
    options.require_new(target, force=force)
    require_folder(target)
    return [Job(given, target)]


def named(name: str, *, tiff: bool = False) -> str:
    """The name of what is made from a file: the same, but for formats that lose something, or are not ``tiff``."""
    path = Path(name)
    kept = TIFF if tiff else LOSSLESS
    return name if path.suffix.lower() in kept else path.with_suffix(".tif" if tiff else ".png").as_posix()


def common_depth(sources: list[Path], bits: int | None = None) -> int:
    """The bit depth of grey and bands of more than 8 bits in these files: ``bits``, or as ``folder:PATH`` finds it.

    Raises:
        GanzooError: the files do not fit into ``bits``, or have 8 of them.
    """
    from ganzoo.data import decode

    stored = []
    for source in sources:
        try:
            stored.append(decode.inspect(source))
        except GanzooError:
            raise
        except Exception:  # it is named when it is decoded
            continue
    if bits is None:
        decode.warn_of_depth(stored, scaled=False)
        return decode.bit_depth(stored)
    peak = max((file.peak for file in stored if file.peak is not None), default=None)
    if sources and peak is None:
        raise GanzooError("--bits is for grey and channels of more than 8 bits, and no file has some; leave it out")
    if peak is not None and peak >= 2**bits:
        raise GanzooError(f"the images hold values up to {peak}, more than {bits} bits; give more with --bits")
    return bits


def batches(
    jobs: list[Job], read: Callable[[Path], Whole], broken: dict[str, str]
) -> Iterator[list[tuple[Job, Whole]]]:
    """The images in batches of files that follow each other and have the same size, up to :data:`PIXELS`.

    What cannot be read is added to ``broken``, with the reason.
    """
    batch: list[tuple[Job, Whole]] = []
    for job in jobs:
        try:
            image = read(job.source)
        except GanzooError:  # of what is not installed, or not clear
            raise
        except Exception as error:  # Pillow and tifffile raise many kinds
            broken[str(job.source)] = first_line(error)
            continue
        shape = image.values.shape
        if batch and (batch[0][1].values.shape != shape or (len(batch) + 1) * shape[1] * shape[2] > PIXELS):
            yield batch
            batch = []
        batch.append((job, image))
    if batch:
        yield batch


def made_from(
    model: TrainedGenerator, images: list[Whole], counts: Counts, seed: int, label: str | None, tile: int | None
) -> NDArray[np.float32]:
    """The images that are made from some of one size, float32 ``(N, C, H, W)`` in 0..1."""
    import numpy as np

    from ganzoo.generators.translation import resized

    metadata, values = model.metadata, np.stack([image.values for image in images])
    assert metadata.range is not None
    sides = (values.shape[2], values.shape[3])
    is_rescaled = not metadata.free and sides != metadata.condition_image[1:]
    if is_rescaled:
        counts.rescaled += len(images)
        values = resized(values, (metadata.condition_image[1], metadata.condition_image[2])).clip(0, 1)
    low, high = metadata.range
    given = (values * (high - low) + low).astype(np.float32)
    samples = model.translated(given, seed=seed, label=label, tile=tile)
    if samples.dtype == np.uint8:
        counts.coarse += sum(image.bits > 8 for image in images)
        made = np.moveaxis(samples, -1, 1).astype(np.float32) / np.float32(255)
    else:
        made = ((samples - low) / (high - low)).astype(np.float32)
    return resized(made, (sides[0] * metadata.scale, sides[1] * metadata.scale)).clip(0, 1) if is_rescaled else made


def write(target: Path, made: NDArray[np.float32], given: Whole, counts: Counts) -> None:
    """Write an image with the transparency of the one that it was made from, and as many bits where a file can."""
    import numpy as np
    from PIL import Image

    from ganzoo.data import MODES, tiff
    from ganzoo.generators.images import to_pil
    from ganzoo.util.files import atomic_write, writing

    channels, suffix = len(made), target.suffix.lower()
    is_tiff = suffix in TIFF and channels != 1 and (channels not in MODES or given.bits > 8)
    is_tiff = is_tiff and (channels not in MODES or tiff.is_installed())
    deep = given.bits > 8 and ((channels == 1 and suffix != ".bmp") or is_tiff)
    counts.shallow += given.bits > 8 and not deep
    counts.cut += given.cut
    bits = 16 if deep and channels in (3, 4) else given.bits if deep else 8  # colours are read as if they had 16
    levels = 2**bits - 1
    pixels = np.rint(made * levels).clip(0, levels).astype(np.uint16 if deep else np.uint8)
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(target) as temporary:
        if is_tiff:
            tiff.write(temporary, pixels)
            return
        image = Image.fromarray(pixels[0]) if deep else to_pil(np.moveaxis(pixels, 0, -1))
        if given.alpha is not None and channels < 4:
            alpha = Image.fromarray(given.alpha).resize(image.size, Image.Resampling.BICUBIC)
            image.putalpha(alpha)
        kind = {".tif": "TIFF", ".tiff": "TIFF", ".bmp": "BMP"}.get(suffix, "PNG")
        image.save(temporary, format=kind)


def report(counts: Counts, broken: dict[str, str], gan: str, path: Path, target: Path) -> None:
    """Say what was made, kept, changed and skipped, with counts."""
    from ganzoo.generators.hub import described

    click.echo(f"{counts.made:,} image{'s' * (counts.made != 1)} of {gan} ({described(path)}) in {target}")
    if counts.kept:
        click.echo(f"{counts.kept:,} were there already, and are kept; replace them with --force")
    if counts.rescaled:
        click.echo(f"{counts.rescaled:,} were scaled to the size of the training and back: {gan} takes that alone")
    if counts.shallow:
        click.echo(
            f"{counts.shallow:,} of more than 8 bits are written in 8, as BMP and colours in PNG have: for 16, name "
            ".tif files, and install tifffile"
        )
    if counts.cut:
        click.echo(f"{counts.cut:,} of 16 bits in colour or with alpha were read by their upper 8 bits")
    if counts.coarse:
        click.echo(f"{counts.coarse:,} of more than 8 bits have 256 levels: {gan} was exported with --uint8")
    for name, reason in list(broken.items())[:MOST_NAMED]:
        click.echo(f"skipped {name}: {reason}", err=True)
    if len(broken) > MOST_NAMED:
        click.echo(f"skipped {len(broken) - MOST_NAMED:,} more", err=True)


@contextmanager
def progress(total: int) -> Iterator[Callable[[int], None]]:
    """Show how many images of ``total`` are done. Yields a function to call with that number."""
    start = shown = time.monotonic()

    def done(count: int) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - shown > PAUSE:
            shown = now
            left = (total - count) * (now - start) / count
            click.echo(
                f"{count:,} of {total:,} images, {count / (now - start):.1f} a second, ETA {clock(left)}", err=True
            )

    yield done
