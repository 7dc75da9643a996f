"""``ganzoo data``: what is read of a data set, before anything is trained on it. No torch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from ganzoo.cli import options as shared
from ganzoo.cli.options import FilePath
from ganzoo.util.errors import GanzooError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ganzoo.data import Channels, Data, Samples
    from ganzoo.data.folder import Images
    from ganzoo.generators.images import Bytes

IMAGES, POINTS = 64, 2000  # in a picture
MOST_COLUMNS = 20  # of vectors, that get a row each
Row = tuple[str, ...]


@click.command()
@click.argument("name", metavar="NAME|FOLDER", type=shared.Name("dataset"))
@shared.image_size
@shared.channels
@shared.data_dir
@click.option(
    "-n",
    "--number",
    type=shared.IntRange(1, 10_000),
    metavar="N",
    help="Samples in the picture, evenly spread: 64 images by default.",
)
@click.option("-o", "--out", type=FilePath(), help="x.png: a grid of images, or a plot of vectors.")
@shared.force
def data(
    name: str,
    image_size: int | None,
    channels: Channels | None,
    data_dir: str | None,
    number: int | None,
    out: str | None,
    force: bool,
) -> None:
    """Show what is read of a data set before any training.

    How many samples, of which shape and classes, which of them are equal, how large the files are, and whether there
    are so few images that a training keeps some back. What is skipped is said on the way.

    \b
    Examples:
      ganzoo data mnist-10k
      ganzoo data folder:cats --image-size 64 -o cats.png   with a grid of 64
      ganzoo data ./cats --channels grey -n 16 -o grey.png
      ganzoo data pairs:sketches,photos -o pairs.png        pairs side by side
      ganzoo data friedman1                                 ranges of the columns
    """
    from ganzoo.cli.list import table

    if out is None and (number is not None or force):
        raise GanzooError(f"{'-n' if number is not None else '--force'} is for a picture; name one with --out x.png")
    if out is not None:
        require_writable(out, force=force)
    found, images = read(name, image_size, channels, data_dir)
    table(rows(found, images))
    if out is not None:
        write_picture(out, found, number)


def require_writable(out: str, *, force: bool) -> None:
    """Refuse a picture that cannot be written, before anything is read."""
    from ganzoo.util.files import require_folder

    if (suffix := shared.file_suffix(out)) != ".png":
        what = f"'{suffix}' files" if suffix else f"{out}, which is no file with a suffix"
        raise GanzooError(f"cannot write {what}; --out takes x.png")
    shared.require_new(out, force=force)
    require_folder(out)


def read(
    name: str, image_size: int | None, channels: Channels | None, data_dir: str | None
) -> tuple[Data, Images | None]:
    """The training data of that name, and the files of a folder."""
    from ganzoo.data import Request, dataset_name
    from ganzoo.data.folder import read_folder
    from ganzoo.records.options import Options

    full = dataset_name(name)
    kind, _, argument = full.partition(":")
    if kind == "folder":
        return read_folder(Request(name=full, argument=argument, size=image_size, channels=channels))
    return Options(data=full, image_size=image_size, channels=channels, data_dir=data_dir).load_data(), None


def rows(data: Data, images: Images | None) -> Iterator[Row]:
    """What is in the data, by name."""
    from ganzoo.data.folder import listed
    from ganzoo.data.summary import class_counts, original_sizes

    yield "samples", described(data.samples)
    if data.conditions is not None:
        yield "conditions", f"{described(data.conditions)}, {'paired' if data.paired else 'not paired'}"
    if counts := class_counts(data):
        yield "classes", f"{len(counts):,}: {listed([f'{name} ({count:,})' for name, count in counts])}"
    if images is not None:
        sizes = original_sizes(images)
        small, large = ("x".join(map(str, sides)) for sides in (sizes.smallest, sizes.largest))
        size = "x".join(map(str, data.shape[1:]))
        yield "files", f"{small} to {large} pixels; {sizes.enlarged:,} of {len(data):,} are enlarged to {size}"
    yield "duplicates", equal(data.samples, None if images is None else images.names)
    if data.conditions is not None:
        yield "", f"of the conditions: {equal(data.conditions)}"
    if data.is_images:
        yield from augmentation_rows(data)
    else:
        for kind, part in (("column", data.samples), ("condition", data.conditions)):
            yield from ranges(kind, part)
    if data.licence:
        yield "licence", data.licence
    yield "sha256", data.sha256


def described(samples: Samples) -> str:
    """Number and shape of samples."""
    import numpy as np

    from ganzoo.data import channels_of

    count, *shape = samples.shape
    if samples.dtype != np.uint8:
        return f"{count:,} vectors of {shape[0]:,} column{'s' * (shape[0] > 1)}"
    colours = channels_of(tuple(shape)) or f"{shape[0]} channels"
    where = "" if isinstance(samples, np.ndarray) else ", read from their files batch by batch"
    return f"{count:,} images, {shape[1]}x{shape[2]} pixels, {colours}{where}"


def equal(samples: Samples, names: Any = None) -> str:
    """How many samples are equal to an earlier one, and which files they are."""
    from ganzoo.data.find import shown
    from ganzoo.data.folder import listed
    from ganzoo.data.summary import duplicates

    groups = duplicates(samples)
    if not groups:
        return "none"
    count = f"{sum(len(group) - 1 for group in groups):,} of {len(samples):,} equal an earlier one"
    if names is None:
        return count
    return f"{count}: {listed([' = '.join(shown(names[place], 60) for place in group[:4]) for group in groups], '; ')}"


def augmentation_rows(data: Data) -> Iterator[Row]:
    """Whether mirrored images would do, and whether there are so few that ``--augment auto`` changes something."""
    from ganzoo.parts.augmentation import FEW, KEPT_LEAST, compared, counts_as_few, mirrors_well

    least = 2 * KEPT_LEAST
    if len(data) < least:
        flips = f"unknown: fewer than {least} images"
    else:
        is_alike = mirrors_well(compared(data.samples))
        flips = "like the images" if is_alike else "unlike the images, so --augment auto makes none"
    yield "mirror images", flips
    if counts_as_few(data):
        without = "" if data.conditions is None else "by a GAN that takes no conditions, "
        why = f"yes: {without}some are kept back, and --augment auto changes what the discriminator sees"
    elif data.shape[0] < 3:
        why = "no: grey" if data.shape[0] == 1 else "no: two channels are no colours"
    else:
        why = f"no: more than {FEW:,}" if len(data) > FEW else f"no: fewer than {least}, too few to keep some back"
    yield "few in colour", why


def ranges(kind: str, vectors: Samples | None) -> Iterator[Row]:
    """Smallest, mean and largest value of each column of vectors."""
    import numpy as np

    if vectors is None or vectors.dtype == np.uint8:
        return
    values = np.asarray(vectors[:])
    for number, column in enumerate(values.T[:MOST_COLUMNS], 1):
        low, mean, high = column.min(), column.mean(dtype=np.float64), column.max()
        yield f"{kind} {number}", f"{low:.4g} to {high:.4g}, mean {mean:.4g}"
    if (more := values.shape[1] - MOST_COLUMNS) > 0:
        yield "", f"and {more:,} more {kind}s"


def write_picture(out: str, data: Data, number: int | None) -> None:
    """Write some samples, evenly spread, as a PNG file, and say how many."""
    from ganzoo.data.summary import evenly_spread
    from ganzoo.generators.images import write_png

    size = len(data) if data.conditions is None else min(len(data), len(data.conditions))
    places = evenly_spread(number or (IMAGES if data.is_images else POINTS), size)
    write_png(out, picture(data, places))
    what = ("pairs" if data.paired else "of each kind") if data.conditions is not None else "samples"
    click.echo(f"{len(places):,} of {size:,} {what}, evenly spread, in {out}")


def picture(data: Data, places: NDArray[Any]) -> Bytes:
    """Samples as a grid, next to their conditions if these are images; vectors as a plot of two columns."""
    import numpy as np

    from ganzoo.generators.images import drawable, fitted, grid, scatter, side_by_side
    from ganzoo.pages.preview import first_two_features

    parts = [np.asarray(each[places]) for each in (data.conditions, data.samples) if each is not None]
    if not data.is_images:
        return scatter(first_two_features(np.hstack(parts) if data.shape == (1,) else parts[-1]))
    drawn = [drawable(np.moveaxis(part, 1, -1)) for part in parts if part.dtype == np.uint8]
    if len(drawn) == 1:
        return grid(drawn[0])
    counts = {each.shape[-1] for each in drawn}
    shape = (*drawn[1].shape[1:3], max(3, *counts) if len(counts) > 1 else counts.pop())
    return side_by_side(*(fitted(each, shape) for each in drawn))
