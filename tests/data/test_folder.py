from __future__ import annotations

import logging
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ganzoo.data import Channels, Data, Request, decode, find, folder, tiff
from ganzoo.data import load as load_by_name
from ganzoo.util.errors import GanzooError

Image = pytest.importorskip("PIL.Image")
ImageOps = pytest.importorskip("PIL.ImageOps")

RED, WHITE = (255, 0, 0), (255, 255, 255)


def load(root: Path, size: int | None = 8) -> Data:
    return folder.folder(Request(name=f"folder:{root}", argument=str(root), size=size))


def save(
    path: Path, mode: str = "RGB", size: tuple[int, int] = (10, 10), colour: object = 0, **options: object
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path, **options)


def only(data: Data) -> NDArray[np.uint8]:
    assert len(data) == 1
    return data.samples[np.array([0])][0]


def test_grey_files_of_any_size_and_depth_stay_grey(tmp_path: Path) -> None:
    save(tmp_path / "a.png", "L", (50, 9), 100)
    save(tmp_path / "b.png", "1", (3, 70), 1)
    save(tmp_path / "c.png", "LA", (8, 8), (0, 0))
    save(tmp_path / "d.png", "I;16", (20, 10), 25600)
    save(tmp_path / "e.jpg", "L", (1, 1), 100)
    data = load(tmp_path)
    assert data.samples.shape == (5, 1, 8, 8)
    assert data.samples.dtype == np.uint8
    assert [image[0, 0, 0] for image in data.samples[:]] == [100, 255, 255, 100, 100]
    assert data.labels is None
    assert data.classes == ()


def test_one_colour_file_makes_all_of_them_rgb(tmp_path: Path) -> None:
    save(tmp_path / "a.png", "L", colour=100)
    save(tmp_path / "b.png", "RGB", colour=RED)
    save(tmp_path / "c.jpg", "CMYK", colour=(0, 0, 0, 0))
    data = load(tmp_path)
    assert data.shape == (3, 8, 8)
    assert [tuple(image[:, 4, 4]) for image in data.samples[:]] == [(100, 100, 100), RED, WHITE]


@pytest.mark.parametrize(
    ("name", "mode", "options"),
    [
        ("rgba.png", "RGBA", {}),
        ("palette.gif", "P", {"transparency": 0}),
        ("key.png", "RGB", {"transparency": (0, 0, 0)}),
    ],
)
def test_transparency_becomes_white(tmp_path: Path, name: str, mode: str, options: dict[str, object]) -> None:
    save(tmp_path / name, mode, **options)
    save(tmp_path / "red.png", colour=RED)
    pixels = {
        path.name: image for path, image in zip(sorted(tmp_path.iterdir()), load(tmp_path).samples[:], strict=True)
    }
    assert tuple(pixels[name][:, 0, 0]) == WHITE


