from __future__ import annotations

import gzip
import hashlib
import struct
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest

from ganzoo.data import Data, Request, embedded, mnist
from ganzoo.util.errors import GanzooError


def idx(array: np.ndarray, *, magic: int | None = None, shape: tuple[int, ...] | None = None) -> bytes:
    """An IDX file of bytes, with a false header where one is given."""
    shape = array.shape if shape is None else shape
    return struct.pack(f">{1 + len(shape)}I", magic or 0x0800 + len(shape), *shape) + array.tobytes()


IMAGES = np.random.default_rng(0).integers(256, size=(3, 28, 28), dtype=np.uint8)
LABELS = np.array([7, 0, 9], np.uint8)


def place(root: Path, *, images: bytes = idx(IMAGES), labels: bytes = idx(LABELS), packed: bool = False) -> Path:
    folder = root / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for name, content in (("train-images-idx3-ubyte", images), ("train-labels-idx1-ubyte", labels)):
        (folder / (f"{name}.gz" if packed else name)).write_bytes(gzip.compress(content) if packed else content)
    return root


@pytest.mark.parametrize("packed", [False, True])
def test_gzipped_and_plain_files_hold_the_same(tmp_path: Path, packed: bool) -> None:
    data = mnist.mnist(Request(name="mnist", directory=place(tmp_path, packed=packed)))
    np.testing.assert_array_equal(data.samples, IMAGES[:, None])
    np.testing.assert_array_equal(data.labels, LABELS)
    assert data.labels is not None
    assert data.labels.dtype == np.int64


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "ends within its header"),
        (idx(IMAGES)[:10], "ends within its header"),
        (idx(IMAGES)[:-1], "fewer than the announced 2352 bytes"),
        (idx(IMAGES) + b"x", "more than the announced 2352 bytes"),
        (idx(IMAGES, magic=0x0D03), "magic number 3331, not 2051"),
        (idx(np.zeros(99, np.uint8)), "magic number 2049, not 2051"),
        (idx(IMAGES, shape=(2**32 - 1, 28, 28)), "4294967295 items"),
        (idx(IMAGES, shape=(3, 2**31, 2**31)), r"3 items of shape \(2147483648, 2147483648\)"),
        (idx(IMAGES, shape=(0, 28, 28)), "0 items"),
        (idx(IMAGES, shape=(60_000, 28, 28)), "fewer than the announced 47040000 bytes"),
    ],
    ids=["empty", "header", "cut", "long", "type", "labels", "count", "sides", "nothing", "untrue"],
)
def test_a_hostile_file_is_refused_in_one_line(tmp_path: Path, content: bytes, reason: str, packed: bool) -> None:
    place(tmp_path, images=content, packed=packed)
    with pytest.raises(GanzooError, match=reason) as caught:
        mnist.mnist(Request(name="mnist", directory=tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("damage", [lambda packed: packed[:-9], lambda packed: b"no gzip", lambda packed: b""])
def test_a_broken_gzip_file_is_refused(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    place(tmp_path, packed=True)
    file = tmp_path / "MNIST/raw/train-images-idx3-ubyte.gz"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(GanzooError, match="not a whole IDX file"):
        mnist.mnist(Request(name="mnist", directory=tmp_path))


def test_labels_have_to_fit_the_images_and_the_classes(tmp_path: Path) -> None:
    with pytest.raises(GanzooError, match="3 images but 2 labels"):
        mnist.mnist(Request(name="mnist", directory=place(tmp_path / "few", labels=idx(LABELS[:2]))))
    with pytest.raises(GanzooError, match="the label 10"):
        mnist.mnist(Request(name="mnist", directory=place(tmp_path / "high", labels=idx(LABELS + 1))))


def test_without_a_network_the_error_names_the_files_and_their_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: object) -> None:
        raise URLError("no network")

    monkeypatch.setattr(pytest.importorskip("torchvision").datasets.utils, "download_url", unreachable)
    with pytest.raises(GanzooError) as caught:
        mnist.mnist(Request(name="mnist", directory=tmp_path))
    message = str(caught.value)
    assert "place train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz into" in message
    assert str(tmp_path / "MNIST" / "raw") in message
    assert "--data mnist-10k" in message
    assert "no network" in message
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_download_tries_the_next_mirror_and_leaves_complete_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torchvision = pytest.importorskip("torchvision")
    source = torchvision.datasets.MNIST
    contents = {"train-images-idx3-ubyte.gz": idx(IMAGES), "train-labels-idx1-ubyte.gz": idx(LABELS)}
    packed = {name: gzip.compress(content) for name, content in contents.items()}
    monkeypatch.setattr(
        source, "resources", [(name, hashlib.md5(content).hexdigest()) for name, content in packed.items()]
    )
    asked = []

    def serve(url: str, root: str, filename: str, md5: str) -> None:
        asked.append(url)
        Path(root, filename).write_bytes(packed[filename][:20])
        if url.startswith(source.mirrors[0]):
            raise RuntimeError("File not found or corrupted.")
        Path(root, filename).write_bytes(packed[filename])
        assert hashlib.md5(packed[filename]).hexdigest() == md5

    monkeypatch.setattr(torchvision.datasets.utils, "download_url", serve)
    data = mnist.mnist(Request(name="mnist", directory=tmp_path))
    np.testing.assert_array_equal(data.samples, IMAGES[:, None])
    assert len(asked) == 4
    assert {path.name for path in (tmp_path / "MNIST" / "raw").iterdir()} == set(packed)


@pytest.mark.parametrize("load", [mnist.mnist, mnist.fashion_mnist])
def test_the_real_files(data_dir: Path, load: Callable[[Request], Data]) -> None:
    data = load(Request(name="x", split="test", directory=data_dir))
    assert data.shape == (1, 28, 28)
    assert 5_000 <= len(data) <= 10_000
    np.testing.assert_array_equal(np.unique(data.labels), np.arange(10))


def test_the_embedded_digits_are_those_of_mnist(data_dir: Path) -> None:
    real = mnist.mnist(Request(name="mnist", directory=data_dir))
    assert len(real) == 60_000
    few = embedded.mnist_10k(Request(name="mnist-10k"))
    known = {(image.tobytes(), label) for image, label in zip(real.samples[:], real.labels, strict=True)}
    assert {(image.tobytes(), label) for image, label in zip(few.samples[:], few.labels, strict=True)} <= known
