from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ganzoo.spec import GanzooError

from . import judge


def test_read_digits_takes_every_layout(tmp_path: Path) -> None:
    levels = np.random.default_rng(0).integers(0, 256, (3, 28, 28), np.uint8)
    expected = torch.from_numpy(levels).reshape(3, 1, 28, 28) / 127.5 - 1
    layouts = [levels, levels[:, None], levels[..., None], expected.numpy(), expected.double().numpy()]
    for images in layouts:
        np.savez(tmp_path / "digits.npz", images=images)
        read, labels = judge.read_digits(tmp_path / "digits.npz")
        torch.testing.assert_close(read, expected)
        assert labels is None


def test_read_digits_refuses_what_are_none(tmp_path: Path) -> None:
    path = tmp_path / "digits.npz"
    with pytest.raises(GanzooError, match="No such file"):
        judge.read_digits(path)
    wrong = {
        "key 'images'": {"digits": np.zeros(3)},
        "no digits; give uint8": {"images": np.full((1, 28, 28), 0.5)},
        "holds no digits": {"images": np.zeros((2, 32, 32), np.uint8)},
        "do not fit 1 images": {"images": np.zeros((1, 28, 28), np.uint8), "labels": np.zeros(2)},
    }
    for message, arrays in wrong.items():
        np.savez(path, **arrays)  # type: ignore[arg-type]
        with pytest.raises(GanzooError, match=message):
            judge.read_digits(path)


@pytest.mark.slow
def test_the_judge_tells_real_digits_from_others() -> None:
    real, labels = judge._digits("mnist-2k-test")
    train, _ = judge._digits("mnist-10k")
    assert judge.label_accuracy(real, labels) >= 0.98

    sure = judge.confidence(real)
    assert sure.mean > 0.97
    assert sum(sure.histogram) == len(real)
    assert sure.entropy > 0.995 * math.log(10)
    noise = torch.rand(real.shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert judge.confidence(noise).entropy < 1.5

    without_zero = train[judge._digits("mnist-10k")[1] != 0]
    blurred = F.avg_pool2d(train, 3, stride=1, padding=1)
    distances = [judge.scaled_frechet(images, real) for images in (real, train, without_zero, blurred, noise)]
    assert distances == sorted(distances)
    assert abs(distances[0]) < 1e-6

    assert judge.coverage(train[:2000], real) > 0.9
    assert judge.coverage(noise, real) < 0.01