def png16(*rows: list[Any], colour: bool = False, kind: int = 0, transparent: bytes = b"") -> bytes:
    """A PNG file of 16 bits: grey, RGB (2) or grey with alpha (4), perhaps with a transparent colour."""
    pixels = np.array(rows, ">u2")

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", pixels.shape[1], len(rows), 16, 2 if colour else kind, 0, 0, 0)
    chunks = [(b"IHDR", head), *([(b"tRNS", transparent)] if transparent else [])]
    chunks += [(b"IDAT", zlib.compress(b"".join(b"\0" + row.tobytes() for row in pixels))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks)


def test_the_transparent_colour_of_16_bits_becomes_white(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png16([0, 65535], [300, 0], transparent=struct.pack(">H", 0)))
    np.testing.assert_array_equal(only(load(tmp_path, size=2)), [[[255, 255], [1, 255]]])
    one, other = (4000, 300, 65000), (65535, 0, 0)
    (tmp_path / "a.png").write_bytes(png16([one, other], colour=True, transparent=struct.pack(">HHH", *one)))
    pixels = decode.unscaled(tmp_path / "a.png", (3, 1, 2))
    assert [tuple(pixels[:, 0, k]) for k in (0, 1)] == [WHITE, RED]


@pytest.mark.parametrize(("depth", "content"), [(2, [0b00011011]), (4, [0x01, 0xAF])])
@pytest.mark.parametrize("place", range(4))
def test_the_transparent_colour_of_a_few_bits_becomes_white(
    tmp_path: Path, depth: int, content: list[int], place: int
) -> None:
    """Pillow scales such pixels to 8 bits, but not the colour that is transparent."""
    values = [0, 1, 2, 3] if depth == 2 else [0, 1, 10, 15]
    plain = png16([0] * 4, transparent=struct.pack(">H", values[place]))
    head, data = (struct.pack(">IIBBBBB", 4, 1, each, 0, 0, 0, 0) for each in (16, depth)), bytes([0, *content])
    content_of = {b"IHDR": list(head), b"IDAT": [zlib.compress(bytes(9)), zlib.compress(data)]}
    for name, (old, new) in content_of.items():
        chunks = [struct.pack(">I", len(c)) + name + c + struct.pack(">I", zlib.crc32(name + c)) for c in (old, new)]
        assert chunks[0] in plain
        plain = plain.replace(*chunks)
    (tmp_path / "a.png").write_bytes(plain)
    levels = [255 * value // (2**depth - 1) for value in values]
    pixels = decode.unscaled(tmp_path / "a.png", (1, 1, 4))[0, 0].tolist()
    assert pixels == [255 if k == place else level for k, level in enumerate(levels)]
    alpha = decode.unscaled(tmp_path / "a.png", (4, 1, 4))[3, 0].tolist()
    assert alpha == [0 if k == place else 255 for k in range(4)]


def test_a_dark_transparent_colour_of_16_bits_is_not_a_bright_one_of_8(tmp_path: Path) -> None:
    transparent = struct.pack(">HHH", 255, 255, 255)
    (tmp_path / "a.png").write_bytes(png16([(65535,) * 3, (255,) * 3], colour=True, transparent=transparent))
    assert decode.unscaled(tmp_path / "a.png", (4, 1, 2))[3, 0].tolist() == [255, 0]


def test_a_transparent_value_does_not_decide_the_bit_depth(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png16([0, 2048, 4095, 65535], transparent=struct.pack(">H", 65535)))
    stored = decode.inspect(tmp_path / "a.png")
    assert stored.peak == 4095
    assert decode.unscaled(tmp_path / "a.png", (1, 1, 4), decode.bit_depth([stored])).tolist() == [[[0, 128, 255, 255]]]
    (tmp_path / "a.png").write_bytes(png16([7, 7], transparent=struct.pack(">H", 7)))
    assert decode.inspect(tmp_path / "a.png").peak == 0


def test_bmp_of_16_bits_in_all_is_not_16_bits_a_colour(tmp_path: Path) -> None:
    header = struct.pack("<IiiHHIIiiII", 40, 1, 1, 1, 16, 3, 4, 0, 0, 0, 0) + struct.pack("<III", 0xF800, 0x7E0, 0x1F)
    content = b"BM" + struct.pack("<IHHI", 70, 0, 0, 66) + header + struct.pack("<HH", 0x0841, 0)
    (tmp_path / "a.bmp").write_bytes(content)
    assert decode.inspect(tmp_path / "a.bmp") == decode.Stored(False)
    assert decode.unscaled(tmp_path / "a.bmp", (3, 1, 1)).ravel().tolist() == [8, 8, 8]


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_lab_is_converted_to_all_channels(tmp_path: Path, channels: int) -> None:
    Image.new("LAB", (1, 1), (128, 128, 128)).save(tmp_path / "a.tif")
    np.testing.assert_allclose(decode.unscaled(tmp_path / "a.tif", (channels, 1, 1)).ravel()[:3], 119, atol=2)


@pytest.mark.parametrize(("peak", "bits"), [(200, 8), (256, 10), (1023, 10), (3983, 12), (4096, 14), (65535, 16)])
def test_deep_grey_is_scaled_by_the_bit_depth_of_the_folder(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, peak: int, bits: int
) -> None:
    """12-bit values in a file of 16 bits are not nearly black."""
    (tmp_path / "a.png").write_bytes(png16([peak, 0]))
    (tmp_path / "b.png").write_bytes(png16([2**bits // 16, 0]))
    save(tmp_path / "c.png", "L", (2, 1), 100)
    with caplog.at_level(logging.WARNING, "ganzoo"):
        images = [image[0, 0, 0] for image in load(tmp_path, size=1).samples[:]]
    assert caplog.messages == [f"2 images of more than 8 bits hold grey up to {peak}: read as {bits} bits, scaled to 8"]
    levels = [decode.unscaled(tmp_path / name, (1, 1, 2), bits)[0, 0, 0] for name in ("a.png", "b.png")]
    assert levels == [peak >> (bits - 8), 16]
    assert images[2] == 100


@pytest.mark.parametrize(
    ("dtype", "values", "levels"),
    [
        (np.int32, (0, 255), (0, 255)),
        (np.int32, (100, 4095), (6, 255)),
        (np.uint16, (0, 255), (0, 255)),
        (">u2", (0, 1023), (0, 255)),
    ],
)
def test_deep_tiff(tmp_path: Path, dtype: str, values: tuple[int, int], levels: tuple[int, int]) -> None:
    pixels = np.array([values], dtype)
    image = Image.frombytes("I;16B", (2, 1), pixels.tobytes()) if dtype == ">u2" else Image.fromarray(pixels)
    image.save(tmp_path / "a.tif")
    stored = decode.inspect(tmp_path / "a.tif")
    assert stored == decode.Stored(True, max(values))
    assert decode.unscaled(tmp_path / "a.tif", (1, 1, 2), decode.bit_depth([stored])).tolist() == [[list(levels)]]
    assert decode.unscaled(tmp_path / "a.tif", (3, 1, 2), decode.bit_depth([stored]))[2].tolist() == [list(levels)]
    assert load(tmp_path, size=2).shape == (1, 2, 2)


def test_pgm_states_its_own_maximum(tmp_path: Path) -> None:
    (tmp_path / "a.pgm").write_bytes(b"P5 2 2 4095\n" + np.array([1000, 4095] * 2, ">u2").tobytes())
    (tmp_path / "b.png").write_bytes(png16([4095, 4095], [4095, 4095]))
    assert decode.inspect(tmp_path / "a.pgm") == decode.Stored(True)
    assert decode.unscaled(tmp_path / "a.pgm", (1, 2, 2), 12).tolist() == [[[62, 255], [62, 255]]]
    assert [image[0, 0, 1] for image in load(tmp_path, size=2).samples[:]] == [255, 255]


@pytest.mark.parametrize("values", [(-1, 5), (0, 65536)])
def test_grey_values_that_16_bits_cannot_hold_are_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, values: tuple[int, int]
) -> None:
    Image.fromarray(np.array([values], np.int32)).save(tmp_path / "a.tif")
    save(tmp_path / "b.png")
    assert len(load(tmp_path)) == 1
    assert f"a.tif (grey values from {values[0]} to {values[1]}, not within 0..65535)" in caplog.text


def test_deep_grey_in_which_0_is_white_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pixels = Image.fromarray(np.array([[0, 65535]], np.uint16))
    pixels.save(tmp_path / "a.tif", tiffinfo={tiff.PHOTOMETRIC: 0})
    content = bytearray((tmp_path / "a.tif").read_bytes())
    entry = content.index(struct.pack("<HHI", tiff.PHOTOMETRIC, 3, 1))
    content[entry + 8] = 0  # Pillow writes 1, whatever it is given
    (tmp_path / "a.tif").write_bytes(content)
    save(tmp_path / "b.png")
    assert len(load(tmp_path)) == 1
    assert "a.tif (grey of more than 8 bits in which 0 is white)" in caplog.text


def test_a_palette_of_greys_is_grey(tmp_path: Path) -> None:
    grey = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8))
    palette = grey.convert("P")
    palette.putpalette([level for level in range(256) for _ in range(3)])
    palette.save(tmp_path / "a.png")
    np.testing.assert_array_equal(only(load(tmp_path))[0], np.asarray(grey))
    palette.putpalette([level for k in range(256) for level in (k, 0, k)])
    palette.save(tmp_path / "a.png")
    assert load(tmp_path).shape == (3, 8, 8)


def test_half_transparent_red_becomes_pink(tmp_path: Path) -> None:
    save(tmp_path / "a.png", "RGBA", colour=(255, 0, 0, 128))
    np.testing.assert_allclose(only(load(tmp_path))[:, 0, 0], (255, 127, 127), atol=1)


def test_images_are_cropped_to_the_centre(tmp_path: Path) -> None:
    image = Image.new("RGB", (30, 10), "white")
    image.paste(RED, (10, 0, 20, 10))
    image.save(tmp_path / "a.png")
    pixels = only(load(tmp_path, size=10))
    np.testing.assert_array_equal(pixels, np.broadcast_to(np.array(RED)[:, None, None], (3, 10, 10)))


def test_scaling_down_averages(tmp_path: Path) -> None:
    stripes = np.zeros((64, 64), np.uint8)
    stripes[:, ::2] = 255
    Image.fromarray(stripes).save(tmp_path / "a.png")
    np.testing.assert_allclose(only(load(tmp_path))[0, 2:-2, 2:-2], 127, atol=3)


def test_the_exif_orientation_is_applied(tmp_path: Path) -> None:
    image = Image.new("L", (10, 10), 0)
    image.paste(255, (0, 0, 10, 5))
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    image.save(tmp_path / "a.png", exif=exif)
    pixels = only(load(tmp_path, size=10))[0]
    assert pixels[0, 0] == 0
    assert pixels[-1, 0] == 255


TURNS = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # Pillow's transpositions by EXIF orientation


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_all_orientations_of_images_that_are_not_square(tmp_path: Path, suffix: str, orientation: int) -> None:
    """Uncompressed TIFF files that are turned by 90 degrees are not sheared."""
    image = Image.fromarray((np.arange(12, dtype=np.uint8) * 20).reshape(3, 4))
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(tmp_path / f"a.{suffix}", exif=exif, **({"lossless": True} if suffix == "webp" else {}))
    method = TURNS[orientation]
    turned = image if method is None else image.transpose(method)
    pixels = decode.unscaled(tmp_path / f"a.{suffix}", (1, turned.height, turned.width))
    np.testing.assert_array_equal(pixels[0], np.asarray(turned))
    expected = np.asarray(ImageOps.fit(turned, (3, 3), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(decode.square(tmp_path / f"a.{suffix}", (1, 3, 3))[0], expected)


def test_sub_folders_are_classes_by_their_sorted_names(tmp_path: Path) -> None:
    for name in ("dog/x.png", "cat/b.png", "cat/deep/a.png"):
        save(tmp_path / name)
    (tmp_path / "empty").mkdir()
    save(tmp_path / ".hidden" / "a.png")
    data = load(tmp_path)
    assert data.classes == ("cat", "dog")
    np.testing.assert_array_equal(data.labels, [0, 0, 1])


def test_images_next_to_sub_folders_are_refused(tmp_path: Path) -> None:
    save(tmp_path / "cat" / "a.png")
    save(tmp_path / "stray.png")
    with pytest.raises(GanzooError, match=r"such as stray\.png"):
        load(tmp_path)


def test_broken_files_are_named_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    save(tmp_path / "good.png")
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "empty.jpg").touch()
    noise = np.random.default_rng(0).integers(256, size=(40, 40), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:800])
    Image.fromarray(noise.astype(np.float32)).save(tmp_path / "float.tif")
    (tmp_path / "notes.txt").write_text("ignored")
    with caplog.at_level(logging.WARNING, "ganzoo"):
        assert len(load(tmp_path)) == 1
    assert "skipped 4 of 5 images" in caplog.text
    assert all(name in caplog.text for name in ("text.png", "empty.jpg", "cut.png", "float.tif"))
    assert "notes.txt" not in caplog.text


def test_the_warning_of_broken_files_is_bounded(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "MAX_NAMED", 2)
    save(tmp_path / "z.png")
    for name in "abcde":
        (tmp_path / f"{name}.png").touch()
    load(tmp_path)
    assert "skipped 5 of 6 images" in caplog.text
    assert caplog.messages[0].endswith("; and 3 more")
    assert "b.png" in caplog.text
    assert "c.png" not in caplog.text


def test_long_names_of_broken_files_stay_in_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    save(tmp_path / "good.png")
    for k in range(30):
        (tmp_path / f"{'x' * 200}{k}.png").touch()
    load(tmp_path)
    assert len(caplog.messages[0]) < 1000
    assert caplog.messages[0].startswith("skipped 30 of 31 images: ")
    assert caplog.messages[0].endswith(" more")


def test_images_of_too_many_pixels_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / "small.png", size=(10, 10))
    save(tmp_path / "bomb.png", size=(11, 10))
    monkeypatch.setattr("ganzoo.data.decode.MAX_PIXELS", 100)
    assert len(load(tmp_path)) == 1


def test_other_formats_are_refused_whatever_their_suffix(tmp_path: Path) -> None:
    save(tmp_path / "a.png", format="ICO")
    with pytest.raises(GanzooError, match="holds no readable image"):
        load(tmp_path)


def test_a_long_thin_image_is_cropped_before_it_is_scaled(tmp_path: Path) -> None:
    save(tmp_path / "a.png", "L", (1_000_000, 1), 7)
    np.testing.assert_array_equal(only(load(tmp_path, size=512)), 7)


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GanzooError, match="holds no readable image"):
        load(tmp_path)
    with pytest.raises(GanzooError, match=r"there is no folder .*nowhere"):
        load(tmp_path / "nowhere")
    with pytest.raises(GanzooError, match="--data folder:PATH"):
        folder.folder(Request(name="folder"))


