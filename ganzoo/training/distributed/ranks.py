"""The processes of one training: which one this is, and what they do together.

Each process, a *rank*, plays the same iterations on its part of every batch, and rank 0 alone writes, prints and draws. The
loop talks to :func:`current_ranks`, which is one process alone unless :func:`process_group` has joined it to others; then nothing has
to be agreed on, and nothing is done.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ganzoo.util.errors import GanzooError, first_line
from ganzoo.util.optional import needs, torch

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")
PATIENCE = timedelta(minutes=30)  # with a rank that is silent; longer than it takes to fetch data or to score
ASKED_EVERY = 1.0  # seconds between two questions whether somebody wants to stop
START = "torchrun --nproc-per-node 2 -m ganzoo train NAME"


class RankLost(GanzooError):  # noqa: N818
    """Another process has ended, or is silent for too long."""


@dataclass(frozen=True)
class RankEnvironment:
    """Where torchrun has put a process: its number among all, how many there are, its number on this machine."""

    rank: int
    size: int
    local: int


def rank_environment(environment: Mapping[str, str]) -> RankEnvironment | None:
    """What torchrun's variables say; ``None`` for a process alone.

    Raises:
        GanzooError: one is missing or no number that it can be.
    """

    def number(name: str, least: int, most: int) -> int:
        value = environment.get(name)
        if value is None:
            raise GanzooError(f"WORLD_SIZE is set and {name} is not; start with: {START}, or unset WORLD_SIZE")
        if not (value.isascii() and value.isdigit() and len(value) < 6 and least <= int(value) <= most):
            raise GanzooError(f"{name}={value!r:.20} has to be a number from {least} to {most}; start with: {START}")
        return int(value)

    if "WORLD_SIZE" not in environment or (size := number("WORLD_SIZE", 1, 10**4)) == 1:
        return None
    found = RankEnvironment(number("RANK", 0, size - 1), size, number("LOCAL_RANK", 0, size - 1))
    number("MASTER_PORT", 1, 2**16 - 1)
    return found


def restart_count() -> str:
    """How often torchrun has started anew, as far as all processes say the same.

    Its store outlives a restart, and with it the addresses of processes that have ended. Machines count their own
    restarts, so with several of them there is no common number.
    """
    return os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") if os.environ.get("GROUP_WORLD_SIZE") == "1" else "0"


def torchrun_restarts() -> bool:
    """Whether torchrun runs the same command again if a process fails."""
    return os.environ.get("TORCHELASTIC_MAX_RESTARTS", "0") not in ("", "0")


class Ranks:
    """One process alone. All of this is cheap or nothing."""

    rank, size = 0, 1

    def device(self, name: str) -> str:
        """The device of this rank, from the name that all were given."""
        return name

    def shard(self, batch: int) -> slice:
        """Which samples of a batch are this rank's; :class:`GanzooError` if it does not divide."""
        return slice(None)

    def global_batch(self) -> AbstractContextManager[object]:
        """Within it, random numbers and batch normalisation are those of the whole batch."""
        return nullcontext()

    def average_gradients(self, weights: Iterable[Tensor]) -> None:
        """Give the gradients of these weights their means over all ranks."""

    def broadcast(self, tensors: Iterable[Tensor]) -> None:
        """Give these tensors the values that rank 0 has."""

    def mean_over_ranks(self, numbers: Sequence[float]) -> list[float]:
        """The mean of each number over all ranks."""
        return list(numbers)

    def any_rank_stops(self, stop: bool, seconds: float, *, now: bool) -> tuple[bool, float]:
        """Whether any rank wants to stop, and the longest of their times.

        The others are asked ``now``, or when a second has passed; before that the answer is no, and 0.
        """
        return stop, seconds

    def on_rank_zero(self, make: Callable[[], T]) -> T:
        """What rank 0 makes, in JSON's types; all wait for it, and its error is everybody's."""
        return make()

    def rank_zero_first(self, make: Callable[[], T]) -> T:
        """What each rank makes for itself, once rank 0 has made it and, perhaps, fetched what it takes."""
        return make()


