"""Weights files, and files that only pretend to be: every one is refused in one line, before memory is taken."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import ganzoo
from ganzoo.data import Data
from ganzoo.generators.header import LARGEST
from ganzoo.generators.weights import SCALES, find, load, read, save_weights, write
from ganzoo.util.errors import GanzooError
from tests.support import begin, parent_for, play


@pytest.fixture(scope="module")
def saved(tiny: Data, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a small conditional GAN."""
    training = begin("cgan", tiny, iterations=1)
    play(training)
    path = tmp_path_factory.mktemp("weights") / "cgan.safetensors"
    training.model().save(path)
    return path


Spoil = Callable[[dict[str, torch.Tensor], dict[str, Any]], Any]


@pytest.fixture
def refused(saved: Path, tmp_path: Path) -> Callable[[Spoil], str]:
    """Load the weights after something was done to tensors and header, and return the complaint."""

    def refuse(spoil: Spoil) -> str:
        tensors, header = read(saved)
        spoil(tensors, header)
        write(tmp_path / "bad.safetensors", tensors, header)
        return complaint(tmp_path / "bad.safetensors")

    return refuse


def complaint(path: Path) -> str:
    with pytest.raises(GanzooError) as caught:
        load(path)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_loading_gives_back_what_was_saved(tiny: Data, saved: Path) -> None:
    model = load(saved)
    training = begin("cgan", tiny, iterations=1)
    play(training)
    assert np.array_equal(model.sample(range(7), labels=2), training.model().sample(range(7), labels=2))
    assert model.recipe == training.recipe
    assert not model.networks.training
    assert ganzoo.load(saved).header == model.header


@pytest.mark.parametrize("parent_training", ["first", "joint"])
def test_a_child_is_loaded_without_its_parents_file(tiny: Data, tmp_path: Path, parent_training: str) -> None:
    parent = None
    if parent_training == "first":
        parent = parent_for(begin("privileged-v1-ann", tiny, parent_training="joint").recipe, tiny)
    training = begin("privileged-v1-ann", tiny, iterations=1, parent_training=parent_training, parent=parent)
    play(training)
    model = training.model()
    model.save(tmp_path / "child.safetensors")
    again = load(tmp_path / "child.safetensors")
    for stage in ("child", "parent"):
        assert np.array_equal(model.sample(range(5), stage=stage), again.sample(range(5), stage=stage))


def test_a_file_cut_short_anywhere_is_refused(saved: Path, tmp_path: Path) -> None:
    data = saved.read_bytes()
    path = tmp_path / "cut.safetensors"
    for length in (0, 1, 8, 9, 500, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:length])
        assert "cut.safetensors is no readable safetensors file: " in complaint(path)


@pytest.mark.parametrize("data", [b"no such format" * 99, b"\xff" * 64, b"\x80\x02}q\x00." + bytes(64)])
def test_a_file_of_another_kind_is_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    path.write_bytes(data)
    assert "is no readable safetensors file: " in complaint(path)


NESTED = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (None, "was not written by ganzoo: its header has no entry 'ganzoo'"),
        ({"format": "pt"}, "was not written by ganzoo"),
        ({"ganzoo": "[1]"}, "was not written by ganzoo"),
        ({"ganzoo": "{"}, "is no readable safetensors file"),
        ({"ganzoo": NESTED}, "is no readable safetensors file"),
        ({"ganzoo": "{}"}, "has the format None, and this ganzoo reads 1"),
        ({"ganzoo": '{"format": 2}'}, "has the format 2, and this ganzoo reads 1"),
        ({"ganzoo": '{"format": 1}'}, "has a bad header: 'gan' is None"),
    ],
)
def test_a_file_without_our_header_is_refused(metadata: dict[str, str] | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "foreign.safetensors"
    save_file({"weight": torch.ones(2)}, path, metadata)
    assert message in complaint(path)


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("gan", 5),
        ("settings", []),
        ("settings", {"generator": 5}),
        ("settings", {"parent": ["x"]}),
        ("settings", {"parent.trainer": {}}),
        ("data", {"name": "x"}),
        ("shape", []),
        ("shape", [1, 2, 3, 4]),
        ("shape", [1, -8, 8]),
        ("shape", [1, 8.5, 8]),
        ("shape", [True, 8, 8]),
        ("shape", [1, LARGEST, 2]),
        ("range", [0, 255]),
        ("range", "x"),
        ("num_classes", -1),
        ("num_classes", LARGEST + 1),
        ("num_classes", True),
        ("condition_dim", None),
        ("latent_dim", 0),
        ("latent_dim", 10**30),
        ("distribution", "cauchy"),
        ("iterations", "many"),
        ("gan", "x" * 10_000),
    ],
)
def test_a_header_with_a_bad_entry_names_it(refused: Callable[[Spoil], str], entry: str, value: Any) -> None:
    message = refused(lambda _, header: header.update({entry: value}))
    if isinstance(value, str) and entry == "gan":
        assert message.startswith("no GAN named 'xxx")
    else:
        assert f"has a bad header: '{entry}' is " in message
        assert len(message) < 300


@pytest.mark.parametrize(
    "entry", ["gan", "settings", "data", "shape", "num_classes", "condition_dim", "latent_dim", "iterations"]
)
def test_a_header_that_lacks_an_entry_names_it(refused: Callable[[Spoil], str], entry: str) -> None:
    assert f"has a bad header: '{entry}' is None" in refused(lambda _, header: header.pop(entry))