@pytest.mark.parametrize("size", [0, -1, 5000])
def test_the_size_is_bounded(tmp_path: Path, size: int) -> None:
    with pytest.raises(GanzooError, match=f"size {size}; use one of 1..4096"):
        load(tmp_path, size)


def test_the_size_is_32_by_default(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    assert load(tmp_path, size=None).shape == (3, 32, 32)


def test_lazily_read_samples_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for k in range(6):
        save(tmp_path / f"{k % 2}" / f"{k}.png", "L", (10 + k, 10), 40 * k)
    eager = load(tmp_path)
    monkeypatch.setattr(folder, "MAX_MEMORY", eager.samples[:].nbytes - 1)
    lazy = load(tmp_path)
    assert isinstance(eager.samples, np.ndarray)
    assert isinstance(lazy.samples, folder.Files)
    assert (len(lazy), lazy.samples.shape, lazy.samples.dtype) == (6, eager.samples.shape, eager.samples.dtype)
    np.testing.assert_array_equal(lazy.labels, eager.labels)
    for index in (np.array([5, 0, 0]), np.array([], np.int64), slice(1, 4), np.array([[1], [2]]), 3, -1):
        np.testing.assert_array_equal(lazy.samples[index], eager.samples[index])
    with pytest.raises(IndexError):
        lazy.samples[np.array([6])]

    again = load(tmp_path)
    assert lazy.sha256 == again.sha256 != eager.sha256
    (tmp_path / "0" / "0.png").rename(tmp_path / "0" / "00.png")
    assert load(tmp_path).sha256 != lazy.sha256


LAZY = (False, True)
NOISE = np.random.default_rng(0).integers(256, size=(40, 40, 3), dtype=np.uint8)
NAMES = [f"{label}/{k}.{suffix}" for label in "ab" for k, suffix in enumerate(("png", "jpg", "gif", "bmp", "tif"))]


def read_lazily(monkeypatch: pytest.MonkeyPatch, lazy: bool) -> None:
    if lazy:
        monkeypatch.setattr(folder, "MAX_MEMORY", 0)


def noise(root: Path, name: str) -> Path:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(NOISE).save(root / name)
    return root / name


@pytest.mark.parametrize("lazy", LAZY)
@pytest.mark.parametrize("damage", ["cut", "empty", "text", "zeros"])
def test_broken_files_are_skipped_however_much_memory_the_images_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, lazy: bool, damage: str
) -> None:
    read_lazily(monkeypatch, lazy)
    for name in NAMES:
        content = noise(tmp_path, name).read_bytes()
        half = len(content) // 2
        broken = {"cut": content[:half], "empty": b"", "text": b"text", "zeros": content[:half] + b"\0" * half}[damage]
        if name.startswith("a/"):
            (tmp_path / name).write_bytes(broken)
    noise(tmp_path, "a/good.png")
    data = load(tmp_path)
    skipped = 2 if damage == "zeros" else 5  # zeros are pixels of the other formats
    assert len(data.samples[:]) == len(data) == 11 - skipped
    assert f"skipped {skipped} of 11 images: a/0.png (" in caplog.text
    assert data.classes == ("a", "b")
    assert all("\n" not in message for message in caplog.messages)


