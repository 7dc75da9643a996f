"""From what people have in memory to the arrays of a data set: uint8 images (N, C, H, W), or float32 vectors.

What has to be guessed, such as the axis of the channels or the range of the values, is kept as a note. Where two
guesses are possible, one line says which argument decides. Nothing here imports torch or pandas: an object of theirs is
only there where they have been imported.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganzoo.util.errors import FOREIGN_ERRORS, GanzooError, first_line, printable

Layout = Literal["NCHW", "NHWC", "NHW"]
"""Order of the axes of images: number, channels, height, width."""
Limits = tuple[float, float]

CHANNELS = (1, 3, 4)
"""How many channels tell the axis of the channels."""
SLACK = 1 / 512
"""Of the range: what rounding leaves of values beyond it, less than half a level of 8 bits."""
MOST_NAMED = 6  # columns, shapes or classes in a message
MOST_CLASSES = 100_000
EIGHT_BITS = {"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "CMYK", "YCbCr", "HSV"}
"""Modes of images of Pillow."""
FURTHER = "ganzoo.data.as_data(images, {})"


class Labelled(NamedTuple):
    """Samples and the labels that belong to them, as somebody else keeps them."""

    samples: Any
    labels: Any = None
    classes: tuple[str, ...] = ()


@dataclass
class Reader:
    """Reads samples and labels.

    Attributes:
        layout: order of the axes of images; guessed by default.
        range: the values that become black and white; guessed by default.
        size: height and width of images of Pillow, which are cut square and scaled; as they are by default.
        notes: what was guessed, changed or left out, a line each.
    """

    layout: Layout | None = None
    range: Limits | None = None
    size: int | None = None
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.layout not in (None, "NCHW", "NHWC", "NHW"):
            raise GanzooError(f"layout={self.layout!r:.60} is none of NCHW, NHWC and NHW")
        if self.range is not None and not is_range(self.range):
            raise GanzooError(f"range={self.range!r:.60} is no pair of a lower and a higher number, such as (0, 255)")
        if self.size is not None and (type(self.size) is not int or not 1 <= self.size <= 4096):
            raise GanzooError(f"size={self.size!r:.60} is not a whole number from 1 to 4096")

    def samples(self, source: Any) -> NDArray[Any]:
        """Images uint8 ``(N, C, H, W)``, or vectors float32 ``(N, features)``.

        Raises:
            GanzooError: it is neither, or it is not clear which.
        """
        if is_frame(source):
            return self._vectors(self._columns(source))
        if isinstance(source, list | tuple):
            source = self._stacked(source)
        elif self.size is not None:
            raise GanzooError("size= is for images of Pillow and folders; scale arrays yourself, and leave it out")
        if isinstance(source, int | float):
            raise GanzooError(f"the samples are {source!r:.60}, not an array; {GOOD}")
        array = as_array(source, "the samples")
        if array.dtype.kind not in "buif":
            raise GanzooError(f"the samples are {array.dtype}, not numbers; give images or vectors of numbers")
        if array.ndim == 1 and array.size:
            raise GanzooError(
                f"the samples have the shape {array.shape}, which is a single vector; give (N, features), for vectors "
                "of one feature: samples[:, None]"
            )
        if array.ndim not in (2, 3, 4) or 0 in array.shape:
            what = "are empty" if 0 in array.shape else f"have {array.ndim} axes"
            raise GanzooError(
                f"the samples of shape {array.shape} {what}; give images (N, H, W), (N, H, W, C) or (N, C, H, W), or "
                "vectors (N, features)"
            )
        if array.dtype.kind == "f" and (count := int((~np.isfinite(array)).sum())):
            raise GanzooError(f"the samples hold {count:,} values that are not finite; remove or replace them")
        return self._vectors(array) if array.ndim == 2 else self._images(array)

    # Vectors

    def _columns(self, frame: Any) -> NDArray[Any]:
        """The numeric columns of a DataFrame."""
        numeric = frame.select_dtypes(include=["number", "bool"])
        names = list(map(str, numeric.columns))
        left = [name for name in map(str, frame.columns) if name not in names]
        if not names:
            raise GanzooError(f"no column of the table holds numbers: {listed(left)}; give at least one")
        if not len(frame):
            raise GanzooError("the table has no rows; give at least one")
        if left:
            self.notes.append(f"{len(left)} columns hold no numbers and are left out: {listed(left)}")
        values: NDArray[Any] = numeric.to_numpy(dtype=np.float64, na_value=np.nan)
        if wrong := [name for name, good in zip(names, np.isfinite(values).all(0), strict=True) if not good]:
            raise GanzooError(f"columns without a finite number in each row: {listed(wrong)}; fill or drop those rows")
        self.notes.append(f"features are the columns {listed(names)}")
        return values

    def _vectors(self, array: NDArray[Any]) -> NDArray[np.float32]:
        for name in ("layout", "range", "size"):
            if (value := getattr(self, name)) is not None:
                raise GanzooError(
                    f"{name}={value!r:.60} is for images, and samples of shape {array.shape} are vectors; leave it "
                    "out, or give the samples as images"
                )
        with np.errstate(over="ignore"):
            vectors = array.astype(np.float32)
        if not np.isfinite(vectors).all():
            raise GanzooError("the samples hold values that are too large for 32 bits; scale them")
        if array.dtype != np.float32:
            self.notes.append(f"{array.dtype} values become float32")
        self.notes.append(f"vectors of {array.shape[1]:,} features, used as they are: {span(vectors)}")
        return vectors

    # Images

    def _stacked(self, items: Sequence[Any]) -> Any:
        """One array of many: of images of Pillow, arrays or tensors of one shape, or numbers."""
        if not items:
            raise GanzooError("the samples are an empty list; give at least one")
        kinds = {is_pillow(item) for item in items}
        if kinds == {True}:
            return self._of_pillow(items)
        if True in kinds:
            raise GanzooError("the list holds images of Pillow and other things; give one kind")
        if self.size is not None:
            raise GanzooError("size= is for images of Pillow and folders; scale arrays yourself, and leave it out")
        if isinstance(items[0], str | bytes) or hasattr(items[0], "__fspath__"):
            raise GanzooError("the list holds texts or paths; for files, give the path of their folder")
        if isinstance(items, tuple):
            raise GanzooError(
                "a tuple is no array of samples; give the samples, and labels with labels=, or a list of samples"
            )
        arrays = [as_array(item, f"sample {place}") for place, item in enumerate(items)]
        shapes = Counter(array.shape for array in arrays)
        if len(shapes) > 1:
            found = ", ".join(f"{shape} ({count:,})" for shape, count in shapes.most_common(MOST_NAMED))
            raise GanzooError(f"the samples have {len(shapes)} shapes: {found}; give samples of one shape")
        return np.stack(arrays)

    def _of_pillow(self, images: Sequence[Any]) -> NDArray[np.uint8]:
        """Images of Pillow as uint8 ``(N, H, W)`` where all are grey, else ``(N, H, W, 3)``; as a folder reads them."""
        from PIL import Image, ImageOps

        modes = {image.mode for image in images}
        if wrong := sorted(modes - EIGHT_BITS):
            raise GanzooError(
                f"images of Pillow in mode {listed(wrong)} have more than 8 bits; convert them: "
                "[image.convert('L') for image in images]"
            )
        mode = "L" if modes <= {"1", "L", "LA", "La"} else "RGB"
        upright = [ImageOps.exif_transpose(image) for image in images]
        if count := sum(map(is_transparent, upright)):
            self.notes.append(f"{count:,} images with transparency are laid over white")
        flat = [over_white(image).convert(mode) for image in upright]
        sizes = Counter(image.size for image in flat)
        if self.size is None and len(sizes) > 1:
            found = ", ".join(f"{w}x{h} ({count:,})" for (w, h), count in sizes.most_common(3))
            more = ", ..." if len(sizes) > 3 else ""
            raise GanzooError(
                f"the images have {len(sizes):,} sizes: {found}{more}; scale them to one: {FURTHER.format('size=64')}"
            )
        if (side := self.size) is not None:
            flat = [ImageOps.fit(image, (side, side), Image.Resampling.BICUBIC) for image in flat]
            self.notes.append(f"the largest centred square of each image is scaled to {side}x{side}")
        array = np.stack([np.asarray(image) for image in flat])
        kinds = f" of {listed(sorted(modes))}" if modes != {mode} else ""
        self.notes.append(f"images of Pillow are read as {mode}{kinds}")
        self.layout = self.layout or ("NHW" if array.ndim == 3 else "NHWC")
        self.range = self.range or (0, 255)
        return array

    def _images(self, array: NDArray[Any]) -> NDArray[np.uint8]:
        levels = self._levels(self._channels_first(array))
        return np.ascontiguousarray(levels)

    def _channels_first(self, array: NDArray[Any]) -> NDArray[Any]:
        """Images with the axes ``(N, C, H, W)``."""
        shape, layout = array.shape, self.layout
        if layout is None:
            layout = guessed_layout(shape)
            self.notes.append(f"axes {shape} are read as {layout}")
        if len(layout) != array.ndim:
            raise GanzooError(f"layout={layout} has {len(layout)} axes, and the samples have the shape {shape}")
        if layout == "NHW":
            return array[:, None]
        return array if layout == "NCHW" else np.moveaxis(array, -1, 1)

    def _levels(self, array: NDArray[Any]) -> NDArray[np.uint8]:
        """Images as uint8 in 0..255."""
        limits = self.range or guessed_range(array)
        if array.dtype == np.uint8 and limits == (0, 255):
            return array
        low, high = map(float, limits)
        values: NDArray[Any] = array.astype(
            np.float64 if array.dtype.kind in "iu" and array.dtype.itemsize > 2 else np.float32
        )
        smallest, largest = float(values.min()), float(values.max())
        slack = (high - low) * SLACK
        if smallest < low - slack or largest > high + slack:
            raise GanzooError(
                f"the samples go from {smallest:g} to {largest:g}, beyond range=({low:g}, {high:g}); give the range "
                "that they have"
            )
        if self.range is None:
            self.notes.append(f"values ({array.dtype}, {span(array)}) are read as {low:g} to {high:g}")
        if array.dtype != np.uint8:
            self.notes.append(f"{array.dtype} images become 8 bits, 0 to 255")
        levels: NDArray[np.uint8] = np.rint((values - low) * (255 / (high - low))).clip(0, 255).astype(np.uint8)
        return levels

    # Labels

    def labels(
        self, labels: Any, count: int, classes: Sequence[str] | None = None
    ) -> tuple[NDArray[np.int64], tuple[str, ...]]:
        """Labels int64 ``(count,)``, and the names of their classes.

        Raises:
            GanzooError: there are more or fewer, or they are neither whole numbers nor names, or not of the classes.
        """
        array = as_array(labels, "the labels", texts=True)
        if array.ndim == 2 and array.shape[1] == 1:
            array = array[:, 0]
        if array.ndim != 1:
            hint = "; give the class of each sample, for one-hot labels: labels.argmax(1)" if array.ndim == 2 else ""
            raise GanzooError(f"the labels have the shape {array.shape}, not ({count:,},){hint}")
        if len(array) != count:
            raise GanzooError(f"there are {count:,} samples and {len(array):,} labels; give one label for each sample")
        names = None if classes is None else checked_classes(classes)
        return self._of_names(array, names) if is_text(array) else self._of_numbers(array, names)

    def _of_names(
        self, array: NDArray[Any], names: tuple[str, ...] | None
    ) -> tuple[NDArray[np.int64], tuple[str, ...]]:
        found = sorted(set(array.tolist()))
        if names is None:
            names = checked_classes(found)
            self.notes.append(f"{len(names):,} classes in alphabetical order: {listed(names)}")
        if unknown := [name for name in found if name not in set(names)]:
            raise GanzooError(f"labels that are no class: {listed(unknown)}; the classes are {listed(names)}")
        places = {name: place for place, name in enumerate(names)}
        return np.array([places[name] for name in array.tolist()], np.int64), names

    def _of_numbers(
        self, array: NDArray[Any], names: tuple[str, ...] | None
    ) -> tuple[NDArray[np.int64], tuple[str, ...]]:
        if array.dtype.kind == "f":
            if count := int((~np.isfinite(array)).sum()):
                raise GanzooError(f"{count:,} labels are not finite; give a class for each sample")
            if not (array == np.rint(array)).all():
                raise GanzooError(f"the labels are {array.dtype} and not whole, such as {array[array % 1 != 0][0]:g}")
            self.notes.append(f"labels ({array.dtype}) become whole numbers")
        elif array.dtype.kind not in "bui":
            raise GanzooError(f"the labels are {array.dtype}; give whole numbers from 0, or names")
        lowest, highest = int(array.min()), int(array.max())
        if lowest < 0 or highest >= (MOST_CLASSES if names is None else len(names)):
            good = f"0 to {len(names) - 1} for {len(names)} classes" if names else f"0 to less than {MOST_CLASSES:,}"
            raise GanzooError(f"the labels go from {lowest} to {highest}; give {good}")
        if names is None:
            names = tuple(map(str, range(highest + 1)))
            if missing := len(names) - len(np.unique(array)):
                self.notes.append(f"{missing:,} of the classes 0 to {highest} have no sample")
        return array.astype(np.int64), names


def guessed_layout(shape: tuple[int, ...]) -> Layout:
    """The order of the axes of images, by which axis has 1, 3 or 4 channels."""
    if len(shape) == 3:
        if shape[2] in CHANNELS or shape[0] in CHANNELS:
            one = "images[None]"
            raise GanzooError(
                f"samples of shape {shape} may be one image with its channels, or grey images without; give {one} for "
                f"one image, or {FURTHER.format('layout=' + repr('NHW'))}"
            )
        return "NHW"
    first, last = shape[1] in CHANNELS, shape[3] in CHANNELS
    if first == last:
        which = "either the first or the last" if first else "neither the first nor the last"
        raise GanzooError(
            f"samples of shape {shape}: {which} axis of an image may be the channels (1, 3 or 4); name the axes: "
            f"{FURTHER.format('layout=' + repr('NHWC'))} or 'NCHW'"
        )
    return "NCHW" if first else "NHWC"


def guessed_range(array: NDArray[Any]) -> Limits:
    """The values of black and white."""
    say = FURTHER.format("range=({}, {})")
    smallest, largest = array.min(), array.max()
    if array.dtype.kind == "b":
        return 0, 1
    if array.dtype.kind in "iu":
        if array.dtype.itemsize == 2 or smallest < 0 or largest > 255:
            most = 65535 if array.dtype.itemsize == 2 else int(largest)
            raise GanzooError(
                f"the images are {array.dtype} from {smallest} to {largest}, more than 8 bits; say which values are "
                f"black and white: {say.format(min(0, int(smallest)), most)}"
            )
        if largest <= 1 and array.size > 1:
            raise GanzooError(
                f"the images are {array.dtype} and hold only 0 and 1, which is black if white is 255; say which it is: "
                f"{say.format(0, 1)} or (0, 255)"
            )
        return 0, 255
    if smallest >= -SLACK and largest <= 1 + SLACK:
        return 0, 1
    if smallest >= -1 - 2 * SLACK and largest <= 1 + 2 * SLACK:
        return -1, 1
    known = (0, 255) if smallest >= 0 and largest <= 255 else (f"{smallest:.4g}", f"{largest:.4g}")
    raise GanzooError(
        f"the images are {array.dtype} from {smallest:.4g} to {largest:.4g}, neither 0 to 1 nor -1 to 1; say which "
        f"values are black and white: {say.format(*known)}"
    )


# What somebody else's objects are.


def as_array(source: Any, what: str, *, texts: bool = False) -> NDArray[Any]:
    """Anything that is an array already, or becomes one without a guess.

    Raises:
        GanzooError: it is none, is ragged, or holds Python objects.
    """
    if is_module(source):
        raise GanzooError(f"{what} are a network, {type(source).__name__}; give an array")
    if isinstance(source, np.ma.MaskedArray):
        raise GanzooError(f"{what} are a MaskedArray, whose mask no data set keeps; fill it first")
    if is_tensor(source):
        tensor = source.detach().cpu()
        return np.asarray((tensor.float() if "bfloat16" in str(tensor.dtype) else tensor).numpy())
    is_sequence = isinstance(source, np.ndarray | list | tuple | np.generic | int | float)
    if not is_sequence and not hasattr(source, "__array__"):
        raise GanzooError(f"{what} are a {type(source).__name__}, not an array; {GOOD}")
    try:
        array = np.asarray(source)
    except FOREIGN_ERRORS as error:
        raise GanzooError(f"{what} make no array of one shape: {first_line(error)}") from None
    if texts and array.dtype.kind == "T":
        return array.astype(np.str_)
    if (
        array.dtype.kind == "U"
        and isinstance(source, list | tuple)
        and any(not isinstance(each, str) for each in source)
    ):
        array = np.array(source, object)  # numpy has made texts of numbers
    if array.dtype.kind == "O":
        found = {type(value).__name__ for value in array.flat[:1000]}
        if texts and found == {"str"} and all(isinstance(value, str) for value in array.flat):
            return array.astype(np.str_)
        good = "numbers, or texts without a missing one" if texts else "numbers of one kind and shape"
        raise GanzooError(f"{what} hold Python objects ({listed(sorted(found))}); give {good}")
    return array


GOOD = (
    "give an array of numpy, a tensor, a list of images of Pillow or of arrays, a table of pandas, a Dataset of torch, "
    "the path of a folder, or the name of a data set"
)
"""What :func:`ganzoo.data.as_data` takes."""


def of_dataset(source: Any) -> Labelled:
    """All items of a Dataset of torch, each an image or ``(image, label)``.

    Raises:
        GanzooError: it has no length, an item cannot be read, or items are something else.
    """
    try:
        count = len(source)
    except FOREIGN_ERRORS:
        raise GanzooError(
            f"a {type(source).__name__} has no length, and a data set needs one; give a Dataset with items by number"
        ) from None
    if not count:
        raise GanzooError(f"the {type(source).__name__} is empty; give one with at least one item")
    items = list(_items(source, count))
    pairs = [isinstance(item, tuple | list) and not is_pillow(item) for item in items]
    if len(set(pairs)) > 1:
        raise GanzooError(f"some items of the {type(source).__name__} have a label and some have none")
    names = getattr(source, "classes", ())
    classes = tuple(names) if isinstance(names, list | tuple) and all(isinstance(each, str) for each in names) else ()
    if not pairs[0]:
        return Labelled([_plain(item) for item in items])
    if wrong := [item for item in items if not 1 <= len(item) <= 2]:
        raise GanzooError(
            f"an item of the {type(source).__name__} has {len(wrong[0])} parts; an item has to be an image or "
            "(image, label)"
        )
    samples = [_plain(item[0]) for item in items]
    if any(len(item) == 1 for item in items):  # as of a TensorDataset of one tensor
        return Labelled(samples)
    return Labelled(samples, [_label(item[1], source) for item in items], classes)


def _items(source: Any, count: int) -> Iterator[Any]:
    for place in range(count):
        try:
            yield source[place]
        except Exception as error:  # of any kind, since a Dataset is anybody's code
            raise GanzooError(
                f"item {place} of the {type(source).__name__} cannot be read: {first_line(error)}"
            ) from error


def _plain(item: Any) -> Any:
    return item if is_pillow(item) else as_array(item, "an item")


def _label(value: Any, source: Any) -> Any:
    """A label as a number or a name of Python."""
    scalar = value.item() if getattr(value, "shape", None) in ((), (1,)) and hasattr(value, "item") else value
    if isinstance(scalar, int | float | str):
        return scalar
    raise GanzooError(
        f"the second part of an item of the {type(source).__name__} is a {type(value).__name__}, which is no label; an "
        "item has to be an image or (image, label)"
    )


def is_dataset(source: Any) -> bool:
    """Whether something has items by number, as a map-style Dataset of torch, and is no array, list or mapping."""
    known = isinstance(source, str | bytes | list | tuple | Mapping | np.ndarray) or hasattr(source, "__array__")
    return not known and hasattr(type(source), "__getitem__") and not is_frame(source) and not is_module(source)


def is_lazy(source: Any) -> bool:
    """Whether something is read batch by batch already; see :class:`ganzoo.data.Samples`."""
    is_array = hasattr(source, "__array__") or not hasattr(type(source), "__getitem__")
    return not is_array and hasattr(source, "shape") and hasattr(source, "dtype")


def is_loader(source: Any) -> bool:
    """Whether something is a DataLoader of torch, which gives batches."""
    return hasattr(source, "dataset") and hasattr(source, "batch_size") and hasattr(type(source), "__iter__")


def is_tensor(source: Any) -> bool:
    return _is_of("torch", "Tensor", source)


def is_pillow(source: Any) -> bool:
    return _is_of("PIL.Image", "Image", source)


def is_module(source: Any) -> bool:
    """Whether something is a network of torch."""
    return _is_of("torch.nn", "Module", source)


def is_frame(source: Any) -> bool:
    """Whether something is a table of pandas."""
    return hasattr(source, "select_dtypes") and hasattr(source, "columns")


def _is_of(module: str, name: str, source: Any) -> bool:
    """Whether an object is of a class of a module, which then has been imported."""
    kind = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(source, kind)


def is_transparent(image: Any) -> bool:
    return image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or image.info.get("transparency") is not None


def over_white(image: Any) -> Any:
    """An image of Pillow without transparency."""
    from PIL import Image

    if not is_transparent(image):
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))


def is_text(array: NDArray[Any]) -> bool:
    return array.dtype.kind == "U"


def is_range(value: object) -> bool:
    numbers: Callable[[Iterable[Any]], bool] = lambda each: all(  # noqa: E731
        isinstance(one, int | float | np.number) and math.isfinite(one) for one in each
    )
    return isinstance(value, tuple | list) and len(value) == 2 and numbers(value) and value[0] < value[1]


def checked_classes(classes: Sequence[Any]) -> tuple[str, ...]:
    """Names of classes; GanzooError unless they are texts that differ."""
    names = tuple(classes) if isinstance(classes, list | tuple | np.ndarray) else ()
    if not names or not all(isinstance(name, str) for name in names) or len(set(names)) != len(names):
        raise GanzooError(f"classes={classes!r:.60} are not different names, such as ['cat', 'dog']")
    return tuple(map(str, names))


def span(values: NDArray[Any]) -> str:
    """``0 to 255``."""
    return f"{float(values.min()):.4g} to {float(values.max()):.4g}"


def listed(names: Sequence[Any]) -> str:
    """The first few names, printable, and how many more there are."""
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    return ", ".join(printable(str(name), 40) for name in names[:MOST_NAMED]) + more
