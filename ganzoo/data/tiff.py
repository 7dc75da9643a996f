"""TIFF files of several channels or of deep colours, by tifffile. What Pillow reads whole is left to it.

The layout of a file is read here, from its first directories: it decides who reads the file, also where tifffile is not
installed, and it bounds what tifffile is asked for. Source: TIFF 6.0 (Aldus, 1992) and BigTIFF.
"""

from __future__ import annotations

import json
import math
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganzoo.util.errors import GanzooError
from ganzoo.util.optional import needs

if TYPE_CHECKING:
    from tifffile import TiffPage

SUFFIXES = (".tif", ".tiff")
MAX_CHANNELS = 13  # as of Sentinel-2; of more, a file is rather a stack or a spectrum
MAX_PIXELS = 2**26  # of one file; photographs have fewer, files made to exhaust the memory more
MAX_VALUES = 2**28  # of all channels, as of RGBA of so many pixels
MAX_DIRECTORIES, MAX_ENTRIES, MAX_NUMBERS = 64, 4096, 64  # that are looked at here
MAX_TEXT = 2**20  # bytes of a description that are looked at
MAX_LZW, LZW_RATIO = 2**30, 1400  # bytes that a strip may unfold to, and how many there are at most for one

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, DESCRIPTION = 256, 257, 258, 259, 262, 270
# ORIENTATION is an EXIF tag too: how the pixels are to be turned, from 5 on by 90 degrees. PHOTOMETRIC 0: 0 is white.
ORIENTATION, SAMPLES, PLANAR, EXTRA, FORMAT = 274, 277, 284, 338, 339
KIND, OLD_KIND = 254, 255  # of a page: reduced copies and masks are no further images
NUMBERS = {3: "H", 4: "I", 16: "Q"}
ALPHA = ((), (1,), (2,))  # extra samples of RGBA; Pillow takes a fourth sample without a word about it for alpha
UNCOMPRESSED, LZW, ZSTD, DEFLATE = 1, 5, 50000, (8, 32946)
WITH_IMAGECODECS = {LZW: "LZW", ZSTD: "Zstandard"}
AXES = {"YX": (0, 1), "YXS": (2, 0, 1), "SYX": (0, 1, 2)}  # channels first

UNREADABLE = (OSError, KeyError, IndexError, OverflowError, struct.error)  # of a directory

Pixels = NDArray[np.uint8] | NDArray[np.uint16]
Tags = dict[int, tuple[int, ...]]


class Layout(NamedTuple):
    """How a TIFF file stores an image.

    Attributes:
        by_pillow: whether Pillow reads all of it.
        further: whether there are more images in the file, which are left out.
        width, height: in pixels, as stored.
        orientation: how the pixels are to be turned, 1 to 8.
        channels: of the image.
        bits: of a value, 8 or 16.
        pages: where the channels are: in one page, or in one each.
        colour: whether the channels are RGB or RGBA.
    """

    by_pillow: bool
    further: bool
    width: int
    height: int
    orientation: int
    channels: int
    bits: int
    pages: tuple[int, ...]
    colour: bool

    @property
    def bands(self) -> int:
        """The number of channels that are neither grey nor colours; 0 of other images."""
        return 0 if self.colour or self.by_pillow else self.channels

    @property
    def sides(self) -> tuple[int, int]:
        """Width and height, the right way up."""
        return (self.height, self.width) if self.orientation >= 5 else (self.width, self.height)


def layout(path: Path) -> Layout | None:
    """How a TIFF file stores its image. Only directories and descriptions are read, a bounded part of the file.

    Returns:
        ``None`` for files of another suffix, and for those that Pillow refuses too.

    Raises:
        ValueError: it holds channels of a kind that is not read.
        GanzooError: whether its pages are channels is not clear.
    """
    if path.suffix.lower() not in SUFFIXES:
        return None
    try:
        with path.open("rb") as file:
            pages = (page for page in _directories(file) if not _is_copy(page[0]))
            first, text = next(pages)
            width, height = first[WIDTH][0], first[HEIGHT][0]
            try:
                several = next(pages, None) is not None
            except UNREADABLE:
                several = True
    except (*UNREADABLE, StopIteration):
        return None
    samples = first.get(SAMPLES, (1,))[0]
    planes = _planes(text, samples, (height, width), str(path)) if several or samples == 1 else []
    channels = math.prod(size for axis, size in planes if axis == "C")
    photometric, extra = first.get(PHOTOMETRIC, (1,))[0], first.get(EXTRA, ())
    bits, kinds = first.get(BITS, (1,)), first.get(FORMAT, (1,))
    is_colour = photometric == 2 and (samples == 3 or (samples == 4 and extra in ALPHA)) and channels == 1
    is_deep = set(bits) == {16} and set(kinds) == {1}
    found = Layout(
        by_pillow=True,
        further=several and (channels == 1 or math.prod(size for _, size in planes) != channels),
        width=width,
        height=height,
        orientation=first.get(ORIENTATION, (1,))[0],
        channels=samples * channels,
        bits=max(bits),
        pages=_places(planes, text),
        colour=is_colour,
    )
    if is_colour:  # Pillow reads planes of 16 bits as if they had 8
        return found._replace(by_pillow=not is_deep or first.get(PLANAR, (1,))[0] != 2)
    is_grey = samples == 1 or (samples == 2 and extra in ALPHA[1:] and set(bits) == {8})
    if channels == 1 and (is_grey or photometric not in (0, 1, 2)):
        return found
    _require_bands(found, bits, kinds, photometric, samples)
    return found._replace(by_pillow=False)


