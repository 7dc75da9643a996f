from __future__ import annotations

import hashlib

import numpy as np
import pytest

from ganzoo.data import Data, Request, fingerprint
from ganzoo.util.errors import GanzooError
from ganzoo.util.optional import needs


def test_a_fingerprint_is_the_hash_of_type_shape_and_bytes() -> None:
    array = np.arange(3000 * 4, dtype=np.uint8).reshape(3000, 2, 2)
    assert fingerprint(array) == hashlib.sha256(b"|u1(3000, 2, 2)" + array.tobytes()).hexdigest()


@pytest.mark.parametrize(
    "other",
    [
        np.arange(6, dtype=np.uint8).reshape(3, 2),
        np.arange(6, dtype=np.int8).reshape(2, 3),
        np.arange(1, 7, dtype=np.uint8).reshape(2, 3),
    ],
    ids=["shape", "type", "values"],
)
def test_a_fingerprint_tells_arrays_apart(other: np.ndarray) -> None:
    assert fingerprint(other) != fingerprint(np.arange(6, dtype=np.uint8).reshape(2, 3))


def test_a_fingerprint_does_not_depend_on_the_memory_layout() -> None:
    array = np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)
    assert fingerprint(np.asfortranarray(array)) == fingerprint(array)


def test_data_hashes_labels_and_conditions_apart() -> None:
    samples = np.zeros((2, 1), np.float32)
    plain = Data(name="x", samples=samples)
    labelled = Data(name="x", samples=samples, labels=np.zeros(2, np.int64))
    conditioned = Data(name="x", samples=samples, conditions=samples)
    given = Data(name="x", samples=samples, sha256="given")
    assert len({plain.sha256, labelled.sha256, conditioned.sha256}) == 3
    assert given.sha256 == "given"


def test_refusals_say_what_to_do() -> None:
    with pytest.raises(GanzooError, match=r"mnist-10k takes no argument after a colon, got 'x'; use: --data mnist-10k"):
        Request(name="mnist-10k:x", argument="x").refuse_argument()
    with pytest.raises(GanzooError, match="emoji32 has no test part"):
        Request(name="emoji32", split="test").refuse_test()


def test_a_missing_library_is_named_with_the_command_that_installs_it() -> None:
    with pytest.raises(GanzooError, match=r"needs a_library_of_nobody, .* pip install 'ganzoo-kit\[train\]'"), needs():
        import a_library_of_nobody  # noqa: F401
