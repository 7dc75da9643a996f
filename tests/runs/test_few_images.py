"""What goes wrong with few images is found in trainings that fail in this way, and not in others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

import ganzoo
from ganzoo.records.options import Options
from ganzoo.records.run_folder import RunFolder
from ganzoo.registry.gan import GAN
from ganzoo.registry.recipe import resolve, resolve_recorded
from ganzoo.runs.doctor import Finding, few_images, findings_in, remedy, review
from ganzoo.runs.measures import Copies
from ganzoo.runs.probe import TrainingProbe
from ganzoo.runs.run import Run
from tests.runs.conftest import TINY, SilentReporter
from tests.support import differing, images, run_iterations, small_training, snapshot

Folder = Callable[[str, NDArray[np.uint8]], str]
RANDOM = np.random.default_rng(0)
NOISE = RANDOM.integers(0, 256, (150, 8, 8, 3), np.uint8)
PLAIN = np.broadcast_to(RANDOM.integers(0, 256, (400, 1, 1, 3), np.uint8), (400, 8, 8, 3))
"""Noise can only be learned by heart; of images in one colour, those that were kept back are between the others."""


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    def write(name: str, pixels: NDArray[np.uint8]) -> str:
        (tmp_path / name).mkdir()
        for number, image in enumerate(pixels):
            Image.fromarray(image).save(tmp_path / name / f"{number}.png")
        return f"folder:{tmp_path / name}"

    return write


def run_on(data: str, out: Path, gan: str | GAN = "simple", **settings: Any) -> Run:
    record = ganzoo.get(gan) if isinstance(gan, str) else gan
    options = Options(data=data, image_size=8, device="cpu", precision="fp32", command="ganzoo train")
    small = TINY | {"batch_size": 16, "iterations": 520, "ttur": 2, "discriminator.widths": (128,)}
    return Run.start(out, resolve(record, {k: v for k, v in (small | settings).items() if v is not None}), options)


def found_in(run: Run) -> dict[str, Finding]:
    """Train, and return the findings by kind, which its log and a review of it hold too."""
    run.train(SilentReporter())
    metrics = RunFolder(run.folder.path).metrics
    assert findings_in(metrics) == run.findings
    assert list(review(metrics, run.training.recipe)) == run.findings
    return {finding.kind: finding for finding in run.findings}


def test_a_discriminator_that_learns_images_by_heart_is_found(folder: Folder, tmp_path: Path) -> None:
    run = run_on(folder("noise", NOISE), tmp_path / "run", augmentation="none")
    line = found_in(run)["overfitting"].line
    assert line.startswith("overfitting: the discriminator prefers images that it is trained on to others in ")
    assert line.endswith("; try --augment auto")
    assert run.training.kept_back is not None
    assert len(run.training.kept_back) == 15
    assert run.log.entries[-1]["overfitting_gap"] > 0.7


@pytest.mark.parametrize("augmentation", ["none", "auto"])
def test_one_that_does_not_is_not_found(folder: Folder, tmp_path: Path, augmentation: str) -> None:
    run = run_on(folder("plain", PLAIN), tmp_path / "run", augmentation=augmentation)
    kinds = found_in(run)
    assert not {"overfitting", "copies", "few-images"} & kinds.keys()
    gaps = [entry["overfitting_gap"] for entry in run.log.entries if "overfitting_gap" in entry]
    assert len(gaps) > 10
    assert max(gaps[-10:]) < 0.4


class Copier(nn.Module):
    """A generator of training images, which learns nothing."""

    images: Tensor

    def __init__(self, images: Tensor) -> None:
        super().__init__()
        self.register_buffer("images", images)
        self.weight = nn.Parameter(torch.zeros(()))

    def forward(self, z: Tensor) -> Tensor:
        return self.images[(z[:, 0].sigmoid() * len(self.images)).long()] + 0 * self.weight


def copier(task: Any) -> nn.Module:
    return Copier(torch.from_numpy(task.data.samples).float() / 127.5 - 1 if task.data else torch.empty(0))


def test_copies_of_training_images_are_found(folder: Folder, tmp_path: Path) -> None:
    gan = replace(ganzoo.get("simple"), name="copier", generator=copier)
    run = run_on(
        folder("noise", NOISE), tmp_path / "run", gan, augmentation="diffaugment", **{"generator.widths": None}
    )
    line = found_in(run)["copies"].line
    assert "% of the samples are copies of training images" in line
    assert line.endswith("; try --set iterations=260 or less")
    share = run.log.entries[-1]["copies"]
    assert share == pytest.approx(0.9, abs=0.1), "all but those that were kept back"


def test_copies_are_nearer_than_half_of_the_way_to_the_next_image() -> None:
    line = np.array([[0.0], [10.0], [20.0], [20.0], [40.0]])
    copies = Copies(line)
    assert (len(copies.real), copies.usual) == (4, 0)
    assert copies.share(np.array([[4.9], [15.0], [24.9], [49.9], [50.1]])) == pytest.approx(3 / 5)
    smooth = np.random.default_rng(0).normal(20, 0.1, (50, 1))
    assert copies.share(smooth) == 1
    variants = Copies(np.array([[0.0], [1.0], [100.0], [101.0], [102.0], [200.0]]))
    assert variants.usual == pytest.approx(2 / 6), "0 and 1, whose next neighbours are far away"
    assert variants.share(np.array([[0.1], [120.0], [150.0]])) == pytest.approx(0), "no more than usual"


def test_a_batch_of_many_of_the_images_is_found_at_the_start(folder: Folder, tmp_path: Path) -> None:
    run = run_on(folder("noise", NOISE[:90]), tmp_path / "run", batch_size=64, iterations=2)
    finding = found_in(run)["few-images"]
    assert finding.iteration == 0
    assert finding.line == (
        "few-images: a batch of 64 is more than a quarter of the 81 images that are trained on; try --batch-size 16, "
        "or more images"
    )
    assert run.log.entries[0] == {"iteration": 0, "findings": [vars(finding)]}
    resumed = Run.resume(tmp_path / "run", 4)
    resumed.train(SilentReporter())
    assert resumed.findings == [finding]
    fine = run_on(f"folder:{tmp_path / 'noise'}", tmp_path / "fine", batch_size=16, iterations=2)
    assert found_in(fine) == {}


def test_the_batch_size_that_is_named_is_not_found() -> None:
    gan = ganzoo.get("simple")
    found = {count: few_images(resolve(gan, {"batch_size": 64}), count) for count in (1, 7, 8, 15, 16, 255, 256)}
    assert found.pop(256) is None
    cures = {count: finding.line.partition("; try ")[2] for count, finding in found.items() if finding}
    assert cures.pop(1) == cures.pop(7) == "more images"
    assert cures == {
        count: f"--batch-size {size}, or more images" for count, size in {8: 2, 15: 2, 16: 4, 255: 32}.items()
    }
    for count, size in {8: 2, 15: 2, 16: 4, 255: 32}.items():
        assert few_images(resolve(gan, {"batch_size": size}), count) is None


@pytest.mark.parametrize(
    ("gan", "settings", "cure"),
    [
        ("dcgan", {"augmentation": "none"}, "--augment auto"),
        ("dcgan", {"augmentation": "flip"}, "--augment auto"),
        ("dcgan", {"iterations": 10_000_000}, "--set iterations=5000000 or less"),
        ("dcgan", {"augmentation": "diffaugment", "iterations": 900}, "--set iterations=450 or less"),
        ("bigan", {"augmentation": "none", "iterations": 900}, "--set iterations=450 or less"),
    ],
)
def test_a_stronger_augmentation_or_fewer_iterations_are_named(gan: str, settings: dict[str, Any], cure: str) -> None:
    recipe = resolve(ganzoo.get(gan), settings)
    assert [remedy(kind, recipe) for kind in ("overfitting", "copies")] == [cure, cure]


# Which images are kept back.

FEW = images(3, 8, 8, 120)


@pytest.mark.parametrize("augmentation", ["none", "flip", "diffaugment", "ada", "auto"])
def test_few_colour_images_are_watched_with_any_augmentation(augmentation: str) -> None:
    training = small_training("simple", FEW, augmentation=augmentation)
    assert training.kept_back is not None
    assert training.batches.trained_on == 108
    assert small_training("simple", FEW, augmentation=augmentation, few=119).kept_back is None


@pytest.mark.parametrize(
    ("gan", "data"),
    [
        ("simple", images(1, 8, 8, 120)),
        ("simple", images(3, 8, 8, 99)),
        ("bigan", FEW),
        ("simple", "ring8"),
        ("cgan", "mnist-10k"),
    ],
)
def test_nothing_is_kept_back_of_others_or_where_images_cannot_be_judged_alone(gan: str, data: Any) -> None:
    assert small_training(gan, data, augmentation="none").kept_back is None


def test_a_run_from_before_there_were_augmentations_keeps_nothing_back() -> None:
    gan = ganzoo.get("simple")
    flat = resolve(gan).flat()
    older = {key: value for key, value in flat.items() if not key.startswith("augmentation")}
    recipe = resolve_recorded(gan, older)
    assert recipe.values["augmentation"] == {"few": 1}
    assert resolve_recorded(gan, flat).flat() == flat


def test_measuring_few_images_changes_nothing() -> None:
    """With batch normalisation, whose statistics a pass in training mode would change, and with labels."""
    labelled = replace(FEW, labels=np.arange(120) % 2, classes=("a", "b"), sha256="")
    settings: dict[str, Any] = {"augmentation": "none", "iterations": 3, "batch_size": 8}
    narrow: dict[str, Any] = {"generator.width": 4, "discriminator.width": 4, "discriminator.norm": "batch"}
    for gan, data, own in (("dcgan", images(3, 16, 16, 120), narrow), ("cgan", labelled, {})):
        one, other = (ganzoo.train(gan, data, device="cpu", precision="fp32", **settings, **own) for _ in range(2))
        probe = TrainingProbe(one, data)
        for _ in one:
            assert set(probe.sample_measures()) == {"diversity", "distance", "copies", "overfitting_gap"}
        run_iterations(other)
        assert differing(snapshot(one), snapshot(other)) == []