def read(path: Path, how: Layout) -> Pixels:
    """The channels of an image, the right way up.

    Returns:
        uint8 or uint16 ``(C, height, width)``.

    Raises:
        GanzooError: tifffile is not installed, or imagecodecs, which the file needs.
        Exception: of any kind that tifffile raises, if the file is cut off or damaged.
    """
    if how.width * how.height > MAX_PIXELS or how.width * how.height * how.channels > MAX_VALUES:
        raise ValueError(f"{how.width}x{how.height} pixels of {how.channels} channels, more than {MAX_VALUES} values")
    with needs("tiff"):
        import tifffile
    # without the formats of instruments, some of which read other files too
    formats: dict[str, Any] = {f"is_{name}": False for name in tifffile.TIFF.FILE_FLAGS}
    with path.open("rb") as raw, tifffile.TiffFile(path, **formats) as file:
        parts = []
        for place in how.pages:
            try:
                page = file.pages[place]
            except IndexError:
                raise ValueError(f"there is no page {place + 1}, where a channel should be") from None
            if not isinstance(page, tifffile.TiffPage):
                raise ValueError(f"page {place + 1} cannot be read")
            _require_readable(page, how, raw, path)
            pixels = np.asarray(page.asarray(maxworkers=1)).transpose(AXES[page.axes])
            parts.append(pixels.reshape(-1, how.height, how.width).astype(f"u{how.bits // 8}", copy=False))
    turned: NDArray[Any] = np.ascontiguousarray(_turned(np.concatenate(parts), how.orientation))
    return turned


def write(path: Path, pixels: Pixels) -> None:
    """Write an image ``(C, height, width)`` of uint8 or uint16 as TIFF; three channels as RGB, four as RGBA.

    Raises:
        GanzooError: tifffile is not installed.
    """
    with needs("tiff"):
        from tifffile import imwrite
    count = len(pixels)
    imwrite(
        path,
        np.ascontiguousarray(np.moveaxis(pixels, 0, -1)),
        photometric="rgb" if count in (3, 4) else "minisblack",
        planarconfig="contig",
        extrasamples=["unassalpha"] if count == 4 else None,
        metadata=None,
    )


def is_installed() -> bool:
    """Whether tifffile is installed."""
    try:
        import tifffile  # noqa: F401
    except ModuleNotFoundError:
        return False
    return True


def _turned(pixels: Pixels, orientation: int) -> Pixels:
    """Pixels ``(C, height, width)``, the right way up."""
    turns: dict[int, Callable[[Pixels], Pixels]] = {
        2: lambda each: each[:, :, ::-1],
        3: lambda each: each[:, ::-1, ::-1],
        4: lambda each: each[:, ::-1],
        5: lambda each: each.transpose(0, 2, 1),
        6: lambda each: each[:, ::-1].transpose(0, 2, 1),
        7: lambda each: each[:, ::-1, ::-1].transpose(0, 2, 1),
        8: lambda each: each[:, :, ::-1].transpose(0, 2, 1),
    }
    return turns[orientation](pixels) if orientation in turns else pixels


def _directories(file: IO[bytes]) -> Iterator[tuple[Tags, str]]:
    """The numbers in the first directories of a file, and its description; of each a bounded part."""
    head = file.read(16)
    order = {b"II": "<", b"MM": ">"}[head[:2]]
    is_big = struct.unpack(f"{order}H", head[2:4])[0] == 43
    count_format, entry_format, place_format = (
        (f"{order}Q", f"{order}HHQ8s", f"{order}Q") if is_big else (f"{order}H", f"{order}HHI4s", f"{order}I")
    )
    [where] = struct.unpack(place_format, head[8:16] if is_big else head[4:8])
    visited: set[int] = set()
    while where and where not in visited and len(visited) < MAX_DIRECTORIES:
        visited.add(where)
        file.seek(where)
        [count] = struct.unpack(count_format, file.read(struct.calcsize(count_format)))
        if count > MAX_ENTRIES:
            raise KeyError(count)
        size = struct.calcsize(entry_format)
        entries = file.read(count * size + struct.calcsize(place_format))
        tags: Tags = {}
        text = ""
        for start in range(0, count * size, size):
            tag, kind, number, value = struct.unpack(entry_format, entries[start : start + size])
            if tag == DESCRIPTION and kind == 2 and not text:
                text = _value(file, value, number, 1, order)[:MAX_TEXT].rstrip(b"\0").decode("utf-8", "replace")
            elif kind in NUMBERS and number > 0:
                each = struct.calcsize(f"{order}{NUMBERS[kind]}")
                number = min(number, MAX_NUMBERS)
                content = _value(file, value, number, each, order)
                tags.setdefault(tag, struct.unpack(f"{order}{number}{NUMBERS[kind]}", content))
        yield tags, text
        [where] = struct.unpack(place_format, entries[count * size :])