def test_a_file_that_breaks_during_the_training_is_replaced_by_one_of_its_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    read_lazily(monkeypatch, True)
    for k in range(6):
        save(tmp_path / f"{k % 2}" / f"{k}.png", "L", (10, 10), 40 * k)
    samples = load(tmp_path).samples
    (tmp_path / "0" / "4.png").unlink()
    (tmp_path / "1" / "1.png").write_bytes(b"")
    for _ in range(2):
        assert [image[0, 0, 0] for image in samples[:]] == [0, 80, 0, 120, 120, 200]
    assert len(caplog.messages) == 2
    assert "4.png cannot be read any more (" in caplog.messages[0]
    assert caplog.messages[0].endswith("; the next image of its class is used in its place")
    for path in tmp_path.glob("0/*.png"):
        path.unlink()
    with pytest.raises(GanzooError, match=r"no image of the class of .* can be read any more; restore its files"):
        samples[0]


def test_a_folder_that_vanishes_stops_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read_lazily(monkeypatch, True)
    for k in range(30):
        save(tmp_path / f"{k}.png", "L")
    samples = load(tmp_path).samples
    for path in tmp_path.iterdir():
        path.unlink()
    with pytest.raises(GanzooError, match=r"21 of 30 images cannot be read any more, the last one is .*; restore them"):
        samples[:]


