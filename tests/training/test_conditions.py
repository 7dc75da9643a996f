"""Conditions that are images, in pairs or not, with labels or without, and generators without latents."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import ganzoo
from ganzoo.data import Data, subset
from ganzoo.export import check, export, verify
from ganzoo.generators.onnx_session import Sampler
from ganzoo.generators.weights import Model, load
from ganzoo.registry.recipe import LoopSettings, resolve
from ganzoo.registry.registry import registry
from ganzoo.testing import start_training
from ganzoo.training.batches import Batches
from ganzoo.training.device import choose_device
from ganzoo.util.errors import GanzooError
from tests.support import differing, run_iterations, snapshot
from tests.support.translation import PAIRS, TRANSLATION, pictures, smaller


def training_of(data: Data, gan: Any = TRANSLATION) -> Any:
    return start_training(resolve(gan), data)


def trained(data: Data) -> Model:
    training = training_of(data)
    run_iterations(training)
    model: Model = training.model()
    return model


@pytest.fixture(scope="module")
def model() -> Model:
    return trained(PAIRS)


def batches_of(data: Data, batch_size: int = 8) -> Batches:
    return Batches(data, LoopSettings(batch_size=batch_size), 3, choose_device("cpu"), conditional=True)


class Lazy:
    """Reads a batch when it is indexed."""

    def __init__(self, array: Any) -> None:
        self.array, self.shape, self.dtype = array, array.shape, array.dtype

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, index: Any) -> Any:
        return self.array[index]


def numbered(count: int, shape: tuple[int, ...]) -> Any:
    return np.broadcast_to(np.arange(count, dtype=np.uint8).reshape(-1, 1, 1, 1), (count, *shape)).copy()


@pytest.mark.parametrize("read", [lambda array: array, Lazy])
def test_pairs_stay_together(read: Any) -> None:
    data = Data(
        name="x",
        samples=read(numbered(20, (3, 4, 4))),
        labels=np.arange(20),
        conditions=read(numbered(20, (1, 4, 4))),
    )
    batches = batches_of(data)
    for _ in range(5):
        samples, labels, conditions = batches.fetch()
        assert samples[:, 0, 0, 0].tolist() == conditions[:, 0, 0, 0].tolist() == labels.tolist()
        assert conditions.shape == (8, 1, 4, 4)


def test_conditions_are_in_the_range_of_the_samples() -> None:
    data = Data(name="x", samples=numbered(20, (3, 4, 4)) + 200, conditions=numbered(20, (1, 4, 4)))
    samples, conditions = batches_of(data).next()
    torch.testing.assert_close(samples[:, :1] - conditions, torch.full((8, 1, 4, 4), 200 / 127.5))


def test_unpaired_conditions_have_an_order_of_their_own() -> None:
    data = Data(name="x", samples=numbered(20, (3, 4, 4)), conditions=numbered(12, (1, 4, 4)), paired=False)
    batches = batches_of(data, 4)
    drawn = [tuple(part[:, 0, 0, 0].tolist() for part in batches.fetch()) for _ in range(15)]
    samples, conditions = ([each for batch in drawn for each in batch[side]] for side in (0, 1))
    assert [sorted(samples[start : start + 20]) for start in (0, 20, 40)] == [list(range(20))] * 3
    assert [sorted(conditions[start : start + 12]) for start in range(0, 60, 12)] == [list(range(12))] * 5
    again = batches_of(data, 4)
    again.drawn = 7
    assert tuple(part[:, 0, 0, 0].tolist() for part in again.fetch()) == drawn[7]


def test_data_of_other_lengths_are_not_pairs() -> None:
    with pytest.raises(GanzooError, match="x has 3 samples and 2 conditions; give as many, or paired=False"):
        Data(name="x", samples=numbered(3, (1, 2, 2)), conditions=numbered(2, (1, 2, 2)))
    with pytest.raises(GanzooError, match="x has no conditions, so paired=False means nothing"):
        Data(name="x", samples=numbered(3, (1, 2, 2)), paired=False)


def test_a_subset_keeps_unpaired_conditions() -> None:
    data = Data(name="x", samples=numbered(20, (3, 4, 4)), conditions=numbered(12, (1, 4, 4)), paired=False)
    assert [len(part) for part in (subset(data, np.arange(5)), subset(data, np.arange(5)).conditions)] == [5, 12]  # type: ignore[arg-type]


def test_it_trains_and_resumes_to_the_bit() -> None:
    whole, first, second = (training_of(PAIRS) for _ in range(3))
    run_iterations(first, 2)
    second.load(snapshot(first), "the checkpoint")
    run_iterations(second)
    run_iterations(whole)
    assert differing(whole.state(), second.state()) == []
    assert whole.nets.latent_dim == 0


def test_metadata_say_what_it_is_made_from(model: Model) -> None:
    metadata = model.metadata
    assert (metadata.latent_dim, metadata.condition, metadata.condition_dim) == (0, (1, 16, 16), 0)
    assert (metadata.free, metadata.reach, metadata.multiple, metadata.scale) == (True, 7, 2, 1)
    assert type(metadata).from_json(metadata.to_json(), "x") == metadata


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("condition_image", [1, 16]),
        ("condition_image", [1, 0, 16]),
        ("condition_image", [1, 2**14, 2**14]),
        ("condition_image", "1,16,16"),
        ("condition_dim", 3),
        ("free", 1),
        ("reach", -1),
        ("reach", 7.5),
        ("multiple", 0),
        ("multiple", True),
        ("shape", [3, 24, 16]),
        ("range", None),
    ],
)
def test_bad_metadata_of_conditions_are_refused(model: Model, field: str, value: Any) -> None:
    with pytest.raises(GanzooError, match=r"^x has bad metadata: '"):
        type(model.metadata).from_json(model.metadata.to_json() | {field: value}, "x")


def test_a_saved_generator_makes_the_same(model: Model, tmp_path: Path) -> None:
    model.save(tmp_path / "x.safetensors")
    among = replace(registry(), gans={**registry().gans, TRANSLATION.name: TRANSLATION})
    again = load(tmp_path / "x.safetensors", among=among)
    given = pictures(5, (1, 16, 16))
    np.testing.assert_array_equal(again.sample(5, conditions=given), model.sample(5, conditions=given))


def test_bytes_are_scaled_as_in_training(model: Model) -> None:
    given = pictures(3, (1, 16, 16))
    floats = given.astype(np.float32) / np.float32(127.5) - 1
    np.testing.assert_allclose(model.sample(3, conditions=given), model.sample(3, conditions=floats), atol=1e-5)


def test_any_size_is_taken(model: Model) -> None:
    assert model.sample(2, conditions=pictures(2, (1, 23, 5))).shape == (2, 3, 23, 5)


@pytest.mark.parametrize("shape", [(2, 1, 16, 16), (3, 3, 16, 16), (3, 1, 16), (3, 1, 0, 16)])
def test_conditions_of_another_shape_are_refused(model: Model, shape: tuple[int, ...]) -> None:
    with pytest.raises(GanzooError, match=r"^translation needs conditions of shape \(3, 1, any, any\), got \("):
        model.sample(3, conditions=np.zeros(shape, np.uint8))


def test_conditions_are_needed(model: Model) -> None:
    with pytest.raises(GanzooError, match=r"translation needs conditions of shape \(3, 1, any, any\), got None"):
        model.sample(3)


@pytest.mark.parametrize("uint8", [False, True])
@pytest.mark.parametrize("data", [PAIRS, smaller(PAIRS, 8)], ids=["same size", "twice as large"])
def test_an_exported_generator_takes_any_size_too(data: Data, uint8: bool, tmp_path: Path) -> None:
    model, path = trained(data), tmp_path / "x.onnx"
    export(model, path, uint8=uint8)
    assert check(path).free
    verify(path, model)
    sampler = Sampler(path)
    scale = model.metadata.scale
    for count, height, width in [(1, 16, 16), (2, 33, 47), (3, 65, 1), (1, 5, 3), (4, 29, 40)]:
        given = pictures(count, (1, height, width), height)
        made, wanted = sampler.sample(count, conditions=given), model.sample(count, conditions=given)
        if uint8:
            assert made.shape == (count, scale * height, scale * width, 3)
            assert np.abs(made.astype(int) - model.images(wanted)).max() <= 1
        else:
            assert made.shape == (count, 3, scale * height, scale * width)
            np.testing.assert_allclose(made, wanted, atol=1e-5)


class WithLabels(nn.Module):
    """A generator that takes z, labels and an image."""

    def __init__(self, task: Any) -> None:
        super().__init__()
        self.colours = nn.Embedding(task.num_classes, task.shape[0])
        self.mix = nn.Conv2d(task.condition[0] + task.latent_dim, task.shape[0], 3, 1, 1)

    def forward(self, z: Tensor, labels: Tensor, conditions: Tensor) -> Tensor:
        noise = z[:, :, None, None].expand(-1, -1, *conditions.shape[-2:])
        return torch.tanh(self.mix(torch.cat([conditions, noise], 1)) + self.colours(labels)[:, :, None, None])


def labelled(nets: Any, draw: Any) -> Any:
    real, z, labels, given = draw()
    fake = nets.generator(z, labels, given)
    yield nets.discriminator, nets.discriminator(real, given).mean() - nets.discriminator(fake.detach(), given).mean()
    yield nets.generator, (fake - real).square().mean()


def test_labels_and_conditions_come_together(tmp_path: Path) -> None:
    data = replace(PAIRS, labels=np.arange(40) % 3, classes=("a", "b", "c"), sha256="")
    gan = replace(TRANSLATION, generator=lambda task: WithLabels(task), trainer=labelled)
    training = start_training(resolve(gan, {"latent_dim": 2}), data)
    run_iterations(training)
    model = training.model()
    export(model, tmp_path / "x.onnx")
    given = pictures(6, (1, 16, 16))
    sampler = Sampler(tmp_path / "x.onnx")
    assert [each.name for each in sampler.metadata.inputs] == ["z", "labels", "conditions"]
    made = model.sample(6, labels="b", conditions=given)
    np.testing.assert_allclose(sampler.sample(6, labels="b", conditions=given), made, atol=1e-5)
    assert np.abs(model.sample(6, labels="c", conditions=given) - made).max() > 1e-3


def test_the_public_contract_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganzoo.testing.loaded", lambda *_: PAIRS)
    ganzoo.testing.check(TRANSLATION)
