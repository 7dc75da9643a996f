"""What a process with a part of the batch has to do with the whole of it: random numbers and batch normalisation.

Trainers and networks know nothing of other processes. Within :class:`GlobalBatch` the calls of torch in which samples
meet are answered for the whole batch, so that a game is the same however many processes play it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

SIZED_OPS = frozenset({torch.rand, torch.randn, torch.randint})
LIKE_OPS = frozenset({
    torch.rand_like, torch.randn_like, torch.randint_like, torch.bernoulli, F.rrelu, F.gumbel_softmax,
    F.dropout, F.dropout1d, F.dropout2d, F.dropout3d, F.alpha_dropout, F.feature_alpha_dropout,
})  # fmt: skip


class Ranks(Protocol):
    """What is asked of the processes of a training."""

    size: int

    def shard(self, batch: int) -> slice: ...
    def sum_(self, tensor: Tensor) -> Tensor: ...


class GlobalBatch(TorchFunctionMode):
    """Within it, random numbers and batch normalisation are those of the whole batch.

    Every rank draws the random numbers of all, from the same stream, and takes those of its own samples: the first
    axis counts samples. A random scalar is everybody's, and so is what is drawn like a parameter.
    """

    def __init__(self, ranks: Ranks) -> None:
        super().__init__()
        self.ranks = ranks

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func is F.batch_norm:
            return self.batch_norm(*args, **kwargs)
        if func in SIZED_OPS:
            if "size" in kwargs:
                kwargs = kwargs | {"size": self.global_size(kwargs["size"])}
            elif isinstance(args[-1], Sequence):  # torch.rand((2, 3)), torch.randint(10, (2, 3))
                args = (*args[:-1], self.global_size(args[-1]))
            else:  # torch.rand(2, 3)
                args = self.global_size(args)
            return self.local_shard(func(*args, **kwargs))
        if func in LIKE_OPS and args[0].dim() and not isinstance(args[0], nn.Parameter):
            return self.local_shard(func(torch.cat([args[0]] * self.ranks.size), *args[1:], **kwargs))
        return func(*args, **kwargs)

    def global_size(self, size: Sequence[int]) -> tuple[int, ...]:
        return (size[0] * self.ranks.size, *size[1:]) if size else ()

    def local_shard(self, whole: Tensor) -> Tensor:
        return whole[self.ranks.shard(len(whole))] if whole.dim() else whole

    def batch_norm(
        self,
        samples: Tensor,
        running_mean: Tensor | None,
        running_var: Tensor | None,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Tensor:
        """Batch normalisation (Ioffe & Szegedy, 2015) by the statistics of all ranks, in one message.

        Moments are taken about the running mean, since squares of numbers far from zero lose their digits.
        """
        if not training:
            return F.batch_norm(samples, running_mean, running_var, weight, bias, False, momentum, eps)
        x, axes, shape = samples.float(), [0, *range(2, samples.dim())], (-1, *[1] * (samples.dim() - 2))
        if running_mean is not None:
            x = x - running_mean.view(shape)
        count = x.new_full((1,), x.numel() // x.shape[1])
        sums: Tensor = AllReduceSum.apply(torch.cat([x.sum(axes), x.square().sum(axes), count]), self.ranks)
        total = sums[-1]
        mean, square = (sums[:-1] / total).chunk(2)
        var = (square - mean.square()).clamp_min(0)
        if running_mean is not None and running_var is not None:
            with torch.no_grad():
                running_mean.add_(mean, alpha=momentum)
                running_var.lerp_(var * total / (total - 1), momentum)
        scale = (var + eps).rsqrt() if weight is None else (var + eps).rsqrt() * weight
        x = (x - mean.view(shape)) * scale.view(shape)
        return (x if bias is None else x + bias.view(shape)).to(samples.dtype)


class AllReduceSum(torch.autograd.Function):
    """A sum over all ranks. Its derivative is such a sum, so it can be differentiated any number of times."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, ranks: Ranks) -> Tensor:
        ctx.ranks = ranks
        return ranks.sum_(tensor.clone(memory_format=torch.contiguous_format))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return AllReduceSum.apply(gradients[0], ctx.ranks), None