class Group(Ranks):
    """This process and the others, over gloo for what is on the CPU and NCCL for what is on GPUs."""

    def __init__(self, rank_environment: RankEnvironment) -> None:
        self.dist = torch.distributed
        if not self.dist.is_available() or not self.dist.is_gloo_available():
            raise GanzooError("this torch was built without gloo, which several processes need; start one alone")
        # Imported once there is a group, the functions of this module would keep it, and its threads, to the end.
        from torch.distributed import nn  # noqa: F401
        from torch.distributed.distributed_c10d import PrefixStore
        from torch.distributed.rendezvous import rendezvous

        self.rank, self.size, self.local = rank_environment.rank, rank_environment.size, rank_environment.local
        self._iterations, self._pace, self._asked = 0, 1, time.perf_counter()
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() and self.dist.is_nccl_available() else "gloo"
        try:
            store, *_ = next(rendezvous("env://", timeout=PATIENCE))
            self.store = PrefixStore(f"ganzoo {restart_count()}", store)
            self.dist.init_process_group(
                backend, store=self.store, rank=self.rank, world_size=self.size, timeout=PATIENCE
            )
        except (RuntimeError, ValueError, OSError) as error:
            raise GanzooError(
                f"the {self.size} processes do not find each other: {first_line(error)}; {START}"
            ) from error

    def device(self, name: str) -> str:
        if name == "auto":
            name = "cuda" if torch.cuda.is_available() else "cpu"
        if name == "cpu":
            return name
        if name != "cuda":
            raise GanzooError(f"--device {name} is for one process; {self.size} take auto, cuda (one each) or cpu")
        if self.local >= (there := torch.cuda.device_count()):
            raise GanzooError(
                f"there are {there} CUDA devices for {self.local + 1} or more processes; start as many "
                f"(torchrun --nproc-per-node {max(there, 1)}), or take --device cpu"
            )
        torch.cuda.set_device(self.local)
        return f"cuda:{self.local}"

    def shard(self, batch: int) -> slice:
        if batch % self.size:
            near = max(1, round(batch / self.size)) * self.size
            raise GanzooError(
                f"batch_size={batch} is that of all processes together, and does not divide by {self.size}; "
                f"take a multiple (--set batch_size={near})"
            )
        mine = batch // self.size
        return slice(self.rank * mine, (self.rank + 1) * mine)

    def global_batch(self) -> AbstractContextManager[object]:
        from ganzoo.training.distributed.batch import GlobalBatch

        return GlobalBatch(self)

    def average_gradients(self, weights: Iterable[Tensor]) -> None:
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        if gradients:
            flat = torch.cat([gradient.flatten() for gradient in gradients])  # one message, not one for each weight
            self.sum_(flat).div_(self.size)
            means = torch.split(flat, [gradient.numel() for gradient in gradients])
            torch._foreach_copy_(gradients, [m.view_as(g) for m, g in zip(means, gradients, strict=True)])

    def sum_(self, tensor: Tensor) -> Tensor:
        """The sum over all ranks, in place."""
        with checked_message():
            self.dist.all_reduce(tensor)
        return tensor

    def broadcast(self, tensors: Iterable[Tensor]) -> None:
        for tensor in tensors:
            if tensor.numel():
                message = tensor.contiguous()
                with checked_message():
                    self.dist.broadcast(message, 0)
                if message is not tensor:
                    tensor.copy_(message)

    def mean_over_ranks(self, numbers: Sequence[float]) -> list[float]:
        means: list[float] = (self.sum_(torch.tensor(numbers, dtype=torch.float64)) / self.size).tolist()
        return means

    def any_rank_stops(self, stop: bool, seconds: float, *, now: bool) -> tuple[bool, float]:
        self._iterations += 1
        if not now and self._iterations < self._pace:
            return False, 0.0
        clock = time.perf_counter()
        answers = torch.tensor([stop, seconds, clock - self._asked], dtype=torch.float64)  # on the CPU: no GPU waits
        with checked_message():
            self.dist.all_reduce(answers, self.dist.ReduceOp.MAX)
        anybody, longest, since = answers.tolist()
        self._pace = max(1, int(self._iterations * ASKED_EVERY / max(since, 1e-9)))  # the same everywhere
        self._iterations, self._asked = 0, clock
        return bool(anybody), longest

    def on_rank_zero(self, make: Callable[[], T]) -> T:
        answer: dict[str, Any] = {}
        if self.rank == 0:
            try:
                answer = {"made": make()}
            except GanzooError as error:
                answer = {"error": str(error)}
        text = torch.tensor(list(json.dumps(answer).encode()), dtype=torch.uint8)
        length = torch.tensor([len(text)])
        self.broadcast([length])
        if self.rank:
            text = torch.empty(int(length), dtype=torch.uint8)
        self.broadcast([text])
        if self.rank:
            answer = json.loads(bytes(text.tolist()))
        if "error" in answer:
            raise GanzooError(answer["error"])
        made: T = answer["made"]
        return made

    def rank_zero_first(self, make: Callable[[], T]) -> T:
        if self.rank:
            self.wait()
            return make()
        made = make()
        self.wait()
        return made

    def wait(self) -> None:
        """Go on when all are here."""
        self.sum_(torch.zeros(1))

    def leave(self) -> None:
        """End with all others; whoever comes first would have torchrun end the rest."""
        self.wait()
        self.dist.destroy_process_group()

    def is_first_to_fail(self) -> bool:
        """Whether this rank is the first to fail, and so the one that says why."""
        try:
            return bool(self.store.add("failed", 1) == 1)
        except RuntimeError:  # whoever kept the store is gone
            return True


@contextmanager
def checked_message() -> Iterator[None]:
    """Turn the failure of a message into one line."""
    try:
        yield
    except RuntimeError as error:
        raise RankLost("another process of this training has ended or does not answer") from error


_here = Ranks()


def current_ranks() -> Ranks:
    """The processes of which this one is a part."""
    return _here


@contextmanager
def process_group() -> Iterator[None]:
    """Join the processes that torchrun has started, if it has: within it :func:`current_ranks` is all of them.

    Ranks other than 0 are silent. All end at the same time; if one fails, so do all, and the first to fail tells.

    Raises:
        GanzooError: torchrun's variables make no sense, or the others cannot be reached.
    """
    global _here
    found = rank_environment(os.environ)
    if found is None:
        yield
        return
    alone = _here
    with needs():
        group = Group(found)
    _here = group
    try:
        with silenced() if group.rank else nullcontext():
            yield
        group.leave()
    except SystemExit:  # stopped, which all have agreed on
        group.leave()
        raise
    except Exception as error:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # torchrun ends all when one has ended
        if group.is_first_to_fail():
            raise
        time.sleep(1)  # for the one that tells
        raise SystemExit(2 if isinstance(error, GanzooError | OSError) else 1) from None
    finally:
        _here = alone


@contextmanager
def silenced() -> Iterator[None]:
    """Print nothing."""
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield
