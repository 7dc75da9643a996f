"""TIFF files of several channels, in folders and in pairs."""

from __future__ import annotations

import logging
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ganzoo.data import Data, Request, decode, folder, load, made, tiff
from ganzoo.util.errors import GanzooError

Image = pytest.importorskip("PIL.Image")
tifffile = pytest.importorskip("tifffile")

Pixels = NDArray[Any]


def noise(channels: int, dtype: type = np.uint16, sides: tuple[int, int] = (9, 7), seed: int = 0) -> Pixels:
    """Random values ``(C, height, width)``."""
    most = int(np.iinfo(dtype).max)
    found: Pixels = np.random.default_rng(seed).integers(0, most, (channels, *sides), dtype, endpoint=True)
    found.flat[0] = most
    return found


def save(path: Path, pixels: Pixels, how: str = "contig", **options: Any) -> Path:
    """A file of channels ``(C, height, width)``: interleaved, in planes, or in pages with these axes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if how in ("contig", "separate"):
        values = np.moveaxis(pixels, 0, -1) if how == "contig" else pixels
        options = {"planarconfig": how, "metadata": None} | options
    else:
        values = pixels
        options = {"metadata": {"axes": how}} | options
    tifffile.imwrite(path, values, **{"photometric": "minisblack"} | options)
    return path


def read(root: Path, size: int = 8) -> Data:
    return folder.folder(Request(name=f"folder:{root}", argument=str(root), size=size))


WAYS: dict[str, dict[str, Any]] = {
    "interleaved": {},
    "planes": {"how": "separate"},
    "deflate": {"compression": "zlib", "predictor": True, "rowsperstrip": 4},
    "tiles": {"tile": (16, 16)},
    "BigTIFF, big-endian": {"bigtiff": True, "byteorder": ">"},
    "pages": {"how": "CYX"},
    "ImageJ": {"how": "CYX", "imagej": True},
    "OME": {"how": "CYX", "ome": True},
    "RGB and others": {"photometric": "rgb"},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_all_channels_are_read(tmp_path: Path, way: str, dtype: type) -> None:
    pixels = noise(5, dtype)
    path = save(tmp_path / "a.tif", pixels, **WAYS[way])
    stored = decode.inspect(path)
    assert (stored.bands, stored.grey, stored.further) == (5, False, False)
    assert decode.sides(path) == (7, 9)
    depth = np.iinfo(dtype).bits
    np.testing.assert_array_equal(decode.unscaled(path, (5, 9, 7)), pixels >> (depth - 8))
    whole = decode.whole(path, 5)
    assert (whole.bits, whole.alpha, whole.cut) == (depth, None, False)
    np.testing.assert_allclose(whole.values, pixels / np.iinfo(dtype).max, atol=1e-7)
    assert read(tmp_path).shape == (5, 8, 8)


@pytest.mark.parametrize("channels", [2, 3, 4, 13])
def test_from_2_to_13_channels(tmp_path: Path, channels: int) -> None:
    pixels = noise(channels, np.uint8, (6, 6))
    save(tmp_path / "a.tif", pixels, "separate")
    data = read(tmp_path, 6)
    np.testing.assert_array_equal(data.samples[:], pixels[None])
    save(tmp_path / "b.tiff", noise(14), "separate")
    with pytest.raises(ValueError, match="14 channels, more than 13"):
        decode.inspect(tmp_path / "b.tiff")


def test_a_channel_is_scaled_as_grey_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pixels = noise(3, sides=(40, 60)) >> 4
    save(tmp_path / "bands" / "a.tif", pixels, "separate")
    for number, channel in enumerate(pixels):
        path = tmp_path / "grey" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(channel).save(path)
    with caplog.at_level(logging.INFO, "ganzoo"):
        bands = read(tmp_path / "bands").samples[:]
    np.testing.assert_array_equal(bands[0], read(tmp_path / "grey").samples[:, 0])
    assert caplog.messages[:2] == [
        "1 images of more than 8 bits hold values up to 4095: read as 12 bits, scaled to 8",
        f"{tmp_path / 'bands'} has images of 3 channels; pictures show the first three",
    ]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(tmp_path: Path, orientation: int) -> None:
    pixels = noise(2, np.uint8)
    tag = [(tiff.ORIENTATION, 3, 1, orientation, True)]
    both = save(tmp_path / "a.tif", pixels, extratags=tag)
    one = tmp_path / "b.tif"
    tifffile.imwrite(one, pixels[0], photometric="minisblack", metadata=None, extratags=tag)
    width, height = decode.sides(one)
    assert decode.sides(both) == (width, height)
    np.testing.assert_array_equal(
        decode.unscaled(both, (2, height, width))[:1], decode.unscaled(one, (1, height, width))
    )


def test_what_pillow_reads_needs_no_tifffile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tifffile", None)
    pixels = noise(4, np.uint8)
    for mode in ("L", "LA", "RGB", "RGBA", "CMYK", "LAB", "P", "1", "I;16"):
        path = tmp_path / f"{mode[:2]}.tif"
        image = Image.fromarray(noise(1)[0]) if mode == "I;16" else Image.fromarray(pixels[:3].T.copy()).convert("RGB")
        (image if mode == "I;16" else image.convert(mode)).save(path)
        how = tiff.layout(path)
        assert how is not None
        assert how.by_pillow, mode
        decode.inspect(path)
    save_without = pytest.MonkeyPatch()
    save_without.setitem(sys.modules, "tifffile", tifffile)
    path = save(tmp_path / "x" / "a.tif", noise(5))
    save_without.undo()
    monkeypatch.setitem(sys.modules, "tifffile", None)
    with pytest.raises(GanzooError, match=r"this needs tifffile, which is not installed; run: pip install 'ganzoo-kit"):
        read(path.parent)


def test_planes_of_deep_colours_are_read_as_interleaved_ones(tmp_path: Path) -> None:
    pixels = noise(3)
    planes = save(tmp_path / "a.tif", pixels, "separate", photometric="rgb")
    mixed = save(tmp_path / "b.tif", pixels, photometric="rgb")
    assert decode.inspect(planes) == decode.inspect(mixed) == decode.Stored(False, upper=255)
    for channels in (1, 3, 4):
        shape = (channels, 9, 7)
        np.testing.assert_array_equal(decode.unscaled(planes, shape), decode.unscaled(mixed, shape))
    for path in (planes, mixed):
        np.testing.assert_allclose(decode.whole(path, 3).values, pixels / 65535, atol=1e-7)
        assert decode.whole(path, 3).bits == 16
        assert decode.whole(path, 1).cut


def test_different_channels_are_refused_with_counts(tmp_path: Path) -> None:
    for number in range(3):
        save(tmp_path / f"{number}.tif", noise(5))
    save(tmp_path / "x.tif", noise(4))
    Image.new("RGB", (9, 9)).save(tmp_path / "y.png")
    with pytest.raises(
        GanzooError, match=r"has images of 5 \(3 images\) and 4 \(1 images\) and 3 \(1 images\) channels"
    ):
        read(tmp_path)
    for name in ("x.tif", "y.png"):
        (tmp_path / name).unlink()
    with pytest.raises(GanzooError, match=r"has images of 5 \(3 images\) channels, which are no rgb; leave that out"):
        load(f"folder:{tmp_path}", channels="rgb")


@pytest.mark.parametrize("shape", [(5, 64, 64), (64, 64, 5)])
def test_axes_that_are_not_clear_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros(shape, np.uint8), photometric="minisblack")
    with pytest.raises(GanzooError, match=r"pages of 64x\d+, whose axes have no names, may be channels or not; write"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("shape", "axes", "options", "pages"),
    [
        ((3, 9, 7), "ZYX", {}, [0]),
        ((20, 14, 15), "", {}, [0]),
        ((3, 2, 9, 7), "ZCYX", {}, [0, 1]),
        ((2, 3, 9, 7), "CZYX", {"ome": True}, [0, 3]),
        ((3, 2, 9, 7), "TCYX", {"imagej": True}, [0, 1]),
    ],
)
def test_of_a_stack_the_first_image_is_read(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    shape: tuple[int, ...],
    axes: str,
    options: dict[str, Any],
    pages: list[int],
) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    about = {"metadata": {"axes": axes} if axes else {}}
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="minisblack", **about, **options)
    found = decode.unscaled(tmp_path / "a.tif", (len(pages), *shape[-2:]))
    np.testing.assert_array_equal(found, pixels.reshape(-1, *shape[-2:])[pages])
    read(tmp_path)
    assert "1 TIFF files hold several images, of which the first is read" in caplog.text


def test_a_pyramid_is_one_image(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(noise(5, np.uint8, (64, 64)), photometric="minisblack", planarconfig="separate", metadata=None)
        reduced = noise(5, np.uint8, (32, 32))
        file.write(reduced, photometric="minisblack", planarconfig="separate", subfiletype=1, metadata=None)
    assert not decode.inspect(tmp_path / "a.tif").further


@pytest.mark.parametrize(
    ("pixels", "options", "message"),
    [
        (noise(5).astype(np.float32), {}, "channels of 32 bits, of which only whole numbers of 8 or 16 are read"),
        (noise(5).astype(np.int16), {}, "channels of 16 bits, of which only whole numbers"),
        (noise(5), {"photometric": "miniswhite"}, "channels in which 0 is white"),
    ],
)
def test_other_channels_are_skipped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, pixels: Pixels, options: dict[str, Any], message: str
) -> None:
    save(tmp_path / "a.tif", pixels, **options)
    save(tmp_path / "b.tif", noise(5))
    assert len(read(tmp_path)) == 1
    assert f"skipped 1 of 2 images: a.tif ({message}" in caplog.text


def replaced(path: Path, tag: int, value: int) -> None:
    """Change the first value of a tag."""
    with tifffile.TiffFile(path, mode="r+b") as file:
        old = file.pages[0].tags[tag]
        code = {3: "H", 4: "I"}[int(old.dtype)]
        file.filehandle.seek(old.valueoffset)
        file.filehandle.write(struct.pack(f"<{code}", value))


def test_other_compressions_are_skipped(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    replaced(save(tmp_path / "a.tif", noise(5)), tiff.COMPRESSION, 32773)
    save(tmp_path / "b.tif", noise(5))
    assert len(read(tmp_path)) == 1
    assert "a.tif (compressed by 32773; write it without compression or by deflate)" in caplog.text


def test_lzw_needs_imagecodecs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    replaced(save(tmp_path / "a.tif", noise(5)), tiff.COMPRESSION, tiff.LZW)
    with pytest.raises(GanzooError, match=r"a\.tif is compressed by LZW; run: pip install imagecodecs, or write it"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("tag", "value", "message"),
    [
        (tiff.WIDTH, 60_000, "damaged: part 1 of 1 has 630 bytes instead of 5400000"),
        (tiff.HEIGHT, 4_000_000_000, "4000000000 pixels of 5 channels, more than"),
        (tiff.HEIGHT, 50_000, "cut off: 0 of 1 parts are there"),
        (tiff.SAMPLES, 13, "damaged: part 1 of 1 has 630 bytes instead of 1638"),
    ],
)
def test_a_header_that_claims_more_than_the_file_holds_allocates_nothing(
    tmp_path: Path, tag: int, value: int, message: str
) -> None:
    path = save(tmp_path / "a.tif", noise(5))
    if tag == tiff.HEIGHT:
        path = save(path, noise(5, sides=(70_000, 1)))  # so that the height has 32 bits
        path.write_bytes(path.read_bytes()[:4000])
    replaced(path, tag, value)
    with pytest.raises(ValueError, match=message):
        decode.inspect(path)


def test_what_unfolds_to_more_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", noise(5), compression="zlib")
    with tifffile.TiffFile(path) as file:
        [start], [length] = file.pages[0].dataoffsets, file.pages[0].databytecounts
    bomb = zlib.compress(bytes(500_000), 9)
    assert len(bomb) < length
    content = bytearray(path.read_bytes())
    content[start : start + len(bomb)] = bomb
    path.write_bytes(content)
    with pytest.raises(ValueError, match="damaged: part 1 of 1 has 631 bytes instead of 630"):
        decode.inspect(path)


@pytest.mark.parametrize("way", ["interleaved", "deflate", "tiles", "ImageJ"])
def test_cut_off_files_are_skipped(tmp_path: Path, way: str) -> None:
    content = save(tmp_path / "a.tif", noise(5, sides=(40, 40)), **WAYS[way]).read_bytes()
    for share in (0.1, 0.5, 0.9):
        (tmp_path / "a.tif").write_bytes(content[: int(share * len(content))])
        with pytest.raises(GanzooError, match="holds no readable image"):
            read(tmp_path)


def test_lazily_read_channels_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        save(tmp_path / f"{number}.tif", noise(5, seed=number))
    eager = read(tmp_path).samples
    monkeypatch.setattr(folder, "MAX_MEMORY", 0)
    lazy = read(tmp_path).samples
    assert isinstance(lazy, folder.Files)
    np.testing.assert_array_equal(lazy[:], eager[:])


@pytest.fixture
def sides(tmp_path: Path) -> Path:
    """Twenty images of 13 channels, and as many in colour."""
    for number in range(20):
        save(tmp_path / "a" / f"{number}.tif", noise(13, sides=(8, 8), seed=number))
        (tmp_path / "b").mkdir(exist_ok=True)
        Image.fromarray(noise(3, np.uint8, (8, 8), number).T.copy()).save(tmp_path / "b" / f"{number}.png")
    return tmp_path


@pytest.mark.parametrize("kind", ["pairs", "unpaired"])
def test_each_side_has_its_own_channels(sides: Path, kind: str) -> None:
    for first, second, shapes in (("a", "b", (13, 3)), ("b", "a", (3, 13))):
        data = load(f"{kind}:{sides / first},{sides / second},holdout=20%", size=8)
        assert data.conditions is not None
        assert (data.conditions.shape[1], data.shape[0]) == shapes
    with pytest.raises(GanzooError, match="which are no grey; leave that out"):
        load(f"{kind}:{sides / 'a'},{sides / 'b'},conditions=grey", size=8)


def test_double_images_of_several_channels(tmp_path: Path) -> None:
    pixels = noise(5, np.uint8, (8, 16))
    for number in range(30):
        save(tmp_path / f"{number}.tif", pixels if number == 0 else noise(5, np.uint8, (8, 16), number))
    data = load(f"pairs:{tmp_path},holdout=0%", size=8)
    assert data.conditions is not None
    np.testing.assert_array_equal(data.conditions[:1][0], pixels[..., :8])
    np.testing.assert_array_equal(data.samples[:1][0], pixels[..., 8:])


def test_conditions_that_are_made_of_channels(tmp_path: Path) -> None:
    for number in range(5):
        save(tmp_path / f"{number}.tif", noise(4, np.uint8, (8, 8), number))
    with pytest.raises(
        GanzooError, match="the images have 4 channels, which are no colours; name a data set in colour"
    ):
        load(f"grey:{tmp_path},holdout=0%", size=8)
    for name, channels in (("lowres", 4), ("masked", 5), ("outlines", 1)):
        data = load(f"{name}:{tmp_path},holdout=0%", size=8)
        assert data.conditions is not None
        assert data.conditions.shape[1] == channels
    images = load(f"folder:{tmp_path}", size=8).samples[:]
    means = images.reshape(5, 4, 2, 4, 2, 4).astype(float).mean((3, 5))
    np.testing.assert_array_equal(load(f"lowres:{tmp_path},holdout=0%", size=8).conditions[:], means.round())  # type: ignore[index]
    assert (made.reduced(images, 4) != made.reduced(images, 4, bands=True)).any()


def test_a_written_file_is_read_again(tmp_path: Path) -> None:
    for channels in (2, 5, 13):
        pixels = noise(channels)
        tiff.write(tmp_path / "a.tif", pixels)
        how = tiff.layout(tmp_path / "a.tif")
        assert how is not None
        np.testing.assert_array_equal(tiff.read(tmp_path / "a.tif", how), pixels)
