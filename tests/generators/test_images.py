from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ganzoo.generators.images import Parts, grid, scatter, side_by_side, to_uint8, write_npz, write_png
from ganzoo.util.errors import GanzooError
from ganzoo.util.files import atomic_write

Image = pytest.importorskip("PIL.Image")

GREY = 128


def some(count: int, height: int, width: int, channels: int = 1) -> NDArray[np.uint8]:
    """Random images without grey of the gaps."""
    return np.random.default_rng(0).choice([0, 1, 200, 255], (count, height, width, channels)).astype(np.uint8)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_every_level_survives_the_way_there_and_back() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    samples = levels / np.float32(127.5) - 1
    np.testing.assert_array_equal(to_uint8(samples, (-1, 1)), levels.transpose(0, 2, 3, 1))


def test_to_uint8_scales_clips_and_moves_channels() -> None:
    samples = np.array([-9, 0, 0.5, 1, 9, np.inf], np.float32).reshape(1, 3, 1, 2)
    np.testing.assert_array_equal(to_uint8(samples, (0, 1)), [[[[0, 128, 255], [0, 255, 255]]]])


def test_to_uint8_refuses_nan() -> None:
    with pytest.raises(GanzooError, match="training has diverged"):
        to_uint8(np.full((1, 1, 2, 2), np.nan), (-1, 1))


def test_grid_places_every_pixel() -> None:
    images = some(5, 100, 97, 3)  # large: not enlarged
    picture = grid(images, columns=3, gap=4)
    assert picture.shape == (2 * 104 + 4, 3 * 101 + 4, 3)
    for index, image in enumerate(images):
        top, left = 4 + index // 3 * 104, 4 + index % 3 * 101
        np.testing.assert_array_equal(picture[top : top + 100, left : left + 97], image)
        picture[top : top + 100, left : left + 97] = GREY
    assert (picture == GREY).all()


@pytest.mark.parametrize(("channels", "shown"), [(2, 1), (5, 3), (13, 3)])
def test_pictures_show_some_of_many_channels(channels: int, shown: int) -> None:
    images = some(4, 100, 97, channels)
    np.testing.assert_array_equal(grid(images), grid(images[..., :shown]))
    np.testing.assert_array_equal(side_by_side(images, images), side_by_side(*[images[..., :shown]] * 2))


def test_grid_enlarges_digits_without_changing_them() -> None:
    digits = some(64, 28, 28)
    picture = grid(digits, gap=2)
    assert picture.shape == (8 * 86 + 2, 8 * 86 + 2, 1)
    np.testing.assert_array_equal(picture[2:86:3, 2:86:3], digits[0])
    np.testing.assert_array_equal(picture[3:86:3, 4:86:3], digits[0])


@pytest.mark.parametrize(
    ("count", "shape", "columns"), [(1, (8, 8), 1), (2, (8, 8), 2), (10, (8, 8), 4), (4, (8, 32), 1)]
)
def test_grid_is_nearly_square(count: int, shape: tuple[int, int], columns: int) -> None:
    images = some(count, *shape)
    np.testing.assert_array_equal(grid(images), grid(images, columns))


def test_side_by_side_keeps_pairs_together() -> None:
    parents, children = some(3, 96, 96), 255 - some(3, 96, 96)
    picture = side_by_side(parents, children, columns=1)
    assert picture.shape == (3 * 108 + 12, 12 + 96 + 2 + 96 + 12, 1)
    pair = picture[120:216, 12:-12]
    np.testing.assert_array_equal(pair, np.concatenate([parents[1], np.full((96, 2, 1), GREY), children[1]], axis=1))


def test_bad_grids() -> None:
    with pytest.raises(GanzooError, match="holds no images"):
        grid(some(0, 8, 8))
    with pytest.raises(GanzooError, match="holds no images"):
        grid(some(1, 8, 8)[0])
    with pytest.raises(GanzooError, match="0 columns"):
        grid(some(1, 8, 8), columns=0)
    with pytest.raises(GanzooError, match="make no groups"):
        side_by_side(some(2, 8, 8), some(3, 8, 8))


