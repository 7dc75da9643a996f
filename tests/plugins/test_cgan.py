from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ganzoo.data import Data
from ganzoo.parts.task import Task
from ganzoo.registry.recipe import resolve
from ganzoo.registry.registry import registry
from ganzoo.util.errors import GanzooError
from tests.support import run_iterations, small_training

TASK = Task(shape=(3, 8, 8), range=(-1.0, 1.0), latent_dim=6, num_classes=4)


@pytest.mark.parametrize("kind", ["cgan-dense", "cgan-conv"])
def test_both_networks_take_the_class(kind: str) -> None:
    width = {f"{part}.width": 4 for part in ("generator", "discriminator")} if kind == "cgan-conv" else {}
    recipe = resolve(registry().gan("cgan"), {"generator": kind, "discriminator": kind} | width)
    G, D = (recipe.call(part, TASK).eval() for part in ("generator", "discriminator"))
    torch.manual_seed(0)
    z, image = torch.randn(1, 6).expand(4, 6), torch.rand(1, 3, 8, 8).expand(4, 3, 8, 8)
    labels = torch.arange(4)
    made, judged = G(z, labels), D(image, labels)
    assert made.shape == (4, 3, 8, 8)
    assert judged.shape == (4, 1)
    assert (made[0] - made[1:]).abs().flatten(1).max(1).values.min() > 0, "another class, another image"
    assert len(judged.unique()) == 4, "another class, another verdict"


@pytest.mark.parametrize("trainer", ["non-saturating", "least-squares", "wgan", "wgan-gp"])
def test_every_trainer_passes_the_class(tiny: Data, trainer: str) -> None:
    assert len(run_iterations(small_training("cgan", tiny, iterations=2, trainer=trainer))) == 2


def test_data_without_labels_are_refused(tiny: Data) -> None:
    with pytest.raises(GanzooError, match="needs labelled data, and this data set has no labels; see ganzoo list data"):
        small_training("cgan", replace(tiny, labels=None, classes=()))


def test_labels_choose_the_image(tiny: Data) -> None:
    training = small_training("cgan", tiny, iterations=1)
    run_iterations(training)
    model = training.model()
    seeds = [4, 4, 4]
    one_each, zeros = model.sample(seeds, labels=[0, 1, 2]), model.sample(seeds, labels=0)
    assert np.allclose(one_each[0], zeros, atol=1e-6)
    assert not np.allclose(one_each[1], one_each[0])
    assert np.array_equal(model.sample(seeds), one_each), "all classes in turn by default"
    with pytest.raises(GanzooError, match=r"label 3 is out of range; cgan has 0..2"):
        model.sample(seeds, labels=3)