@pytest.mark.parametrize("lazy", LAZY)
def test_a_broken_file_does_not_decide_the_colours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, lazy: bool
) -> None:
    read_lazily(monkeypatch, lazy)
    save(tmp_path / "a.png", "L", colour=100)
    path = noise(tmp_path, "b.png")
    path.write_bytes(path.read_bytes()[:2000])
    assert load(tmp_path).shape == (1, 8, 8)
    assert "skipped 1 of 2 images" in caplog.text


@pytest.mark.parametrize("channels", ["grey", "rgb", "rgba"])
@pytest.mark.parametrize("lazy", LAZY)
def test_the_channels_can_be_forced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lazy: bool, channels: Channels
) -> None:
    read_lazily(monkeypatch, lazy)
    save(tmp_path / "a.png", "L", colour=100)
    save(tmp_path / "b.png", "RGBA", colour=(255, 0, 0, 0))
    save(tmp_path / "c.png", "RGBA", colour=(255, 0, 0, 128))
    save(tmp_path / "d.png", colour=RED)
    save(tmp_path / "e.png", "RGB", colour=(0, 0, 0), transparency=(0, 0, 0))
    (tmp_path / "f.png").write_bytes(png16([40000, 7], transparent=struct.pack(">H", 7)))
    save(tmp_path / "g.gif", "P", transparency=0)
    expected = {
        "grey": [(100,), (255,), (165,), (76,), (255,), (156,), (255,)],
        "rgb": [(100,) * 3, WHITE, (255, 127, 127), RED, WHITE, (156,) * 3, WHITE],
        "rgba": [
            *[(100, 100, 100, 255), (0,) * 4, (255, 0, 0, 128), (*RED, 255), (0,) * 4, (156, 156, 156, 255), (0,) * 4]
        ],
    }[channels]
    request = Request(name="folder:x", argument=str(tmp_path), size=1, channels=channels)
    samples = folder.folder(request).samples[:]
    assert samples.shape == (7, len(expected[0]), 1, 1)
    found = [
        decode.unscaled(path, (len(each), *sides))[:, 0, 0]
        for path, each, sides in zip(
            sorted(tmp_path.iterdir()), expected, [(10, 10)] * 5 + [(1, 2), (10, 10)], strict=True
        )
    ]
    np.testing.assert_allclose(found, expected, atol=1)
    np.testing.assert_allclose(samples[:5, :, 0, 0], expected[:5], atol=1)