@pytest.mark.parametrize(
    "change",
    [
        {"settings": {"generator.widths": [2**40]}},
        {"settings": {"discriminator.widths": [2**30]}},
        {"settings": {"generator.embedding": 2**40}},
        {"settings": {"loop.latent_dim": 2**20}},
        {"num_classes": LARGEST},
        {"shape": [1, 2**13, 2**13]},
        {"shape": [LARGEST]},
    ],
)
def test_a_header_that_asks_for_much_takes_no_memory(refused: Callable[[Spoil], str], change: dict[str, Any]) -> None:
    """The shape that does not fit is found; memory for it would not have been there."""

    def ask(_: Any, header: dict[str, Any]) -> None:
        settings = header["settings"] | change.get("settings", {})
        header.update(change | {"settings": settings})

    assert "does not fit: '" in refused(ask)


@pytest.mark.parametrize("number", [2**62, 2**63, 10**30, -1])
def test_numbers_beyond_all_bounds_are_one_line(refused: Callable[[Spoil], str], number: int) -> None:
    assert refused(lambda _, header: header["settings"].update({"generator.widths": [number]}))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda t, h: h.update(gan="cgam"), "no GAN named 'cgam'; did you mean 'cgan'?"),
        (lambda t, h: h["settings"].update(generator="dense2"), "no generator named 'dense2'"),
        (lambda t, h: h["settings"].update({"lrr": 1}), "cgan has no setting 'lrr'"),
        (lambda t, h: h["settings"].update({"parent.lr": 1}), "cgan has no parent"),
        (lambda t, h: h["settings"].update({"loop.batch_size": "x"}), "batch_size='x' is not a whole number"),
        (lambda t, h: h.update(latent_dim=9), "its header says latent 9, its generator 8"),
        (lambda t, h: t.pop("generator.embedding.weight"), "it lacks 'generator.embedding.weight'"),
        (lambda t, h: t.update(more=torch.ones(1)), "the network has no 'more'"),
        (
            lambda t, h: t.update({"generator.embedding.weight": torch.ones(2, 2)}),
            "'generator.embedding.weight' has the shape (2, 2), expected (3, 16)",
        ),
    ],
)
def test_what_does_not_fit_is_named(refused: Callable[[Spoil], str], spoil: Spoil, message: str) -> None:
    assert message in refused(spoil)


def test_a_header_is_json_that_others_can_read(saved: Path) -> None:
    length = int.from_bytes(saved.read_bytes()[:8], "little")
    header = json.loads(json.loads(saved.read_bytes()[8 : 8 + length])["__metadata__"]["ganzoo"])
    assert header["gan"] == "cgan"
    assert header["shape"] == [1, 8, 8]
    assert header["data"]["classes"] == ["a", "b", "c"]


def run(folder: Path, gan: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"gan": gan}))
    (folder / "weights.safetensors").touch()
    return folder / "weights.safetensors"


def test_weights_are_found_by_folder_file_and_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ganzoo.generators.pretrained.index", dict)
    old = run(Path("runs/a"), "cgan")
    assert find("cgan") == find("runs/a") == find(str(old)) == old
    os.utime("runs/a/run.json", (0, 0))
    new = run(Path("runs/b"), "cgan")
    run(Path("runs/c"), "dcgan")
    (Path("runs/c") / "run.json").write_text("no json")
    assert find("cgan") == new


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("empty", "empty holds no weights.safetensors; is it a run's folder?"),
        ("no/such", "there is no run or file no/such"),
        ("none.safetensors", "there is no run or file none.safetensors"),
        ("cgna", "no GAN named 'cgna'; did you mean 'cgan'?"),
        ("wgan", "there are no trained weights of wgan here; train them first: ganzoo train wgan"),
    ],
)
def test_weights_that_are_not_there(source: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ganzoo.generators.pretrained.index", dict)
    Path("empty").mkdir()
    with pytest.raises(GanzooError, match=message.replace("?", r"\?")):
        find(source)


# Weights to give away: packed, and without the discriminator.


@pytest.fixture(scope="module")
def packed(saved: Path) -> Path:
    path = saved.with_name("packed.safetensors")
    save_weights(path, load(saved), packed=True)
    return path


def test_packed_weights_make_nearly_the_same_samples(saved: Path, packed: Path) -> None:
    whole, small = load(saved), load(packed)
    assert small.header == whole.header
    difference = np.abs(small.sample(range(50), labels=2) - whole.sample(range(50), labels=2))
    assert 0 < difference.max() < 0.02
    assert {name.split(".")[0] for name in read(packed)[0]} == {"generator"}


def test_packing_twice_changes_nothing(packed: Path, tmp_path: Path) -> None:
    save_weights(tmp_path / "again.safetensors", load(packed), packed=True)
    first, again = load(packed), load(tmp_path / "again.safetensors")
    assert np.abs(first.sample(range(9)) - again.sample(range(9))).max() < 1e-5


def test_an_absent_discriminator_says_so(packed: Path) -> None:
    model = load(packed)
    with pytest.raises(GanzooError, match="a generator without its discriminator"):
        model.networks.discriminator(torch.zeros(1, 1, 28, 28))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda tensors, name: tensors.pop(name),
        lambda tensors, name: tensors.update({name: tensors[name].float()}),
        lambda tensors, name: tensors.update({name + SCALES: tensors[name + SCALES].double()}),
        lambda tensors, name: tensors.update({name + SCALES: tensors[name + SCALES][:-1].contiguous()}),
        lambda tensors, name: tensors.update({name + SCALES: tensors[name + SCALES].flatten()}),
    ],
)
def test_levels_and_scales_that_do_not_fit_are_refused(packed: Path, tmp_path: Path, spoil: Any) -> None:
    tensors = load_file(packed)
    with safe_open(packed, "pt") as file:
        header = json.loads(file.metadata()["ganzoo"])
    spoil(tensors, next(name for name in tensors if name + SCALES in tensors))
    write(tmp_path / "bad.safetensors", tensors, header)
    assert "the scales of 'generator." in complaint(tmp_path / "bad.safetensors")
