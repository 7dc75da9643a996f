"""``latents.js`` in Node beside numpy."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest

import ganzoo.pages.demo
from ganzoo.generators.latents import Distribution, latents
from tests.generators.test_latents import ALL, PINNED

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="there is no node on the PATH")

MODULE = Path(ganzoo.pages.demo.__file__).with_name("latents.js")
SEEDS = [*range(200), 2**31, 2**32 - 1, 2**32, 2**40 + 7, 2**53 + 1, 2**62, 2**63 - 1]
SEEDS += np.random.default_rng(0).integers(0, 2**63, 300).tolist()


def node(script: str) -> Any:
    """The value of a script that has everything of the module in its scope, by way of JSON."""
    # As an address, since Node takes a file .js without a package.json for the older kind of module.
    address = "data:text/javascript," + quote(MODULE.read_text())
    code = f'const {{ latents, philox4x32 }} = await import("{address}");\nconsole.log(JSON.stringify({script}));'
    done = subprocess.run([str(NODE), "--input-type=module"], input=code, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_philox_known_answers() -> None:
    """The vectors that Salmon et al. (2011) publish with Random123."""
    words = node(
        """[
        [[0, 0, 0, 0], [0, 0]],
        [Array(4).fill(0xffffffff), Array(2).fill(0xffffffff)],
        [[0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]],
        ].map(([counter, key]) => philox4x32(counter, key))"""
    )
    assert [" ".join(f"{word:08x}" for word in block) for block in words] == [
        "6627e8d5 e169c58d bc57ac4c 9b00dbd8",
        "408f276d 41c83b0e a20bc7c6 6d5451fd",
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ]


@pytest.mark.parametrize("distribution", ALL)
def test_pinned_values(distribution: Distribution) -> None:
    values = node(f"Array.from(latents([2n ** 40n + 7n], 5, '{distribution}'))")
    assert steps(np.array(values), np.array(PINNED[distribution])) <= 1


@pytest.mark.parametrize("distribution", ALL)
@pytest.mark.parametrize("length", [1, 6, 63])
def test_the_same_latents_as_numpy(distribution: Distribution, length: int) -> None:
    seeds = ", ".join(f"{seed}n" for seed in SEEDS)
    values = np.array(node(f"Array.from(latents([{seeds}], {length}, '{distribution}'))"), np.float32)
    expected = latents(SEEDS, length, distribution)
    assert steps(values.reshape(expected.shape), expected) <= (0 if distribution == "uniform" else 1)


def test_numbers_and_texts_are_seeds_too() -> None:
    assert node("Array.from(latents([7, '7', 7n], 2)).map((value, i, all) => value === all[i % 2])") == [True] * 6


@pytest.mark.parametrize("seed", ["-1", "1.5", "2 ** 53", "2n ** 63n", "'x'", "'-1'", "''", "true", "null"])
def test_bad_seeds(seed: str) -> None:
    attempt = f"(() => {{ try {{ return latents([{seed}], 4).length }} catch (error) {{ return error.message }} }})()"
    assert "is not a seed; seeds are whole numbers from 0 to 2^63 - 1" in str(node(attempt))


def steps(values: np.ndarray, expected: np.ndarray) -> int:
    """By how many float32 numbers the two lie apart, at most."""
    ours, theirs = (np.asarray(array, np.float32).view(np.int32).astype(np.int64) for array in (values, expected))
    return int(np.abs(ours - theirs).max())
