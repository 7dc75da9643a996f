from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ganzoo.data import Data
from ganzoo.registry.recipe import LoopSettings
from ganzoo.training.batches import Batches
from ganzoo.training.device import choose_device
from ganzoo.training.device.prefetch import Prefetcher
from ganzoo.util.errors import GanzooError

CPU = choose_device("cpu", "fp32")


def numbered(count: int) -> Data:
    """Vectors that hold their own index, as their labels do."""
    index = np.arange(count)
    return Data(name="numbered", samples=index[:, None].astype(np.float32), labels=index, classes=("x",) * count)


def stream(
    data: Data,
    batch_size: int,
    seed: int = 0,
    pixel_range: Literal["signed", "unit"] = "signed",
    conditional: bool = False,
) -> Batches:
    loop = LoopSettings(batch_size=batch_size, pixel_range=pixel_range)
    return Batches(data, loop, seed, CPU, conditional=conditional)


def drawn(source: Batches, draws: int) -> list[int]:
    return [int(value) for _ in range(draws) for value in source.next()[0]]


class OnDemand:
    """Samples that are read when they are indexed."""

    def __init__(self, samples: NDArray[Any]) -> None:
        self.samples, self.shape, self.dtype = samples, samples.shape, samples.dtype

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: Any) -> NDArray[Any]:
        return self.samples[index]


@pytest.mark.parametrize("batch", [1, 5, 12, 30])
def test_an_epoch_holds_every_sample_once(batch: int) -> None:
    seen = np.reshape(drawn(stream(numbered(12), batch), 12), (batch, 12))
    assert (np.sort(seen) == np.arange(12)).all()
    assert len({tuple(order) for order in seen.tolist()}) == batch, "each epoch has an order of its own"


def test_the_order_depends_on_the_seed() -> None:
    assert drawn(stream(numbered(40), 8, seed=1), 5) == drawn(stream(numbered(40), 8, seed=1), 5)
    assert drawn(stream(numbered(40), 8, seed=1), 5) != drawn(stream(numbered(40), 8, seed=2), 5)


@pytest.mark.parametrize("draws", [0, 3, 7, 100])
def test_resuming_takes_the_position_alone(draws: int) -> None:
    whole, resumed = stream(numbered(12), 5), stream(numbered(12), 5)
    drawn(whole, draws)
    resumed.drawn = draws
    assert drawn(resumed, 9) == drawn(whole, 9)


def test_conditions_belong_to_their_samples() -> None:
    source = stream(numbered(12), 5, conditional=True)
    for _ in range(6):
        samples, labels = source.next()
        assert torch.equal(samples[:, 0].long(), labels)
    conditions = np.arange(12, dtype=np.float32)[:, None] * 2
    source = stream(Data(name="regression", samples=conditions / 2, conditions=conditions), 5, conditional=True)
    samples, inputs = source.next()
    assert torch.equal(samples * 2, inputs)


@pytest.mark.parametrize("data", [numbered(4), Data(name="bare", samples=numbered(4).samples)])
def test_there_are_no_conditions_unless_conditional_and_known(data: Data) -> None:
    assert len(stream(data, 2, conditional=data.labels is None).next()) == 1


@pytest.mark.parametrize(("pixels", "ends"), [("signed", [-1, 1]), ("unit", [0, 1])])
def test_pixels_are_scaled_to_the_range(pixels: str, ends: list[float]) -> None:
    black_and_white = Data(name="ends", samples=np.array([0, 255], np.uint8).reshape(2, 1, 1, 1))
    (samples,) = stream(black_and_white, 2, pixel_range=pixels).next()
    assert samples.dtype == torch.float32
    assert sorted(samples.flatten().tolist()) == ends


def test_samples_read_on_demand_are_the_same(tiny: Data) -> None:
    lazily = Data(name="lazy", samples=OnDemand(np.asarray(tiny.samples)), labels=tiny.labels, classes=tiny.classes)
    ours, theirs = stream(tiny, 8, conditional=True), stream(lazily, 8, conditional=True)
    for _ in range(10):
        assert all(a.equal(b) for a, b in zip(ours.next(), theirs.next(), strict=True))


def test_an_empty_data_set_is_refused() -> None:
    with pytest.raises(GanzooError, match="data set 'numbered' is empty"):
        stream(numbered(0), 2)


def test_a_batch_is_read_one_ahead_and_a_jump_reads_anew(tiny: Data) -> None:
    read: list[int] = []

    def batch(draw: int) -> tuple[torch.Tensor, ...]:
        read.append(draw)
        return (torch.tensor([draw]),)

    ahead = Prefetcher(batch, torch.device("cpu"))
    assert [int(ahead.get(draw)[0]) for draw in (0, 1, 2)] == [0, 1, 2]
    assert read == [0, 1, 2, 3]
    assert int(ahead.get(7)[0]) == 7
    assert read == [0, 1, 2, 3, 7, 8]
