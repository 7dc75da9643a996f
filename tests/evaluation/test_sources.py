from __future__ import annotations

import io
import os
import subprocess
import sys
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


def bomb(path: Path, name: str, start: bytes, size: int, method: int = zipfile.ZIP_DEFLATED) -> None:
    """A small file with a member of many zeros."""
    with zipfile.ZipFile(path, "w", method) as archive, archive.open(name, "w", force_zip64=True) as member:
        member.write(start)
        for _ in range(size >> 20):
            member.write(bytes(2**20))


def header(shape: tuple[int, ...]) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_2_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return file.getvalue()


MEASURED = """
import resource, sys
from ganzoo.evaluation.sources import open_source
from ganzoo.util.errors import GanzooError
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
before = peak()
for path in sys.argv[1:]:
    try:
        open_source(path)
    except GanzooError as error:
        print(peak() - before, error)
"""

SIZE = 80 * 2**20
LARGE = 300 * 2**20
HOSTILE = [
    ("images", b"", SIZE, zipfile.ZIP_DEFLATED, "it lacks 'images'"),
    ("images", header((80, 1024, 1024)), SIZE, zipfile.ZIP_DEFLATED, "it lacks 'images'"),
    ("images.npy", b"\x93NUMPY\x02\0" + SIZE.to_bytes(4, "little"), SIZE, zipfile.ZIP_DEFLATED, "of 83,886,080 bytes"),
    ("images.npy", b"\x93NUMPY\x03\0\xff\xff\xff\xff", SIZE, zipfile.ZIP_DEFLATED, "a header of 4,294,967,295 bytes"),
    ("images.npy", b"\x93NUMPY\x09\0\0\0\0\0", SIZE, zipfile.ZIP_DEFLATED, "a header of version (9, 0)"),
    ("images.npy", header((300, 1024, 1024)), LARGE, zipfile.ZIP_DEFLATED, "too large: 314,572,800 bytes from"),
    ("images.npy", header((2**20, 4096)), SIZE, zipfile.ZIP_DEFLATED, "too large"),
    ("images.npy", header((3, 1024, 1024)), SIZE, zipfile.ZIP_DEFLATED, "has more than the announced 3,145,728 bytes"),
    ("images.npy", header((80, 1024, 1024, 1, 1, 1)), SIZE, zipfile.ZIP_DEFLATED, "'images' is uint8"),
    (
        "images.npy",
        header((255, 1024, 1024)),
        0,
        zipfile.ZIP_DEFLATED,
        "has fewer than the announced 267,386,880 bytes",
    ),
    ("images.npy", header((3, 64, 64)), SIZE, zipfile.ZIP_LZMA, "'images' has more than the announced"),
    (
        "images.npy",
        header((3, 64, 64)),
        SIZE,
        zipfile.ZIP_BZIP2,
        "is compressed by method 12; use numpy.savez_compressed",
    ),
]


def test_memory_stays_flat_for_files_that_expand(tmp_path: Path) -> None:
    paths = []
    for number, (name, start, size, method, _) in enumerate(HOSTILE):
        paths.append(tmp_path / f"{number}.npz")
        bomb(paths[-1], name, start, size, method)
        assert paths[-1].stat().st_size < 2**20
    paths.append(tmp_path / "many.npz")
    with zipfile.ZipFile(paths[-1], "w") as archive:
        for number in range(100_000):
            archive.writestr(f"{number}.npy", b"")
    done = subprocess.run([sys.executable, "-c", MEASURED, *paths], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert len(lines) == len(paths)
    for line, message in zip(lines, [*(each[-1] for each in HOSTILE), "it announces a part of"], strict=True):
        assert message in line
        assert len(line) < 600
        assert int(line.partition(" ")[0]) < 40, line


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_LZMA])
def test_every_compression_is_read(tmp_path: Path, method: int) -> None:
    images, path = np.random.default_rng(0).integers(0, 256, (50, 30, 40), np.uint8), tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w", method) as archive, archive.open("images.npy", "w") as member:
        np.save(member, np.asfortranarray(images))
    np.testing.assert_array_equal(samples_of(path, (1, 30, 40), 50)[:, 0], images)


def test_other_names_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, images=LEVELS, seeds=np.arange(9), evil=np.array([print], dtype=object))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("images", b"other")
    np.testing.assert_array_equal(samples_of(path), LEVELS)


def test_pipes_are_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(GanzooError, match="neither weights"):
        open_source(str(tmp_path))
    os.mkfifo(tmp_path / "x.npz")
    with pytest.raises(GanzooError, match="there is no file"):
        open_source(str(tmp_path / "x.npz"))
    write_png(tmp_path / "b.png", LEVELS[0].transpose(1, 2, 0))
    (tmp_path / "c").symlink_to(tmp_path)
    np.testing.assert_array_equal(samples_of(tmp_path, number=1), LEVELS[:1])
    passed_over = f"passed over in {tmp_path}, as no images: 2 pipes or devices, 1 links to a folder above"
    assert passed_over in caplog.messages


def test_a_folder_of_images_with_alpha(tmp_path: Path) -> None:
    rgba = np.random.default_rng(0).integers(1, 256, (2, 4, 6, 4), np.uint8)
    for number, image in enumerate(rgba):
        write_png(tmp_path / f"{number}.png", image)
    np.testing.assert_array_equal(samples_of(tmp_path, (4, 4, 6), 2), rgba.transpose(0, 3, 1, 2))
    np.savez(tmp_path / "x.npz", images=rgba)
    np.testing.assert_array_equal(samples_of(tmp_path / "x.npz", (4, 4, 6), 2), rgba.transpose(0, 3, 1, 2))


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


@pytest.mark.parametrize("labels", [np.array([0, -1]), np.array([0, 2**63], np.uint64)])
def test_labels_that_are_no_classes_are_refused(tmp_path: Path, labels: np.ndarray) -> None:
    np.savez(tmp_path / "x.npz", images=np.zeros((2, 4, 4), np.uint8), labels=labels)
    with pytest.raises(GanzooError, match=r"give 0, 1, 2, "):
        samples_of(tmp_path / "x.npz", (1, 4, 4), 2)
