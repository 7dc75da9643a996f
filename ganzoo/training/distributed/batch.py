"""Random numbers and batch normalisation of the global batch, computed by ranks that hold a shard of it each.

Trainers and networks know nothing of other ranks. :class:`GlobalBatch` replaces the functions of torch in which samples
of a batch depend on each other, so that the result does not depend on the number of ranks.
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
    """What this file uses of :class:`ganzoo.training.distributed.ranks.Group`, which imports this file."""

    size: int

    def shard(self, batch_size: int) -> slice: ...
    def sum_(self, tensor: Tensor) -> Tensor: ...


class GlobalBatch(TorchFunctionMode):
    """A context in which random numbers and batch normalisation are those of the global batch.

    Every rank draws the random numbers of the global batch from the same stream, and keeps its shard of the first
    axis, which counts samples. Random scalars, and random tensors drawn like a parameter, are the same on all ranks.
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

    def local_shard(self, tensor: Tensor) -> Tensor:
        return tensor[self.ranks.shard(len(tensor))] if tensor.dim() else tensor

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
        """Batch normalisation (Ioffe & Szegedy, 2015) with the statistics of the global batch, in one all-reduce.

        The moments are taken about the running mean: the mean of squares minus the squared mean is inexact for values
        far from zero.
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
                running_var.lerp_(var * total / (total - 1), momentum)  # unbiased, as torch's own
        scale = (var + eps).rsqrt() if weight is None else (var + eps).rsqrt() * weight
        x = (x - mean.view(shape)) * scale.view(shape)
        return (x if bias is None else x + bias.view(shape)).to(samples.dtype)


class AllReduceSum(torch.autograd.Function):
    """The sum over all ranks. Its gradient is the same operation, so it can be differentiated repeatedly."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, ranks: Ranks) -> Tensor:
        ctx.ranks = ranks
        return ranks.sum_(tensor.clone(memory_format=torch.contiguous_format))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return AllReduceSum.apply(gradients[0], ctx.ranks), None
