from __future__ import annotations

import numpy as np
import pytest

from ganzoo.generators.latents import MAX_SEEDS, Distribution, latents, parse_seeds, philox4x32
from ganzoo.util.errors import GanzooError

ALL: list[Distribution] = ["normal", "uniform", "sphere"]


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ],
)
def test_philox_known_answers(counter: str, key: str, words: str) -> None:
    """The vectors that Salmon et al. (2011) publish with Random123."""
    c0, c1, c2, c3, k0, k1 = (np.array([int(word, 16)], np.uint64) for word in f"{counter} {key}".split())
    assert " ".join(f"{int(word[0]):08x}" for word in philox4x32((c0, c1, c2, c3), (k0, k1))) == words


def philox_by_hand(seed: int, block: int) -> list[int]:
    """The words of one block in plain integers, from the module's text."""
    c, k = [block, 0, 0, 0], [seed % 2**32, seed // 2**32]
    for _ in range(10):
        p, q = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [q // 2**32 ^ c[1] ^ k[0], q % 2**32, p // 2**32 ^ c[3] ^ k[1], p % 2**32]
        k = [(k[0] + 0x9E3779B9) % 2**32, (k[1] + 0xBB67AE85) % 2**32]
    return c


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1, 2**32, 2**63 - 1])
def test_uniform_is_exactly_the_definition(seed: int) -> None:
    expected = [2 * (word + 0.5) / 2**32 - 1 for block in range(3) for word in philox_by_hand(seed, block)]
    assert latents([seed], 12, "uniform").tolist() == [np.array(expected, np.float32).tolist()]


PINNED: dict[Distribution, list[float]] = {
    "normal": [1.7203488, -0.4790501, -1.859154, -1.6588634, -1.3888454],
    "uniform": [-0.5939981, 0.91355306, -0.9102739, 0.23189728, -0.26555285],
    "sphere": [1.1430316, -0.31828973, -1.2352562, -1.1021795, -0.92277455],
}


@pytest.mark.parametrize("distribution", ALL)
def test_pinned_values(distribution: Distribution) -> None:
    """Images are named by their seeds, so these values can never change."""
    np.testing.assert_allclose(latents([2**40 + 7], 5, distribution)[0], PINNED[distribution], rtol=2e-7, atol=0)


@pytest.mark.parametrize("distribution", ALL)
def test_a_latent_depends_on_its_seed_alone(distribution: Distribution) -> None:
    seeds = [5, 0, 2**62, 5, *range(100)]
    batch = latents(seeds, 33, distribution)
    assert batch.shape == (104, 33)
    assert batch.dtype == np.float32
    alone = np.concatenate([latents([seed], 33, distribution) for seed in seeds])
    np.testing.assert_array_equal(batch, alone)


@pytest.mark.parametrize("distribution", ["normal", "uniform"])
def test_shorter_latents_are_prefixes(distribution: Distribution) -> None:
    long = latents(range(7), 13, distribution)
    for length in range(1, 13):
        np.testing.assert_array_equal(latents(range(7), length, distribution), long[:, :length])


@pytest.mark.parametrize(("distribution", "moments"), [("normal", (0, 1, 0, 3)), ("uniform", (0, 1 / 3, 0, 1 / 5))])
def test_moments(distribution: Distribution, moments: tuple[float, ...]) -> None:
    values = latents(range(20_000), 16, distribution).astype(np.float64)
    np.testing.assert_allclose([np.mean(values**power) for power in (1, 2, 3, 4)], moments, atol=0.03)
    correlations = np.corrcoef(values.T) - np.eye(16)
    assert np.abs(correlations).max() < 0.03


def test_sphere_has_radius_root_of_length() -> None:
    np.testing.assert_allclose(np.linalg.norm(latents(range(50), 64, "sphere"), axis=1), 8, rtol=1e-6)


def test_no_seeds_give_no_latents() -> None:
    assert latents([], 4).shape == (0, 4)


@pytest.mark.parametrize("seeds", [[-1], [2**63], [0, 2**64], [1.5], [True], [-1, 2**63], ["a"]])
def test_bad_seeds(seeds: list[object]) -> None:
    with pytest.raises(GanzooError, match="is not a seed; seeds are whole numbers"):
        latents(seeds, 4)  # type: ignore[arg-type]


def test_other_bad_arguments() -> None:
    with pytest.raises(GanzooError, match="as one list"):
        latents(3, 4)
    with pytest.raises(GanzooError, match="length of at least 0"):
        latents([0], -1)
    with pytest.raises(GanzooError, match="'cauchy'; choose one of normal, uniform, sphere"):
        latents([0], 4, "cauchy")  # type: ignore[arg-type]


def test_parse_seeds() -> None:
    assert parse_seeds("0-63,70") == [*range(64), 70]
    assert parse_seeds(" 7 , 3-3 ,7") == [7, 3, 7]
    assert parse_seeds(str(2**63 - 1)) == [2**63 - 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no seeds in ''"),
        ("1,,2", "no seeds in ''"),
        ("-5", "no seeds in '-5'"),
        ("1.5", "no seeds in '1.5'"),
        ("9-3", "9-3 runs backwards; write 3-9"),
        (str(2**63), "too large"),
        (f"0-{2**63 - 1}", f"at most {MAX_SEEDS}"),
        (f"0-{MAX_SEEDS - 1},5", f"names {MAX_SEEDS + 1} seeds"),
    ],
)
def test_bad_seed_lists(text: str, message: str) -> None:
    with pytest.raises(GanzooError, match=message):
        parse_seeds(text)
