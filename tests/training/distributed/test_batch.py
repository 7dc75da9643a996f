"""Ranks that hold a shard of a batch each compute what one process computes with the whole batch."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganzoo.training.distributed.batch import LIKE_OPS, SIZED_OPS, GlobalBatch

BATCH_SIZE, RANKS = 6, 2


class ThreadRanks:
    """Ranks that are threads of this process, of which each sees the whole batch in shards."""

    size = RANKS

    def __init__(self, rank: int, tensors: list[Tensor | None], barrier: threading.Barrier) -> None:
        self.rank, self.tensors, self.barrier = rank, tensors, barrier

    def shard(self, batch_size: int) -> slice:
        length = batch_size // self.size
        return slice(self.rank * length, (self.rank + 1) * length)

    def sum_(self, tensor: Tensor) -> Tensor:
        self.tensors[self.rank] = tensor.clone()
        self.barrier.wait(60)
        total = sum(other for other in self.tensors if other is not None)
        self.barrier.wait(60)
        return tensor.copy_(total)


def on_all_ranks(function: Callable[[ThreadRanks], Sequence[Tensor]]) -> list[Sequence[Tensor]]:
    """The result of every rank, with all ranks running at the same time."""
    tensors: list[Tensor | None] = [None] * RANKS
    barrier = threading.Barrier(RANKS)

    def run(rank: int) -> Sequence[Tensor]:
        ranks = ThreadRanks(rank, tensors, barrier)
        try:
            with GlobalBatch(ranks):
                return function(ranks)
        except BaseException:
            barrier.abort()
            raise

    with ThreadPoolExecutor(RANKS) as pool:
        return list(pool.map(run, range(RANKS)))


def three_passes(layer: nn.Module, samples: Tensor) -> tuple[Tensor, Tensor]:
    """The output of the last pass, and the gradient of a gradient penalty with respect to the samples."""
    samples = samples.clone().requires_grad_()
    for _ in range(3):
        output = layer(samples)
    (slope,) = torch.autograd.grad(output.pow(3).sum(), samples, create_graph=True)
    (slope.square().sum() + output.square().sum()).backward()
    assert samples.grad is not None
    return output.detach(), samples.grad


@pytest.mark.parametrize("shape", [(BATCH_SIZE, 4), (BATCH_SIZE, 4, 3), (BATCH_SIZE, 4, 2, 3)], ids=str)
@pytest.mark.parametrize(
    "settings", [{}, {"affine": False}, {"track_running_stats": False}, {"momentum": 0.4}], ids=str
)
def test_batch_normalisation_of_shards_is_that_of_the_batch(shape: tuple[int, ...], settings: dict[str, Any]) -> None:
    kind = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d}[len(shape)]
    samples, layer = torch.randn(shape) * 2 + 3, kind(4, **settings)
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    copies = [copy.deepcopy(layer) for _ in range(RANKS)]
    expected = three_passes(layer, samples)
    shards = on_all_ranks(lambda ranks: three_passes(copies[ranks.rank], samples[ranks.shard(BATCH_SIZE)]))
    for whole, *parts in zip(expected, *shards, strict=True):
        assert torch.allclose(torch.cat(parts), whole, rtol=1e-3, atol=1e-3)
    for name, tensor in layer.state_dict().items():
        for each in copies:
            assert torch.allclose(each.state_dict()[name], tensor, rtol=1e-5, atol=1e-6), name
    for parameter, *parts in zip(layer.parameters(), *(each.parameters() for each in copies), strict=True):
        assert torch.allclose(sum(part.grad for part in parts), parameter.grad, rtol=1e-3, atol=1e-2)


def test_batch_normalisation_in_evaluation_mode_uses_the_running_statistics() -> None:
    layer = nn.BatchNorm1d(4)
    layer(torch.randn(BATCH_SIZE, 4) + 1)
    layer.eval()
    samples = torch.randn(BATCH_SIZE, 4)
    shards = on_all_ranks(lambda ranks: [layer(samples[ranks.shard(BATCH_SIZE)])])
    assert torch.cat([each[0] for each in shards]).equal(layer(samples))


def drawn_on_all_ranks(draw: Callable[[int], Tensor]) -> Tensor:
    """What the ranks draw one after another, each from the same seed."""
    parts = []
    for rank in range(RANKS):
        torch.manual_seed(5)
        with GlobalBatch(ThreadRanks(rank, [None] * RANKS, threading.Barrier(1))):
            parts.append(draw(BATCH_SIZE // RANKS))
    return torch.cat(parts)


DRAWS: dict[str, tuple[Any, Callable[[int], Tensor]]] = {
    "rand": (torch.rand, lambda count: torch.rand(count, 3)),
    "rand of a tuple": (torch.rand, lambda count: torch.rand((count, 3))),
    "randn": (torch.randn, lambda count: torch.randn(size=(count, 3))),
    "randint": (torch.randint, lambda count: torch.randint(0, 99, (count, 3))),
    "rand_like": (torch.rand_like, lambda count: torch.rand_like(torch.ones(count, 3))),
    "randn_like": (torch.randn_like, lambda count: torch.randn_like(torch.ones(count, 3))),
    "randint_like": (torch.randint_like, lambda count: torch.randint_like(torch.ones(count, 3), 99)),
    "bernoulli": (torch.bernoulli, lambda count: torch.bernoulli(torch.full((count, 3), 0.5))),
    "rrelu": (F.rrelu, lambda count: F.rrelu(-torch.ones(count, 3), training=True)),
    "gumbel_softmax": (F.gumbel_softmax, lambda count: F.gumbel_softmax(torch.ones(count, 3))),
    "dropout": (F.dropout, lambda count: F.dropout(torch.ones(count, 9))),
    "dropout1d": (F.dropout1d, lambda count: F.dropout1d(torch.ones(count, 9, 2))),
    "dropout2d": (F.dropout2d, lambda count: F.dropout2d(torch.ones(count, 9, 2, 2))),
    "dropout3d": (F.dropout3d, lambda count: F.dropout3d(torch.ones(count, 9, 2, 2, 2))),
    "alpha_dropout": (F.alpha_dropout, lambda count: F.alpha_dropout(torch.ones(count, 9), training=True)),
    "feature_alpha_dropout": (
        F.feature_alpha_dropout,
        lambda count: F.feature_alpha_dropout(torch.ones(count, 9, 2), training=True),
    ),
}


@pytest.mark.parametrize("name", DRAWS)
def test_random_numbers_of_shards_are_those_of_the_batch(name: str) -> None:
    _, draw = DRAWS[name]
    parts = drawn_on_all_ranks(draw)
    torch.manual_seed(5)
    assert parts.equal(draw(BATCH_SIZE))
    assert not parts[: BATCH_SIZE // RANKS].equal(parts[BATCH_SIZE // RANKS :])


def test_all_random_operations_of_shards_are_tested() -> None:
    assert {function for function, _ in DRAWS.values()} == SIZED_OPS | LIKE_OPS


@pytest.mark.parametrize(
    "draw",
    [lambda: torch.rand(()), lambda: torch.randn_like(torch.tensor(1.0)), lambda: torch.randn_like(weight)],
    ids=["scalar", "like a scalar", "like a parameter"],
)
def test_scalars_and_what_is_drawn_like_a_parameter_are_the_same_on_all_ranks(draw: Callable[[], Tensor]) -> None:
    first, second = drawn_on_all_ranks(lambda count: draw()[None])
    torch.manual_seed(5)
    assert first.equal(second)
    assert first.equal(draw())


weight = nn.Parameter(torch.ones(4, 3))
