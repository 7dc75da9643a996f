from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ganzoo.data import Data, Request, folder
from ganzoo.util.errors import GanzooError

Image = pytest.importorskip("PIL.Image")

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


def test_grey_files_of_any_size_and_depth_give_grey(tmp_path: Path) -> None:
    save(tmp_path / "a.png", "L", (50, 9), 100)
    save(tmp_path / "b.png", "1", (3, 70), 1)
    save(tmp_path / "c.png", "LA", (8, 8), (0, 0))
    save(tmp_path / "d.png", "I;16", (20, 10), 100 << 8)
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
def test_what_is_transparent_becomes_white(tmp_path: Path, name: str, mode: str, options: dict[str, object]) -> None:
    save(tmp_path / name, mode, **options)
    assert tuple(only(load(tmp_path))[:, 0, 0]) == WHITE


def test_half_transparent_red_becomes_pink(tmp_path: Path) -> None:
    save(tmp_path / "a.png", "RGBA", colour=(255, 0, 0, 128))
    np.testing.assert_allclose(only(load(tmp_path))[:, 0, 0], (255, 127, 127), atol=1)


def test_the_centre_is_cut_out(tmp_path: Path) -> None:
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


def test_sub_folders_are_classes_by_their_sorted_names(tmp_path: Path) -> None:
    for name in ("dog/x.png", "cat/b.png", "cat/deep/a.png"):
        save(tmp_path / name)
    (tmp_path / "empty").mkdir()
    save(tmp_path / ".hidden" / "a.png")
    data = load(tmp_path)
    assert data.classes == ("cat", "dog")
    np.testing.assert_array_equal(data.labels, [0, 0, 1])


def test_images_beside_sub_folders_are_refused(tmp_path: Path) -> None:
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


def test_images_of_too_many_pixels_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / "small.png", size=(10, 10))
    save(tmp_path / "bomb.png", size=(11, 10))
    monkeypatch.setattr("ganzoo.data.decode.MOST_PIXELS", 100)
    assert len(load(tmp_path)) == 1


def test_a_file_of_another_format_than_its_name_says_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "a.png", format="ICO")
    with pytest.raises(GanzooError, match="holds no readable image"):
        load(tmp_path)


def test_a_long_thin_image_is_cut_before_it_is_scaled(tmp_path: Path) -> None:
    save(tmp_path / "a.png", "L", (1_000_000, 1), 7)
    np.testing.assert_array_equal(only(load(tmp_path, size=512)), 7)


def test_a_folder_without_images_or_that_is_none_is_refused(tmp_path: Path) -> None:
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


def test_the_size_is_32_unless_asked_for(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    assert load(tmp_path, size=None).shape == (3, 32, 32)


def test_what_is_read_lazily_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for k in range(6):
        save(tmp_path / f"{k % 2}" / f"{k}.png", "L", (10 + k, 10), 40 * k)
    eager = load(tmp_path)
    monkeypatch.setattr(folder, "MOST_MEMORY", eager.samples[:].nbytes - 1)
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
    with pytest.raises(GanzooError, match=r"cannot read .*0\.png"):
        lazy.samples[np.array([0])]
