"""The latents of :mod:`ganzoo.generators.latents` in torch, on any device that computes in float64."""

from __future__ import annotations

import torch
from torch import Tensor

from ganzoo.generators.latents import Distribution

_LOW = 2**32 - 1


def latents(seeds: Tensor, length: int, distribution: Distribution = "normal") -> Tensor:
    """The latents of ``seeds``, int64 ``(N,)`` of at least 0, on their device: float32 ``(N, length)``.

    The words and *uniform* are exactly those of numpy; the others differ in the last bit of about one value in 10**8.
    """
    # A product of two words fills 64 bits and wraps into the sign; masked after the shift, its halves are right still.
    seeds = seeds[:, None]
    k0, k1 = seeds & _LOW, seeds >> 32
    c0 = torch.arange(-(-length // 4), device=seeds.device) + torch.zeros_like(seeds)
    c1 = c2 = c3 = torch.zeros_like(c0)
    for _ in range(10):
        p, q = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = ((q >> 32) & _LOW) ^ c1 ^ k0, q & _LOW, ((p >> 32) & _LOW) ^ c3 ^ k1, p & _LOW
        k0, k1 = (k0 + 0x9E3779B9) & _LOW, (k1 + 0xBB67AE85) & _LOW
    units = (torch.stack([c0, c1, c2, c3], -1).flatten(1).double() + 0.5) / 2**32
    if distribution == "uniform":
        return (2 * units - 1)[:, :length].float()
    radius, angle = torch.sqrt(-2 * torch.log(units[:, 0::2])), 2 * torch.pi * units[:, 1::2]
    values = torch.stack([radius * torch.cos(angle), radius * torch.sin(angle)], -1).flatten(1)[:, :length]
    if distribution == "sphere":
        values = values * length**0.5 / values.norm(dim=1, keepdim=True)
    return values.float()
