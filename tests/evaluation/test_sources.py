from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from ganzoo.evaluation.sources import image_levels, open_source
from ganzoo.generators.images import write_png
from ganzoo.util.errors import GanzooError
from tests.support.onnx_files import saved, tiny

SHAPE = (1, 4, 6)
LEVELS = np.random.default_rng(0).integers(0, 256, (5, *SHAPE), np.uint8)


def samples_of(source: str | Path, shape: tuple[int, ...] = SHAPE, number: int = 5) -> np.ndarray:
    return np.concatenate(list(open_source(str(source)).batches(range(number), shape)))


def test_arrays_of_every_layout(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    signed, unit = LEVELS / 127.5 - 1, LEVELS / 255
    for images in (LEVELS, LEVELS[:, 0], LEVELS.transpose(0, 2, 3, 1), signed, signed.astype(np.float32), unit):
        np.savez(path, images=images)
        np.testing.assert_array_equal(samples_of(path), LEVELS)
    np.savez(path, images=LEVELS, labels=np.arange(5, dtype=np.uint8))
    source = open_source(str(path))
    labels = source.labels(range(1, 4))
    assert labels is not None
    assert (source.size, source.data, labels.tolist()) == (5, None, [1, 2, 3])
    np.testing.assert_array_equal(np.concatenate(list(source.batches(range(2, 5), SHAPE))), LEVELS[2:])


def test_vectors(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    points = np.random.default_rng(0).standard_normal((5, 2)).astype(np.float32)
    np.savez(path, images=points)
    np.testing.assert_array_equal(samples_of(path, (2,), 3), points[:3])
    np.savez(path, images=np.full((5, 2), np.nan))
    with pytest.raises(GanzooError, match="values that are not finite"):
        samples_of(path, (2,))
    with pytest.raises(GanzooError, match=r"holds samples \(2,\), and the data are \(3,\)"):
        samples_of(path, (3,))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"digits": LEVELS}, "it lacks 'images'"),
        ({"images": np.zeros(3)}, "'images' is float64"),
        ({"images": np.zeros((0, 4, 6))}, "'images' is float64"),
        ({"images": LEVELS.astype(np.int64)}, "give uint8, or floats"),
        ({"images": np.array([["a"], ["b"]])}, "'images' is <U1"),
        ({"images": LEVELS, "labels": np.zeros(4, int)}, "give a whole number for each image"),
        ({"images": LEVELS, "labels": np.zeros(5)}, "give a whole number for each image"),
        ({"images": LEVELS * 3.0}, "give uint8, or floats in"),
        ({"images": np.full((2, 4, 6), np.nan)}, "give uint8, or floats in"),
        ({"images": np.zeros((2, 1, 9, 9), np.uint8)}, r"holds images \(1, 9, 9\), and the data are \(1, 4, 6\)"),
    ],
)
def test_arrays_that_cannot_be_evaluated(tmp_path: Path, arrays: dict[str, np.ndarray], message: str) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, **arrays)  # type: ignore[arg-type]
    with pytest.raises(GanzooError, match=message) as refused:
        samples_of(path)
    assert "\n" not in str(refused.value)


def test_objects_in_a_file_are_never_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, images=np.array([[print]], dtype=object))
    with pytest.raises(GanzooError, match="cannot be evaluated"):
        samples_of(path)


def hostile(path: Path, header: bytes, name: str = "images.npy") -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': '|u1', 'fortran_order': False, 'shape': (1099511627776, 28, 28), }\n",
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 28), }\n",
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (2, 28), }\n",
        b"{'descr': '|O', 'fortran_order': False, 'shape': (2, 28), }\n",
        b"((((((((((((((((((((((((((((((((((((((((((\n",
        b"[1, 2, 3]\n",
        b"",
    ],
)
def test_sizes_are_checked_before_a_file_is_read(tmp_path: Path, header: bytes) -> None:
    hostile(tmp_path / "x.npz", header)
    with pytest.raises(GanzooError, match="cannot be evaluated"):
        samples_of(tmp_path / "x.npz")


def test_a_file_that_is_no_npz(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    with pytest.raises(GanzooError, match="there is no file"):
        open_source(str(path))
    np.savez(path, images=LEVELS)
    whole = path.read_bytes()
    for content in (b"", b"hello", whole[: len(whole) // 2], whole[:60] + b"\0" * 20 + whole[80:]):
        path.write_bytes(content)
        with pytest.raises(GanzooError, match="cannot be evaluated"):
            samples_of(path)


def test_a_folder_of_images(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    for number, image in enumerate(LEVELS):
        folder = tmp_path / "below" if number == 4 else tmp_path
        write_png(folder / f"{'z' * (number == 4)}seed-{number}.png", image.transpose(1, 2, 0))
    (tmp_path / "notes.txt").write_text("no picture")
    order = [4, 0, 1, 2, 3]  # below/ comes first
    np.testing.assert_array_equal(samples_of(tmp_path), LEVELS[order])
    colours = samples_of(tmp_path, (3, 4, 6))
    np.testing.assert_array_equal(colours, np.repeat(LEVELS[order], 3, axis=1))
    with pytest.raises(GanzooError, match="has 6x4 pixels, and the data have 9x9"):
        samples_of(tmp_path, (1, 9, 9))
    with pytest.raises(GanzooError, match="holds images, and the data are vectors"):
        samples_of(tmp_path, (2,))
    (tmp_path / "seed-0.png").write_bytes(b"broken")
    with pytest.raises(GanzooError, match=r"cannot evaluate .*seed-0.png"):
        samples_of(tmp_path)


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(GanzooError, match=r"holds neither weights.safetensors nor images"):
        open_source(str(tmp_path))


def test_exported_generators(tmp_path: Path) -> None:
    floats, bytes_ = tmp_path / "floats.onnx", tmp_path / "bytes.onnx"
    saved(tiny(shape=[3, 4, 6]), floats)
    saved(tiny(shape=[3, 4, 6], uint8=True), bytes_)
    for path in (floats, bytes_):
        images = samples_of(path, (3, 4, 6))
        assert (images.shape, images.dtype) == ((5, 3, 4, 6), np.uint8)
    with pytest.raises(GanzooError, match=r"holds samples \(3, 4, 6\), and the data are \(1, 4, 6\)"):
        samples_of(floats)
    with pytest.raises(GanzooError, match="makes vectors"):
        image_levels(np.zeros((2, 2)), None)