def _value(file: IO[bytes], value: bytes, number: int, each: int, order: str) -> bytes:
    """The bytes of an entry: in it, or where it points to."""
    size = min(number * each, MAX_TEXT)
    if number * each <= len(value):
        return value[:size]
    file.seek(struct.unpack(f"{order}{'I' if len(value) == 4 else 'Q'}", value)[0])
    return file.read(size)


def _is_copy(tags: Tags) -> bool:
    """Whether a page is a reduced copy of another, or its mask."""
    return bool(tags.get(KIND, (0,))[0] & 5) or tags.get(OLD_KIND, (1,))[0] == 2


def _planes(text: str, samples: int, sides: tuple[int, int], name: str) -> list[tuple[str, int]]:
    """Axes of the pages of a file and their sizes, the slowest first, as its description has them.

    ``C`` is that of channels, ``Q`` one without a name. Read are the descriptions of ImageJ, of OME-TIFF and those that
    tifffile writes; without one there are no axes.

    Raises:
        ValueError: pages and samples are both channels.
        GanzooError: axes without a name may be channels.
    """
    found: list[tuple[str, int]] = []
    if text.startswith("ImageJ="):
        sizes = {key: int(size) for key, size in re.findall(r"^(\w+)=(\d{1,9})\s*$", text, re.MULTILINE)}
        found = [("T", sizes.get("frames", 1)), ("Z", sizes.get("slices", 1)), ("C", sizes.get("channels", 1))]
    elif pixels := re.search(r"<(?:\w+:)?Pixels\b[^>]*>", text):
        about = _attributes(pixels[0])
        order = re.fullmatch("XY([ZCT]{3})", about.get("DimensionOrder", ""))
        found = [(axis, int(about.get(f"Size{axis}", "1"))) for axis in reversed(order[1])] if order else []
    elif text.startswith("{"):
        found = _shaped_planes(text, samples, sides)
    if samples > 1:  # of one page, where they are named channels too
        found = [(axis, size // samples if axis == "C" and size % samples == 0 else size) for axis, size in found]
    sizes = dict(found)
    if len(sizes) < len(found) or any(size < 1 for size in sizes.values()):
        return []
    if samples > 1 and sizes.get("C", 1) > 1:
        raise ValueError(f"{sizes['C']} pages of {samples} channels each; write all channels into one page")
    if (
        (unknown := sizes.get("Q", 1)) > 1
        and samples == 1
        and "C" not in sizes
        and min(unknown, *sides) <= MAX_CHANNELS
    ):
        raise GanzooError(
            f"{name:.200}: {unknown} pages of {sides[0]}x{sides[1]}, whose axes have no names, may be channels or not; "
            "write them with tifffile.imwrite(..., metadata={'axes': 'CYX'}) or 'ZYX', or planarconfig='contig' or "
            "'separate'"
        )
    return found


def _shaped_planes(text: str, samples: int, sides: tuple[int, int]) -> list[tuple[str, int]]:
    """Axes in front of those of a page, in the description that tifffile writes: JSON with a shape, perhaps axes."""
    try:
        about = json.loads(text)
    except (ValueError, RecursionError):
        return []
    shape, axes = about.get("shape"), about.get("axes")
    if not isinstance(shape, list) or not all(isinstance(size, int) and 0 < size < 2**31 for size in shape):
        return []
    count, rest = divmod(math.prod(shape), math.prod(sides) * samples)
    if rest or count < 2:
        return []
    if not isinstance(axes, str) or len(axes) != len(shape):
        return [("Q", count)]
    inner = "YXS" if "S" in axes else "YXC" if samples > 1 else "YX"
    named = [(axis, size) for axis, size in zip(axes, shape, strict=True) if axis not in inner and size > 1]
    if math.prod(size for _, size in named) != count:
        return [("Q", count)]
    known = [(axis, size) for axis, size in named if axis not in "QI"]
    return known if len(known) == len(named) or "C" in axes else [("Q", count)]


def _places(planes: list[tuple[str, int]], text: str) -> tuple[int, ...]:
    """The pages that hold the channels of the first image."""
    names = [axis for axis, _ in planes]
    if "C" not in names:
        return (0,)
    place = names.index("C")
    step, count = math.prod(size for _, size in planes[place + 1 :]), planes[place][1]
    pages = [channel * step for channel in range(min(count, MAX_CHANNELS + 1))]
    for entry in re.findall(r"<(?:\w+:)?TiffData\b[^>]*>", text.partition("</Pixels>")[0]):
        about = _attributes(entry)
        channel = int(about.get("FirstC", "0"))
        if "IFD" in about and about.get("FirstZ", "0") == about.get("FirstT", "0") == "0" and channel < len(pages):
            pages[channel] = int(about["IFD"])
    return tuple(pages)


def _attributes(element: str) -> dict[str, str]:
    """Attributes of an XML element that matter here; numbers of at most nine digits."""
    return dict(re.findall(r'\b((?:Size|First)[ZCT]|IFD|DimensionOrder)="(\d{1,9}|[XYZCT]{5})"', element))


def _require_bands(how: Layout, bits: tuple[int, ...], kinds: tuple[int, ...], photometric: int, samples: int) -> None:
    """Refuse channels that are not read. Raises ValueError."""
    if how.channels > MAX_CHANNELS:
        raise ValueError(f"{how.channels} channels, more than {MAX_CHANNELS}")
    if len(set(bits)) > 1 or bits[0] not in (8, 16) or set(kinds) != {1}:
        raise ValueError(f"channels of {bits[0]} bits, of which only whole numbers of 8 or 16 are read")
    if photometric not in (1, 2):
        raise ValueError("channels in which 0 is white" if photometric == 0 else "channels that are a palette or inks")


def _require_readable(page: TiffPage, how: Layout, raw: IO[bytes], path: Path) -> None:
    """Refuse a page that differs from the layout, is cut off, or unfolds to more than its header says."""
    if page.compression in WITH_IMAGECODECS:
        try:
            import imagecodecs  # noqa: F401
        except ModuleNotFoundError:
            raise GanzooError(
                f"{path!s:.200} is compressed by {WITH_IMAGECODECS[page.compression]}; run: pip install "
                "imagecodecs, or write it without compression or by deflate"
            ) from None
    elif page.compression not in (UNCOMPRESSED, *DEFLATE):
        raise ValueError(f"compressed by {page.compression:d}; write it without compression or by deflate")
    samples = how.channels // len(how.pages)
    same = (page.imagewidth, page.imagelength, page.samplesperpixel) == (how.width, how.height, samples)
    if not same or page.dtype != np.dtype(f"u{how.bits // 8}") or page.axes not in AXES or page.predictor not in (1, 2):
        raise ValueError(f"a page {page.shape} of {page.dtype}, which does not fit the others")
    values = samples if page.planarconfig == 1 else 1
    high, wide = (
        (page.tilelength, page.tilewidth)
        if page.is_tiled
        else (min(page.rowsperstrip, page.imagelength), page.imagewidth)
    )
    if high < 1 or wide < 1 or high * wide * values > MAX_VALUES:
        raise ValueError(f"parts of {high}x{wide} pixels")
    down = -(-page.imagelength // high)
    parts = down * -(-page.imagewidth // wide) * samples // values
    offsets, lengths = page.dataoffsets, page.databytecounts
    end = raw.seek(0, 2)
    whole = [length for start, length in zip(offsets, lengths, strict=False) if start > 0 < length <= end - start]
    if not len(whole) == len(offsets) == len(lengths) == parts:
        raise ValueError(f"cut off: {len(whole)} of {parts} parts are there")
    row = wide * values * page.dtype.itemsize
    for part, (start, length) in enumerate(zip(offsets, lengths, strict=True)):
        least = row * (high if page.is_tiled else min(high, page.imagelength - part % down * high))
        is_plain = page.compression == UNCOMPRESSED
        found = length if is_plain else _unfolded(raw, page.compression, start, length, row * high)
        if found < least or (found > row * high and not is_plain):
            raise ValueError(f"damaged: part {part + 1} of {parts} has {found} bytes instead of {least}")


def _unfolded(raw: IO[bytes], compression: int, start: int, length: int, most: int) -> int:
    """How many bytes a part unfolds to, without ever unfolding much more than it should."""
    if compression == LZW and length * LZW_RATIO > MAX_LZW:
        raise ValueError(f"a part of {length} bytes by LZW; write smaller strips or tiles")
    raw.seek(start)
    data = raw.read(length)
    if compression in DEFLATE:
        return len(zlib.decompressobj().decompress(data, most + 1))
    import imagecodecs

    decoded: Any = imagecodecs.lzw_decode(data) if compression == LZW else imagecodecs.zstd_decode(data, out=most)
    return len(decoded)
