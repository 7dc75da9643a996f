from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest

from ganzoo.data import Request, cifar
from ganzoo.util.errors import GanzooError

TRAIN = [f"data_batch_{number}.bin" for number in range(1, 6)]
IMAGES = np.random.default_rng(0).integers(256, size=(10, 3, 32, 32), dtype=np.uint8)


def batches() -> dict[str, bytes]:
    """Two records in each of the five batches."""
    records = np.concatenate([np.arange(10, dtype=np.uint8)[:, None], IMAGES.reshape(10, -1)], axis=1)
    return {name: records[2 * k : 2 * k + 2].tobytes() for k, name in enumerate(TRAIN)}


def place_folder(root: Path, contents: dict[str, bytes]) -> None:
    (root / cifar.FOLDER).mkdir()
    for name, content in contents.items():
        (root / cifar.FOLDER / name).write_bytes(content)


def place_archive(root: Path, contents: dict[str, bytes]) -> None:
    with tarfile.open(root / cifar.ARCHIVE, "w:gz") as tar:
        for name, content in reversed(contents.items()):
            member = tarfile.TarInfo(f"{cifar.FOLDER}/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


@pytest.mark.parametrize("place", [place_folder, place_archive])
def test_folder_and_archive_hold_the_same_in_order(
    tmp_path: Path, place: Callable[[Path, dict[str, bytes]], None]
) -> None:
    place(tmp_path, batches())
    data = cifar.cifar10(Request(name="cifar10", directory=tmp_path))
    np.testing.assert_array_equal(data.samples, IMAGES)
    np.testing.assert_array_equal(data.labels, np.arange(10))


@pytest.mark.parametrize("place", [place_folder, place_archive])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not made of"),
        (bytes(3072), "not made of"),
        (bytes(10_001 * 3073), "not made of"),
        (b"\x0a" + bytes(3072), "the label 10"),
    ],
    ids=["empty", "cut", "long", "label"],
)
def test_hostile_batches_are_refused(
    tmp_path: Path, place: Callable[[Path, dict[str, bytes]], None], content: bytes, reason: str
) -> None:
    place(tmp_path, {**batches(), "data_batch_3.bin": content})
    with pytest.raises(GanzooError, match=f"is not CIFAR-10: data_batch_3.bin .*{reason}"):
        cifar.cifar10(Request(name="cifar10", directory=tmp_path))


def test_a_file_without_the_batches_is_refused(tmp_path: Path) -> None:
    place_archive(tmp_path, batches())
    with pytest.raises(GanzooError, match=r"it lacks test_batch.bin"):
        cifar.cifar10(Request(name="cifar10", directory=tmp_path, split="test"))
    (tmp_path / cifar.ARCHIVE).write_bytes(b"no archive")
    with pytest.raises(GanzooError, match="is not CIFAR-10"):
        cifar.cifar10(Request(name="cifar10", directory=tmp_path))


def test_without_a_network_the_error_names_the_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object) -> None:
        raise URLError("no network")

    monkeypatch.setattr(pytest.importorskip("torchvision").datasets.utils, "download_url", unreachable)
    with pytest.raises(GanzooError, match=r"place cifar-10-binary.tar.gz into .*--data mnist-10k"):
        cifar.cifar10(Request(name="cifar10", directory=tmp_path))
