"""The latent of a seed, defined for all languages and machines: a seed gives the same image everywhere.

The latent of seed ``s`` (an integer, ``0 <= s < 2**63``) depends only on ``s``, its length and its distribution, not on
the batch.

1. **Words.** Philox4x32-10 (Salmon et al., 2011) maps a counter of four and a key of two 32-bit words to four random
   32-bit words. The key is ``(s mod 2**32, s div 2**32)``. Block ``b = 0, 1, 2, ...`` has the counter
   ``(b, 0, 0, 0)``, whose last word is the stream; latents are stream 0. One of ten rounds, all modulo 2**32, is ::

       p = 0xD2511F53 * c0                      q = 0xCD9E8D57 * c2                           (64-bit products)
       c0, c1, c2, c3 = high(q) ^ c1 ^ k0, low(q), high(p) ^ c3 ^ k1, low(p)

   and between two rounds ``k0 += 0x9E3779B9`` and ``k1 += 0xBB67AE85``. Block ``b`` gives words ``4b ... 4b + 3``.
2. **Units.** ``u[i] = (w[i] + 0.5) / 2**32``: exact in float64, never 0 and never 1.
3. **Values**, in float64:

   * *uniform*: ``x[i] = 2 u[i] - 1``.
   * *normal* (Box & Muller, 1958), for every even ``i``: ``r = sqrt(-2 ln u[i])``, ``a = 2 pi u[i + 1]``,
     ``x[i] = r cos a``, ``x[i + 1] = r sin a``. An odd length drops the last value.
   * *sphere*: the normal vector ``x`` of that length becomes ``x sqrt(length) / sqrt(sum of x[i]**2)``.
4. The values are rounded to float32, to nearest, ties to even.

Steps 1, 2 and *uniform* are exact. Mathematical libraries may differ in the last bits of a float64 logarithm, cosine or
sine; after the rounding to float32, that is visible in about one value in 10**8.
"""

from __future__ import annotations

import re
from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganzoo.generators.metadata import Distribution
from ganzoo.util.errors import GanzooError

__all__ = ["MAX_SEEDS", "Distribution", "latents", "parse_seeds", "philox4x32"]

Words = NDArray[np.uint64]
"""32-bit words in 64 bits, so that the product of two fits."""

MAX_SEEDS = 10_000_000

_LOW = np.uint64(0xFFFFFFFF)
_HIGH = np.uint64(32)
_MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_INCREMENTS = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)


def latents(seeds: ArrayLike, length: int, distribution: Distribution = "normal") -> NDArray[np.float32]:
    """The latents of ``seeds``, see the module.

    Args:
        seeds: N integers from 0 to 2**63 - 1.
        length: of one latent; 0 for generators that take none. A short normal or uniform latent is the start of a
            longer one.
        distribution: ``"normal"`` N(0, 1), ``"uniform"`` U(-1, 1), or ``"sphere"`` of radius sqrt(length).

    Returns:
        float32 ``(N, length)``.

    Raises:
        GanzooError: a seed, the length or the distribution is invalid.

    >>> latents([0, 70], 3).round(4).tolist() == latents([70, 0], 5)[::-1, :3].round(4).tolist()
    True
    """
    if length < 0:
        raise GanzooError(f"a latent cannot have length {length}; give a length of at least 0")
    if distribution not in get_args(Distribution):
        good = ", ".join(get_args(Distribution))
        raise GanzooError(f"no latent distribution named {distribution!r}; choose one of {good}")
    if not length:
        return np.zeros((len(_checked(seeds)), 0), np.float32)
    units = _units(_checked(seeds), length)
    values = (2 * units - 1 if distribution == "uniform" else _normal(units))[:, :length]
    if distribution == "sphere":
        values *= np.sqrt(length) / np.linalg.norm(values, axis=1, keepdims=True)
    return values.astype(np.float32)


def parse_seeds(text: str) -> list[int]:
    """The seeds in a text: integers and inclusive ranges, separated by commas, in the order given.

    Raises:
        GanzooError: ``text`` has another form, a range is reversed, a seed is 2**63 or more, or there are more than
            :data:`MAX_SEEDS`.

    >>> parse_seeds("0-3,70")
    [0, 1, 2, 3, 70]
    """
    ranges: list[range] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,19})(?:-(\d{1,19}))?\s*", part, re.ASCII)
        if match is None:
            raise GanzooError(f"no seeds in {part!r}; give whole numbers from 0 to 2**63 - 1 and ranges, as in 0-63,70")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise GanzooError(f"the range of seeds {part.strip()} runs backwards; write {last}-{first}")
        if last >= 2**63:
            raise GanzooError(f"seed {last} is too large; seeds go from 0 to 2**63 - 1")
        ranges.append(range(first, last + 1))
    # len() raises an error for a range of 2**63.
    count = sum(part.stop - part.start for part in ranges)
    if count > MAX_SEEDS:
        raise GanzooError(f"{text!r} names {count} seeds; ask for at most {MAX_SEEDS} at a time")
    return [seed for part in ranges for seed in part]


def philox4x32(counter: tuple[Words, Words, Words, Words], key: tuple[Words, Words]) -> tuple[Words, ...]:
    """Philox4x32-10 (Salmon et al., 2011): four random words for each counter and key.

    Args:
        counter: four arrays of words below 2**32, which broadcast against each other and against the key.
        key: two such arrays.

    Returns:
        Four arrays of words below 2**32.
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        p, q = _MULTIPLIERS[0] * c0, _MULTIPLIERS[1] * c2
        c0, c1, c2, c3 = (q >> _HIGH) ^ c1 ^ k0, q & _LOW, (p >> _HIGH) ^ c3 ^ k1, p & _LOW
        k0, k1 = (k0 + _INCREMENTS[0]) & _LOW, (k1 + _INCREMENTS[1]) & _LOW
    return c0, c1, c2, c3


def _checked(seeds: ArrayLike) -> Words:
    array = np.asarray(seeds)
    if array.ndim != 1:
        raise GanzooError(f"the seeds have shape {array.shape}; give them as one list, as in [0, 1, 2]")
    # Integers that are too large for an integer array are floats or objects here.
    good = array.dtype.kind in "iu" and (array >= 0) & (array < 2**63)
    if array.size and not np.all(good):
        bad: Any = array[~np.broadcast_to(good, array.shape)][0]
        raise GanzooError(f"{bad} is not a seed; seeds are whole numbers from 0 to 2**63 - 1")
    return array.astype(np.uint64)


def _units(seeds: Words, length: int) -> NDArray[np.float64]:
    """The units u of the definition, float64 ``(N, length rounded up to whole blocks)``."""
    zero = np.zeros(1, np.uint64)
    blocks = np.arange(-(-length // 4), dtype=np.uint64)
    key = seeds[:, None] & _LOW, seeds[:, None] >> _HIGH
    words = np.stack(philox4x32((blocks, zero, zero, zero), key), axis=-1)
    return (words.reshape(len(seeds), 4 * len(blocks)) + 0.5) / 2**32


def _normal(units: NDArray[np.float64]) -> NDArray[np.float64]:
    radius, angle = np.sqrt(-2 * np.log(units[:, 0::2])), 2 * np.pi * units[:, 1::2]
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1).reshape(units.shape)
