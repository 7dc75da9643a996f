"""Weights files, and bad files: each is refused in one line, before memory is allocated."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import ganzoo
from ganzoo.data import Data
from ganzoo.generators.metadata import MAX_CLASSES, MAX_VALUES, read_json, read_metadata
from ganzoo.generators.weights import SCALES, find, load, read, read_tensors, save_weights, write
from ganzoo.util.errors import GanzooError
from tests.support import parent_for, run_iterations, small_training


@pytest.fixture(scope="module")
def saved(tiny: Data, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a small conditional GAN."""
    training = small_training("cgan", tiny, iterations=1)
    run_iterations(training)
    path = tmp_path_factory.mktemp("weights") / "cgan.safetensors"
    training.model().save(path)
    return path


Spoil = Callable[[dict[str, torch.Tensor], dict[str, Any]], Any]


@pytest.fixture
def refused(saved: Path, tmp_path: Path) -> Callable[[Spoil], str]:
    """Load the weights after a change to tensors and metadata, and return the error message."""

    def refuse(spoil: Spoil) -> str:
        tensors, metadata = read_tensors(saved), read_json(saved)
        spoil(tensors, metadata)
        write(tmp_path / "bad.safetensors", tensors, metadata)
        return complaint(tmp_path / "bad.safetensors")

    return refuse


def complaint(path: Path) -> str:
    with pytest.raises(GanzooError) as caught:
        load(path)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_model_survives_saving_and_loading(tiny: Data, saved: Path) -> None:
    model = load(saved)
    training = small_training("cgan", tiny, iterations=1)
    run_iterations(training)
    assert np.array_equal(model.sample(range(7), labels=2), training.model().sample(range(7), labels=2))
    assert model.recipe == training.recipe
    assert not model.networks.training
    assert ganzoo.load(saved).metadata == model.metadata == read_metadata(saved)
    assert read_json(saved) == json.loads(json.dumps(training.metadata().to_json()))


@pytest.mark.parametrize("parent_training", ["first", "joint"])
def test_a_child_is_loaded_without_its_parents_file(tiny: Data, tmp_path: Path, parent_training: str) -> None:
    parent = None
    if parent_training == "first":
        parent = parent_for(small_training("privileged-v1-ann", tiny, parent_training="joint").recipe, tiny)
    training = small_training("privileged-v1-ann", tiny, iterations=1, parent_training=parent_training, parent=parent)
    run_iterations(training)
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
        ({"ganzoo": "{}"}, "has bad metadata: 'format' is None"),
        ({"ganzoo": '{"format": 0}'}, "has bad metadata: 'format' is 0"),
        (
            {"ganzoo": '{"format": 3}'},
            "has format 3, and this ganzoo reads formats up to 2; run: pip install",
        ),
        ({"ganzoo": '{"format": 1}'}, "has bad metadata: 'gan' is None"),
        ({"ganzoo": '{"format": 2}'}, "has bad metadata: 'gan' is None"),
    ],
)
def test_a_file_without_our_metadata_is_refused(metadata: dict[str, str] | None, message: str, tmp_path: Path) -> None:
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
        ("data", {"name": "x", "classes": [3]}),
        ("data", {"name": "x", "classes": [], "sha256": 5}),
        ("shape", []),
        ("shape", [1, 2, 3, 4]),
        ("shape", [1, -8, 8]),
        ("shape", [1, 8.5, 8]),
        ("shape", [True, 8, 8]),
        ("shape", [1, MAX_VALUES, 2]),
        ("range", [0, 255]),
        ("range", "x"),
        ("num_classes", -1),
        ("num_classes", MAX_VALUES + 1),
        ("num_classes", True),
        ("condition_dim", None),
        ("latent_dim", 0),
        ("latent_dim", 10**30),
        ("distribution", "cauchy"),
        ("iterations", "many"),
        ("seed", "x"),
        ("seed", True),
        ("torch", {"a": 1}),
        ("gan", "x" * 10_000),
    ],
)
def test_a_bad_field_is_named(refused: Callable[[Spoil], str], entry: str, value: Any) -> None:
    message = refused(lambda _, metadata: metadata.update({entry: value}))
    assert f"has bad metadata: '{entry}' is " in message
    assert len(message) < 300


@pytest.mark.parametrize(
    "entry", ["gan", "settings", "data", "shape", "range", "num_classes", "condition_dim", "latent_dim", "iterations"]
)
def test_a_missing_field_is_named(refused: Callable[[Spoil], str], entry: str) -> None:
    assert f"has bad metadata: '{entry}' is None" in refused(lambda _, metadata: metadata.pop(entry))