def test_other_channels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(GanzooError, match="channels='cmyk' is not one of grey, rgb, rgba"):
        load_by_name(f"folder:{tmp_path}", channels="cmyk")  # type: ignore[arg-type]


def test_transparency_that_is_laid_over_white_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    save(tmp_path / "a.png", "RGBA")
    save(tmp_path / "b.png")
    with caplog.at_level(logging.INFO, "ganzoo"):
        load(tmp_path)
    assert caplog.messages == ["1 images with transparency are laid over white; keep it with --channels rgba"]


def test_16_bit_grey_with_alpha_is_grey_and_dark_16_bit_colour_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a.png").write_bytes(png16([(40000, 65535)], kind=4))
    assert only(load(tmp_path, 1)).tolist() == [[[156]]]
    assert [record.levelname for record in caplog.records if record.levelno >= logging.WARNING] == []
    caplog.set_level(logging.WARNING, "ganzoo")
    caplog.clear()
    (tmp_path / "a.png").write_bytes(png16([(4000, 65535)], kind=4))
    load(tmp_path, 1)
    (tmp_path / "a.png").write_bytes(png16([(4000, 4000, 100)], kind=2))
    assert load(tmp_path, 1).shape == (3, 1, 1)
    assert [message.partition(":")[0] for message in caplog.messages] == [
        "1 images of 16 bits in colour or with alpha are read by their upper 8 bits, which reach only 15 of 255"
    ] * 2


