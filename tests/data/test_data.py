from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import numpy as np
import pytest

import ganzoo.data
from ganzoo.data import Data, Request, dataset_name, fingerprint, load, subset
from ganzoo.util.errors import GanzooError
from ganzoo.util.optional import needs


def test_a_fingerprint_is_the_hash_of_type_shape_and_bytes() -> None:
    array = np.arange(3000 * 4, dtype=np.uint8).reshape(3000, 2, 2)
    assert fingerprint(array) == hashlib.sha256(b"|u1(3000, 2, 2)" + array.tobytes()).hexdigest()


@pytest.mark.parametrize(
    "other",
    [
        np.arange(6, dtype=np.uint8).reshape(3, 2),
        np.arange(6, dtype=np.int8).reshape(2, 3),
        np.arange(1, 7, dtype=np.uint8).reshape(2, 3),
    ],
    ids=["shape", "type", "values"],
)
def test_different_arrays_have_different_fingerprints(other: np.ndarray) -> None:
    assert fingerprint(other) != fingerprint(np.arange(6, dtype=np.uint8).reshape(2, 3))


def test_a_fingerprint_does_not_depend_on_the_memory_layout() -> None:
    array = np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)
    assert fingerprint(np.asfortranarray(array)) == fingerprint(array)


def test_data_hashes_labels_and_conditions_apart() -> None:
    samples = np.zeros((2, 1), np.float32)
    plain = Data(name="x", samples=samples)
    labelled = Data(name="x", samples=samples, labels=np.zeros(2, np.int64))
    conditioned = Data(name="x", samples=samples, conditions=samples)
    given = Data(name="x", samples=samples, sha256="given")
    assert len({plain.sha256, labelled.sha256, conditioned.sha256}) == 3
    assert given.sha256 == "given"


def test_the_public_names() -> None:
    public = ["Data", "NoTestSplit", "Request", "Samples", "as_data", "dataset_name", "fingerprint", "load", "subset"]
    assert ganzoo.data.__all__ == public
    assert all(getattr(ganzoo.data, name).__doc__ for name in public)


def test_a_subset_keeps_labels_and_conditions_and_has_its_own_fingerprint() -> None:
    values = np.arange(4, dtype=np.float32)[:, None]
    data = Data(name="x", samples=values, labels=np.arange(4), conditions=-values)
    part = subset(data, np.array([2, 0]))
    assert part.labels is not None
    assert part.conditions is not None
    assert (part.samples[:].tolist(), part.labels.tolist(), part.conditions.tolist()) == (
        [[2], [0]],
        [2, 0],
        [[-2], [0]],
    )
    assert part.sha256 == fingerprint(part.samples, part.labels, part.conditions) != data.sha256


@pytest.mark.parametrize("path", ["./cats", "../work/cats", "{here}/cats", "cats", "~/cats", "./cats/"])
def test_the_path_of_a_folder_is_a_data_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    image = pytest.importorskip("PIL.Image")
    here = tmp_path / "work"
    (here / "cats").mkdir(parents=True)
    image.new("L", (8, 8), 7).save(here / "cats" / "a.png")
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(here))
    path = path.format(here=here)
    with caplog.at_level(logging.INFO, "ganzoo"):
        data = load(path)
    assert (data.name, data.shape) == (f"folder:{path}", (1, 32, 32))
    assert caplog.messages == [f"data set {path} is read as folder:{path}"]
    assert load(data.name).sha256 == data.sha256
    assert len(caplog.messages) == 1


def test_a_name_that_is_registered_is_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("ring8", "folder:x"):
        Path(name).mkdir()
        assert dataset_name(name) == name
    for name in ("", "nowhere", "x" * 5000, "a\0b"):
        assert dataset_name(name) == name
    with pytest.raises(GanzooError, match=r"there is no folder './nowhere'; name one that exists"):
        load("./nowhere")


def test_errors_give_the_next_command() -> None:
    with pytest.raises(GanzooError, match=r"mnist-10k takes no argument after a colon, got 'x'; use: --data mnist-10k"):
        Request(name="mnist-10k:x", argument="x").refuse_argument()
    with pytest.raises(GanzooError, match="emoji32 has no test split, only 'train'; see: ganzoo list datasets"):
        Request(name="emoji32", split="test").refuse_test()


def test_a_missing_library_is_named_with_the_command_that_installs_it() -> None:
    with pytest.raises(GanzooError, match=r"needs a_library_of_nobody, .* pip install 'ganzoo-kit\[train\]'"), needs():
        import a_library_of_nobody  # noqa: F401