@pytest.mark.parametrize(
    "change",
    [
        {"settings": {"generator.widths": [2**20]}},
        {"settings": {"discriminator.widths": [2**20]}},
        {"settings": {"generator.embedding": 2**20}},
        {"settings": {"loop.latent_dim": 2**20}},
        {"num_classes": MAX_CLASSES},
        {"shape": [1, 2**13, 2**13]},
        {"shape": [MAX_VALUES]},
    ],
)
def test_metadata_that_ask_for_much_memory_get_none(refused: Callable[[Spoil], str], change: dict[str, Any]) -> None:
    """The wrong shape is found on the meta device; memory for it would not have been there."""

    def ask(_: Any, metadata: dict[str, Any]) -> None:
        settings = metadata["settings"] | change.get("settings", {})
        metadata.update(change | {"settings": settings})

    assert "does not fit: '" in refused(ask)


@pytest.mark.parametrize("number", [2**62, 2**63, 10**30, -1])
def test_settings_out_of_bounds_are_one_line(refused: Callable[[Spoil], str], number: int) -> None:
    assert refused(lambda _, metadata: metadata["settings"].update({"generator.widths": [number]}))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda t, h: h.update(gan="cgam"), "no GAN named 'cgam'; did you mean 'cgan'?"),
        (lambda t, h: h["settings"].update(generator="dense2"), "no generator named 'dense2'"),
        (lambda t, h: h["settings"].update({"lrr": 1}), "cgan has no setting 'lrr'"),
        (lambda t, h: h["settings"].update({"parent.lr": 1}), "cgan has no parent"),
        (lambda t, h: h["settings"].update({"loop.batch_size": "x"}), "batch_size='x' is not a whole number"),
        (lambda t, h: h.update(latent_dim=9), "latent_dim is 9 in its metadata, and 8 in its generator"),
        (lambda t, h: t.pop("generator.embedding.weight"), "it lacks 'generator.embedding.weight'"),
        (lambda t, h: t.update(more=torch.ones(1)), "the network has no 'more'"),
        (
            lambda t, h: t.update({"generator.embedding.weight": torch.ones(2, 2)}),
            "'generator.embedding.weight' has the shape (2, 2), expected (3, 16)",
        ),
    ],
)
def test_a_mismatch_is_named(refused: Callable[[Spoil], str], spoil: Spoil, message: str) -> None:
    assert message in refused(spoil)


def test_the_metadata_are_json_that_other_programs_can_read(saved: Path) -> None:
    length = int.from_bytes(saved.read_bytes()[:8], "little")
    metadata = json.loads(json.loads(saved.read_bytes()[8 : 8 + length])["__metadata__"]["ganzoo"])
    assert (metadata["format"], metadata["gan"], metadata["shape"]) == (2, "cgan", [1, 8, 8])
    assert metadata["data"]["classes"] == ["a", "b", "c"]


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


# Quantised weights, without the discriminator


@pytest.fixture(scope="module")
def quantized(saved: Path) -> Path:
    path = saved.with_name("quantized.safetensors")
    save_weights(path, load(saved), quantized=True, discriminator=False)
    return path


def test_quantized_weights_give_nearly_the_same_samples(saved: Path, quantized: Path) -> None:
    whole, small = load(saved), load(quantized)
    assert small.metadata == whole.metadata
    difference = np.abs(small.sample(range(50), labels=2) - whole.sample(range(50), labels=2))
    assert 0 < difference.max() < 0.02
    assert {name.split(".")[0] for name in read(quantized)[0]} == {"generator"}


def test_quantizing_twice_changes_nothing(quantized: Path, tmp_path: Path) -> None:
    save_weights(tmp_path / "again.safetensors", load(quantized), quantized=True, discriminator=False)
    first, again = load(quantized), load(tmp_path / "again.safetensors")
    assert np.abs(first.sample(range(9)) - again.sample(range(9))).max() < 1e-5


def test_quantized_weights_may_have_their_discriminator(saved: Path, tmp_path: Path) -> None:
    save_weights(path := tmp_path / "both.safetensors", load(saved), quantized=True)
    images, labels = torch.rand(9, *load(saved).metadata.shape), torch.arange(9) % 3
    whole, small = (load(each).networks.discriminator(images, labels) for each in (saved, path))
    assert 0 < (whole - small).abs().max() < 0.05
    assert path.stat().st_size < 0.6 * saved.stat().st_size


def test_a_missing_discriminator_is_an_error_when_it_is_used(quantized: Path) -> None:
    model = load(quantized)
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
def test_values_and_scales_that_do_not_fit_are_refused(quantized: Path, tmp_path: Path, spoil: Any) -> None:
    tensors = load_file(quantized)
    spoil(tensors, next(name for name in tensors if name + SCALES in tensors))
    write(tmp_path / "bad.safetensors", tensors, read_json(quantized))
    assert "the scales of 'generator." in complaint(tmp_path / "bad.safetensors")
