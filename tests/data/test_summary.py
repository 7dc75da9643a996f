from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from ganzoo.data import Data, Request
from ganzoo.data.folder import read_folder
from ganzoo.data.summary import class_counts, duplicates, evenly_spread, original_sizes


def test_equal_samples_are_found_in_groups() -> None:
    images = np.zeros((6, 1, 2, 2), np.uint8)
    images[[1, 4], 0, 0, 0] = 7
    images[5] = 9
    assert duplicates(images) == [[0, 2, 3], [1, 4]]
    assert duplicates(np.arange(4, dtype=np.float32)[:, None]) == []
    assert duplicates(images[:0]) == []


def test_sizes_are_those_of_the_files_the_right_way_up(tmp_path) -> None:  # type: ignore[no-untyped-def]
    for name, size in {"small": (8, 20), "large": (50, 40), "square": (16, 16)}.items():
        Image.new("L", size).save(tmp_path / f"{name}.png")
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.new("L", (10, 60)).save(tmp_path / "turned.jpg", exif=turned)
    _, images = read_folder(Request(name=f"folder:{tmp_path}", argument=str(tmp_path), size=16))
    assert original_sizes(images) == ((8, 20), (50, 40), 2)
    assert original_sizes(images.take(np.array([images.names.index("turned.jpg")]))).largest == (60, 10)


def test_classes_without_samples_count_too() -> None:
    vectors = np.zeros((3, 2), np.float32)
    data = Data(name="x", samples=vectors, labels=np.array([2, 0, 2]), classes=("a", "b", "c"))
    assert class_counts(data) == [("a", 1), ("b", 0), ("c", 2)]
    assert class_counts(Data(name="x", samples=vectors, labels=np.array([1, 0, 1]))) == [("0", 1), ("1", 2)]
    assert class_counts(Data(name="x", samples=vectors)) == []


@pytest.mark.parametrize(("count", "size", "places"), [(4, 8, [0, 2, 4, 6]), (9, 3, [0, 1, 2]), (3, 0, [])])
def test_places_are_evenly_spread(count: int, size: int, places: list[int]) -> None:
    assert evenly_spread(count, size).tolist() == places