def test_links_to_folders_and_files_are_followed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    here, store = tmp_path / "here", tmp_path / "store"
    save(store / "cats" / "1.png")
    save(store / "cats" / "deep" / "2.png")
    save(store / "one.png")
    (here / "dogs").mkdir(parents=True)
    (here / "cats").symlink_to(store / "cats")
    (here / "dogs" / "a.png").symlink_to(store / "one.png")
    (here / "dogs" / "loop").symlink_to(here)
    (here / "dogs" / "self").symlink_to(here / "dogs" / "self")
    (here / "dogs" / "lost.png").symlink_to(tmp_path / "nowhere")
    (store / "cats" / "deep" / "up").symlink_to(store / "cats")
    data = load(here)
    assert (data.classes, data.labels.tolist()) == (("cats", "dogs"), [0, 0, 1])  # type: ignore[union-attr]
    assert caplog.messages == [f"passed over in {here}, as no images: 2 broken links, 2 links to a folder above"]


def test_what_is_passed_over_is_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for number, suffix in enumerate("abcdefgh"):
        for k in range(9 - number):
            (tmp_path / f"{k}.{suffix}").touch()
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / ".hidden.png").touch()
    (tmp_path / f"x.{'y' * 200}").touch()
    with pytest.raises(GanzooError, match=r"holds no readable image \(passed over: 9 \.a, 8 \.b,") as refused:
        load(tmp_path)
    assert "\n" not in str(refused.value)
    save(tmp_path / "good.PNG")
    caplog.clear()
    assert len(load(tmp_path)) == 1
    counts = "9 .a, 8 .b, 7 .c, 6 .d, 5 .e, 4 .f, 7 others"
    assert caplog.messages == [f"passed over in {tmp_path}, as no images: {counts}"]