def test_scatter_shows_both_sets_upright() -> None:
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1.0]])
    picture = scatter(np.array([[0, 0.5], [0, np.nan], [99, 0]]), corners, size=101)
    assert picture.shape == (101, 101, 3)
    blue, red = picture[..., 2].astype(int), picture[..., 0].astype(int)
    rows, columns = np.nonzero(blue > red)
    assert rows.max() <= 52  # y points up
    assert 45 < np.median(columns) < 101
    assert blue[50, 98] > red[50, 98]  # an outlier lies on the edge
    assert (picture[:, :, 0] == picture[:, :, 2]).sum() > 0.9 * 101**2
    assert (picture[85:95, 5:15] != 255).any()


def test_scatter_of_one_point_and_of_none() -> None:
    assert (scatter(np.zeros((1, 2)))[254:258, 254:258] != 255).any()
    with pytest.raises(GanzooError, match="no point to draw"):
        scatter(np.full((3, 2), np.nan))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_png_holds_the_very_pixels(tmp_path: Path, channels: int) -> None:
    picture = some(1, 5, 7, channels)[0]
    write_png(tmp_path / "picture", picture)
    with Image.open(tmp_path / "picture") as file:
        np.testing.assert_array_equal(np.asarray(file).reshape(5, 7, channels), picture)
    assert names(tmp_path) == ["picture"]


def test_png_of_a_wrong_shape(tmp_path: Path) -> None:
    with pytest.raises(GanzooError, match=r"shape \(5, 7, 2\)"):
        write_png(tmp_path / "a.png", some(1, 5, 7, 2)[0])


def test_npz_round_trip(tmp_path: Path) -> None:
    arrays: dict[str, NDArray[Any]] = {"images": some(2, 4, 4), "path": np.arange(2), "name": np.array("dcgan")}
    write_npz(tmp_path / "samples.npz", **arrays)
    with np.load(tmp_path / "samples.npz", allow_pickle=False) as file:
        assert set(file) == set(arrays)
        for key, array in arrays.items():
            np.testing.assert_array_equal(file[key], array)


def test_npz_refuses_objects(tmp_path: Path) -> None:
    with pytest.raises(GanzooError, match="'a' holds Python objects"):
        write_npz(tmp_path / "a.npz", a=np.array([{}]))
    assert names(tmp_path) == []


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ValueError("bug"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    expected = GanzooError if isinstance(error, OSError) else type(error)
    with pytest.raises(expected) as caught, atomic_write(path) as temporary:
        assert temporary.parent == path.parent
        temporary.write_bytes(b"half of the n")
        raise error
    if isinstance(error, OSError):
        assert str(caught.value).startswith(f"cannot write {path}: No space left on device; ")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("name", ["y" * 251 + ".bin", "é" * 125 + "y.bin", "y" * 255, "." + "y" * 200 + "." + "z" * 53])
def test_a_name_may_be_as_long_as_the_file_system_allows(tmp_path: Path, name: str) -> None:
    assert len(os.fsencode(name)) == 255
    with atomic_write(tmp_path / name) as temporary:
        assert temporary.name.endswith(Path(name).suffix)
        temporary.write_bytes(b"new")
    assert names(tmp_path) == [name]


def test_a_success_replaces_the_file_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"old")
    (tmp_path / "link.bin").symlink_to("a.bin")
    with atomic_write(tmp_path / "link.bin") as temporary:
        temporary.write_bytes(b"new")
    assert (tmp_path / "a.bin").read_bytes() == b"new"
    assert (tmp_path / "link.bin").is_symlink()
    assert names(tmp_path) == ["a.bin", "link.bin"]


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    places = {
        tmp_path: "not a regular file",
        tmp_path / "missing" / "a.png": "No such file or directory",
        tmp_path / "file" / "a.png": "Not a directory",
        Path(os.devnull): "not a regular file",
    }
    for path, reason in places.items():
        with pytest.raises(GanzooError, match=rf"^cannot write {path}: .*{reason}.*$"):
            write_png(path, some(1, 2, 2)[0])
    assert names(tmp_path) == ["file"]


def test_an_array_may_come_in_parts(tmp_path: Path) -> None:
    array = np.arange(24.0, dtype=np.float32).reshape(6, 2, 2)
    write_npz(tmp_path / "a.npz", whole=array, parts=Parts(6, (array[start : start + 4] for start in (0, 4))))
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        for name in ("whole", "parts"):
            np.testing.assert_array_equal(file[name], array)
