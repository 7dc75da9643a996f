"""The processes ("ranks") of one distributed training, and their collective operations.

Each rank runs the same iterations on its shard of every batch. Rank 0 alone writes files, prints and evaluates. The
training loop calls :func:`current_ranks`. Outside :func:`process_group` that is a single process, for which every
operation is trivial.
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
TIMEOUT = timedelta(minutes=30)  # of a collective; downloading a data set or evaluating takes less
STOP_CHECK_SECONDS = 1.0
LAUNCH = "torchrun --nproc-per-node 2 -m ganzoo train NAME"


class RankLost(GanzooError):  # noqa: N818
    """Another process has ended or does not answer."""


@dataclass(frozen=True)
class RankEnvironment:
    """What torchrun assigned to a process: its rank, the number of processes, and its rank on this machine."""

    rank: int
    size: int
    local: int


def rank_environment(environment: Mapping[str, str]) -> RankEnvironment | None:
    """Read torchrun's environment variables; ``None`` for a single process.

    Raises:
        GanzooError: a variable is missing, or is not an integer in its range.
    """

    def integer(name: str, least: int, most: int) -> int:
        value = environment.get(name)
        if value is None:
            raise GanzooError(f"WORLD_SIZE is set and {name} is not; start with: {LAUNCH}, or unset WORLD_SIZE")
        if not (value.isascii() and value.isdigit() and len(value) < 6 and least <= int(value) <= most):
            raise GanzooError(f"{name}={value!r:.20} has to be a number from {least} to {most}; start with: {LAUNCH}")
        return int(value)

    if "WORLD_SIZE" not in environment or (size := integer("WORLD_SIZE", 1, 10**4)) == 1:
        return None
    found = RankEnvironment(integer("RANK", 0, size - 1), size, integer("LOCAL_RANK", 0, size - 1))
    integer("MASTER_PORT", 1, 2**16 - 1)
    return found


def restart_count() -> str:
    """How often torchrun has restarted the processes; ``"0"`` on several machines, which count their own restarts."""
    return os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") if os.environ.get("GROUP_WORLD_SIZE") == "1" else "0"


def torchrun_restarts() -> bool:
    """Whether torchrun runs the same command again after a failure."""
    return os.environ.get("TORCHELASTIC_MAX_RESTARTS", "0") not in ("", "0")


class Ranks:
    """A single process."""

    rank, size = 0, 1

    def device(self, name: str) -> str:
        """The device of this rank, for a ``--device`` that is the same on all ranks."""
        return name

    def shard(self, batch_size: int) -> slice:
        """The samples of a batch that belong to this rank; :class:`GanzooError` if it does not divide evenly."""
        return slice(None)

    def global_batch(self) -> AbstractContextManager[object]:
        """A context in which random numbers and batch normalisation are those of the batch of all ranks."""
        return nullcontext()

    def average_gradients(self, weights: Iterable[Tensor]) -> None:
        """Replace the gradients of ``weights`` by their means over all ranks, in place."""

    def broadcast(self, tensors: Iterable[Tensor]) -> None:
        """Copy the values of rank 0 into ``tensors`` on every rank."""

    def mean(self, metric: Tensor | None) -> Tensor | None:
        """The mean of a metric over all ranks, if there is one. It stays on the device."""
        return metric

    def mean_over_ranks(self, values: Sequence[float]) -> list[float]:
        """The mean of each value over all ranks."""
        return list(values)

    def any_rank_stops(self, stop: bool, seconds: float, *, now: bool) -> tuple[bool, float]:
        """Whether any rank wants to stop, and the largest ``seconds`` of all ranks.

        The ranks communicate about once a second, or at once with ``now``. In between the result is ``(False, 0.0)``.
        """
        return stop, seconds

    def on_rank_zero(self, function: Callable[[], T]) -> T:
        """Call ``function`` on rank 0 and return its result, which JSON has to hold, or raise its error, on all."""
        return function()

    def rank_zero_first(self, function: Callable[[], T]) -> T:
        """Call ``function`` on every rank, and on rank 0 before the others, so that only one downloads."""
        return function()


class Group(Ranks):
    """Several processes: gloo for tensors on the CPU, NCCL for tensors on GPUs."""

    def __init__(self, environment: RankEnvironment) -> None:
        self.dist = torch.distributed
        if not self.dist.is_available() or not self.dist.is_gloo_available():
            raise GanzooError("this torch was built without gloo, which several processes need; start a single process")
        # Its functions bind the default group when the module is imported. Imported after the group exists, it would
        # keep the group and its threads alive to the end of the process.
        from torch.distributed import nn  # noqa: F401
        from torch.distributed.distributed_c10d import PrefixStore
        from torch.distributed.rendezvous import rendezvous

        self.rank, self.size, self.local = environment.rank, environment.size, environment.local
        self._iterations, self._interval, self._checked = 0, 1, time.perf_counter()
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() and self.dist.is_nccl_available() else "gloo"
        try:
            store, *_ = next(rendezvous("env://", timeout=TIMEOUT))
            # torchrun keeps its store over restarts, with the addresses of processes that have ended
            self.store = PrefixStore(f"ganzoo {restart_count()}", store)
            self.dist.init_process_group(
                backend, store=self.store, rank=self.rank, world_size=self.size, timeout=TIMEOUT
            )
        except (RuntimeError, ValueError, OSError) as error:
            raise GanzooError(f"the {self.size} processes cannot connect: {first_line(error)}; {LAUNCH}") from error

    def device(self, name: str) -> str:
        if name == "auto":
            name = "cuda" if torch.cuda.is_available() else "cpu"
        if name == "cpu":
            return name
        if name != "cuda":
            raise GanzooError(f"--device {name} is for one process; {self.size} take auto, cuda (one each) or cpu")
        if self.local >= (count := torch.cuda.device_count()):
            raise GanzooError(
                f"there are {count} CUDA devices for {self.local + 1} or more processes; start as many "
                f"(torchrun --nproc-per-node {max(count, 1)}), or take --device cpu"
            )
        torch.cuda.set_device(self.local)
        return f"cuda:{self.local}"

    def shard(self, batch_size: int) -> slice:
        if batch_size % self.size:
            near = max(1, round(batch_size / self.size)) * self.size
            raise GanzooError(
                f"batch_size={batch_size} is that of all processes together, and does not divide by {self.size}; "
                f"take a multiple (--set batch_size={near})"
            )
        length = batch_size // self.size
        return slice(self.rank * length, (self.rank + 1) * length)

    def global_batch(self) -> AbstractContextManager[object]:
        from ganzoo.training.distributed.batch import GlobalBatch

        return GlobalBatch(self)

    def average_gradients(self, weights: Iterable[Tensor]) -> None:
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        if gradients:
            flat = torch.cat([gradient.flatten() for gradient in gradients])  # one all-reduce for all weights
            self.sum_(flat).div_(self.size)
            means = torch.split(flat, [gradient.numel() for gradient in gradients])
            torch._foreach_copy_(gradients, [m.view_as(g) for m, g in zip(means, gradients, strict=True)])

    def sum_(self, tensor: Tensor) -> Tensor:
        """The sum over all ranks, in place."""
        with lost_rank_error():
            self.dist.all_reduce(tensor)
        return tensor

    def mean(self, metric: Tensor | None) -> Tensor | None:
        return None if metric is None else self.sum_(metric.clone()) / self.size

    def broadcast(self, tensors: Iterable[Tensor]) -> None:
        for tensor in tensors:
            if tensor.numel():
                contiguous = tensor.contiguous()
                with lost_rank_error():
                    self.dist.broadcast(contiguous, 0)
                if contiguous is not tensor:
                    tensor.copy_(contiguous)

    def mean_over_ranks(self, values: Sequence[float]) -> list[float]:
        means: list[float] = (self.sum_(torch.tensor(values, dtype=torch.float64)) / self.size).tolist()
        return means

    def any_rank_stops(self, stop: bool, seconds: float, *, now: bool) -> tuple[bool, float]:
        self._iterations += 1
        if not now and self._iterations < self._interval:
            return False, 0.0
        clock = time.perf_counter()
        # on the CPU, so that no GPU waits
        largest = torch.tensor([stop, seconds, clock - self._checked], dtype=torch.float64)
        with lost_rank_error():
            self.dist.all_reduce(largest, self.dist.ReduceOp.MAX)
        stops, seconds, since = largest.tolist()
        # from the same three values on all ranks, so that all check after the same iteration
        self._interval = max(1, int(self._iterations * STOP_CHECK_SECONDS / max(since, 1e-9)))
        self._iterations, self._checked = 0, clock
        return bool(stops), seconds

    def on_rank_zero(self, function: Callable[[], T]) -> T:
        result: dict[str, Any] = {}
        if self.rank == 0:
            try:
                result = {"value": function()}
            except GanzooError as error:
                result = {"error": str(error)}
        text = torch.tensor(list(json.dumps(result).encode()), dtype=torch.uint8)
        length = torch.tensor([len(text)])
        self.broadcast([length])
        if self.rank:
            text = torch.empty(int(length), dtype=torch.uint8)
        self.broadcast([text])
        if self.rank:
            result = json.loads(bytes(text.tolist()))
        if "error" in result:
            raise GanzooError(result["error"])
        value: T = result["value"]
        return value

    def rank_zero_first(self, function: Callable[[], T]) -> T:
        if self.rank:
            self.barrier()
            return function()
        value = function()
        self.barrier()
        return value

    def barrier(self) -> None:
        """Wait until all ranks are here."""
        self.sum_(torch.zeros(1))

    def close(self) -> None:
        """Wait for all ranks and end the group; torchrun would end the others when the first has ended."""
        self.barrier()
        self.dist.destroy_process_group()

    def is_first_to_fail(self) -> bool:
        """Whether no other rank has failed before this one, which then reports its error."""
        try:
            return bool(self.store.add("failed", 1) == 1)
        except RuntimeError:  # the process that held the store has ended
            return True


@contextmanager
def lost_rank_error() -> Iterator[None]:
    """Turn the failure of a collective operation into :class:`RankLost`."""
    try:
        yield
    except RuntimeError as error:
        raise RankLost("another process of this training has ended or does not answer") from error


_current = Ranks()


def current_ranks() -> Ranks:
    """The processes of the training that this process belongs to."""
    return _current


@contextmanager
def process_group() -> Iterator[None]:
    """Join the processes that torchrun has started, if any. Within it :func:`current_ranks` is all of them.

    Ranks other than 0 print nothing. All ranks end together. If one fails, all fail, and the first to fail reports
    its error.

    Raises:
        GanzooError: torchrun's variables are wrong, or the other processes cannot be reached.
    """
    global _current
    environment = rank_environment(os.environ)
    if environment is None:
        yield
        return
    single = _current
    with needs():
        group = Group(environment)
    _current = group
    try:
        with silenced() if group.rank else nullcontext():
            yield
        group.close()
    except SystemExit:  # a stop, which all ranks have agreed on
        group.close()
        raise
    except Exception as error:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # torchrun sends it to all once one has ended
        if group.is_first_to_fail():
            raise
        time.sleep(1)  # leaves the first to fail the time to print its error
        raise SystemExit(2 if isinstance(error, GanzooError | OSError) else 1) from None
    finally:
        _current = single


@contextmanager
def silenced() -> Iterator[None]:
    """Print nothing."""
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield
