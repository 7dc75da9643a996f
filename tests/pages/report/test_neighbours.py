from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzoo.data import Data
from ganzoo.generators.base import TrainedGenerator
from ganzoo.generators.metadata import DataMetadata, Metadata, Stage
from ganzoo.pages.report import neighbours as module
from ganzoo.pages.report.neighbours import nearest, neighbours

TRAINED = np.random.default_rng(0).integers(0, 256, (5000, 1, 8, 8), dtype=np.uint8)


class Memorised(TrainedGenerator):
    """A generator that has memorised the data: seed s gives image 400 s, a little darker."""

    metadata = Metadata(
        gan="memorised", settings={}, data=DataMetadata(name="noise"), shape=(1, 8, 8), range=(0.0, 1.0), num_classes=0,
        condition_dim=0, latent_dim=1, distribution="normal", iterations=1,
    )  # fmt: skip

    def latents(self, seeds: Any) -> NDArray[np.float32]:
        return np.asarray(seeds, np.float32)[:, None]

    def run(self, stage: Stage, z: NDArray[np.float32], *condition: NDArray[Any]) -> NDArray[Any]:
        return np.float32(0.98) * TRAINED[400 * z[:, 0].astype(int)] / 255


def test_the_nearest_is_found_across_chunks() -> None:
    wanted = np.array([4999, 0, 2048, 2047])
    shifted = (TRAINED[wanted] // 2 * 2).astype(np.uint8)
    assert nearest(shifted, TRAINED).tolist() == wanted.tolist()
    distances = ((TRAINED[None, :300].astype(int) - TRAINED[1000:1010, None].astype(int)) ** 2).sum(axis=(2, 3, 4))
    assert nearest(TRAINED[1000:1010], TRAINED[:300]).tolist() == distances.argmin(axis=1).tolist()


def test_memorised_images_are_next_to_their_originals() -> None:
    picture = neighbours(Memorised(), Data(name="noise", samples=TRAINED)).astype(int)
    generated, closest, real = np.split(picture[: picture.shape[0] // 3 * 3], 3)
    assert abs(generated - closest).max() <= 255 * 0.02 + 1
    assert abs(closest - real).mean() > 20


def test_a_bounded_number_of_files_is_read(monkeypatch: Any) -> None:
    class Lazy:
        shape, dtype = TRAINED.shape, TRAINED.dtype

        def __len__(self) -> int:
            return len(TRAINED)

        def __getitem__(self, index: Any) -> NDArray[np.uint8]:
            read.append(index)
            return TRAINED[index]

    read: list[Any] = []
    monkeypatch.setattr(module, "MOST_READ", 100)
    assert (nearest(TRAINED[[7, 4000]], Lazy()) < 100).all()
    assert read == [slice(0, 100)]


def test_a_data_set_smaller_than_a_row() -> None:
    assert neighbours(Memorised(), Data(name="few", samples=TRAINED[:3])).shape[2] == 1