@pytest.mark.parametrize("suffix", ["jfif", "jpe", "JPE", "avif", "pnm", "pbm", "apng"])
def test_all_suffixes_of_the_formats_are_read(tmp_path: Path, suffix: str) -> None:
    if suffix == "avif" and not decode.HAS_AVIF:
        pytest.skip("this Pillow reads no AVIF")
    formats = {"jfif": "JPEG", "jpe": "JPEG", "avif": "AVIF", "pnm": "PPM", "pbm": "PPM", "apng": "PNG"}
    save(tmp_path / f"a.{suffix}", format=formats[suffix.lower()])
    assert len(load(tmp_path)) == 1


def test_avif_that_cannot_be_read_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    save(tmp_path / "a.png")
    (tmp_path / "b.avif").touch()
    monkeypatch.setattr(decode, "HAS_AVIF", False)
    load(tmp_path)
    assert "b.avif (the installed Pillow reads no AVIF; run: pip install" in caplog.text


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ["train", "val"],
            "train, val look like splits, and not like classes; name one of them: --data folder:PATH/train",
        ),
        (["cat", "Test"], "Test look like splits"),
        (["00000", "00001"], "00000, 00001 look like StyleGAN's folders of 1,000 images each"),
        (["cat", "dog", "empty/"], "no readable image in empty, so these are no classes"),
        (["cat", "dog"], ""),
        (["0", "1"], ""),
    ],
)
def test_folders_that_are_no_classes_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, names: list[str], message: str
) -> None:
    for name in names:
        if name.endswith("/"):
            (tmp_path / name).mkdir()
        else:
            save(tmp_path / name / "a.png")
    load(tmp_path)
    assert message in caplog.text
    assert len(caplog.messages) == bool(message)


def test_classes_are_in_natural_order(tmp_path: Path) -> None:
    names = ["0", "1", "2", "9", "10", "11", "a", "a2", "a10", "a10b2", "a10b11", "b"]
    for name in names:
        save(tmp_path / name / "a.png")
    data = load(tmp_path)
    assert list(data.classes) == names
    assert data.labels is not None
    assert [data.classes[label] for label in data.labels] == sorted(names)
    assert sorted(["1", "01", "001", "x", ""], key=folder.natural_order) == ["", "001", "01", "1", "x"]


def test_too_many_folders_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two links in each of 40 folders to the next one are 2**40 paths."""
    monkeypatch.setattr(find, "MAX_FOLDERS", 500)
    for k in range(40):
        (tmp_path / str(k)).mkdir()
        for link in "xy":
            (tmp_path / str(k) / link).symlink_to(tmp_path / str(k + 1))
    with pytest.raises(GanzooError, match=r"more than 500 sub-folders .*; name a smaller folder"):
        load(tmp_path)


def test_names_with_control_characters_are_escaped(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a\n\x1b[31m.png").touch()
    (tmp_path / "b.x\ny").touch()
    save(tmp_path / "c.png")
    load(tmp_path)
    assert all(message.isprintable() for message in caplog.messages)
    assert "a\\n\\x1b[31m.png" in caplog.text
