"""A training that was made in Python, in a run folder: the files of the command, whoever ends the loop."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import nn

import ganzoo
from ganzoo.data import as_data
from ganzoo.generators.weights import read
from ganzoo.parts import Task, with_settings_of
from ganzoo.records.run_folder import RunFolder
from ganzoo.runs.run import Run
from ganzoo.training.loop import Training
from ganzoo.util.errors import GanzooError
from tests.runs.conftest import SilentReporter, run

POINTS = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32)


def generator(task: Task, *, width: int = 8) -> nn.Module:
    return nn.Sequential(nn.Linear(task.latent_dim, width), nn.ReLU(), nn.Linear(width, task.shape[0]))


def discriminator(task: Task, *, width: int = 8) -> nn.Module:
    return nn.Sequential(nn.Linear(task.shape[0], width), nn.ReLU(), nn.Linear(width, 1))


MINE = ganzoo.GAN(
    name="mine", summary="Mine.", generator=generator, discriminator=discriminator, trainer="non-saturating"
)


def training(iterations: int = 4, **settings: Any) -> Training:
    return ganzoo.train(MINE, POINTS, **{"iterations": iterations, "batch_size": 8, "device": "cpu"} | settings)


def contents(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.rglob("*.safetensors")}


def test_a_run_leaves_what_the_command_leaves(tmp_path: Path) -> None:
    run(tmp_path / "command", iterations=4).train(SilentReporter())
    assert [done.number for done in ganzoo.run(training(), tmp_path / "python")] == [1, 2, 3, 4]
    names = [{str(file.relative_to(path)) for file in path.rglob("*")} for path in tmp_path.iterdir()]
    assert names[0] == names[1]
    folder = RunFolder(tmp_path / "python")
    assert folder.is_finished
    assert folder.has_report
    assert folder.read_record()["data"] == "memory"


def test_the_same_training_has_the_same_bits_in_both(tmp_path: Path) -> None:
    settings = {"generator.widths": (32, 32), "discriminator.widths": (32, 32), "latent_dim": 2, "iterations": 3}
    run(tmp_path / "command", iterations=3).train(SilentReporter())
    made = ganzoo.train("simple", "ring8", device="cpu", precision="fp32", **settings)
    for _ in ganzoo.run(made, tmp_path / "python"):
        pass
    assert contents(tmp_path / "command") == contents(tmp_path / "python")


def test_a_run_of_a_registered_gan_is_resumed_by_the_command(tmp_path: Path) -> None:
    made = ganzoo.train("simple", "ring8", device="cpu", iterations=3, **{"generator.widths": (4,)})
    for _ in ganzoo.run(made, tmp_path / "run"):
        break
    Run.resume(tmp_path / "run").train(SilentReporter())
    assert RunFolder(tmp_path / "run").is_finished


def test_a_run_that_is_left_is_saved_and_continues_to_the_bit(tmp_path: Path) -> None:
    for _ in ganzoo.run(training(), tmp_path / "whole"):
        pass
    for done in ganzoo.run(training(), tmp_path / "left", save_every=4):
        if done.number == 3:
            break
    folder = RunFolder(tmp_path / "left")
    assert read(folder.checkpoint)[1].iterations == 3
    assert folder.metrics[-1]["iteration"] == 3
    assert folder.report.exists()
    assert [done.number for done in ganzoo.run(training(), tmp_path / "left", resume=True)] == [4]
    assert contents(tmp_path / "whole") == contents(tmp_path / "left")


def test_an_error_of_the_caller_saves_too(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        for done in ganzoo.run(training(), tmp_path / "run", save_every=4):
            done.number / (2 - done.number)
    assert read(RunFolder(tmp_path / "run").checkpoint)[1].iterations == 2


def test_ctrl_c_within_an_iteration_completes_and_saves_it(tmp_path: Path) -> None:
    def interrupting(nets: Any, draw: Any) -> Iterator[Any]:
        real, z = draw()
        if made.iteration == 1:
            os.kill(os.getpid(), signal.SIGINT)
        yield nets.discriminator, nets.discriminator(real).mean()
        yield nets.generator, nets.discriminator(nets.generator(z)).mean()

    made = training(trainer=interrupting)
    before = signal.getsignal(signal.SIGINT)
    seen = []
    with pytest.raises(KeyboardInterrupt, match="stopped after iteration 2; everything is saved in"):
        for done in ganzoo.run(made, tmp_path / "run", save_every=4):
            seen.append(done.number)
            assert signal.getsignal(signal.SIGINT) is before, "the caller's own code is interrupted as ever"
    assert seen == [1]
    assert signal.getsignal(signal.SIGINT) is before
    assert read(RunFolder(tmp_path / "run").checkpoint)[1].iterations == 2
    assert [done.number for done in ganzoo.run(made, tmp_path / "run", resume=True)] == [3, 4]


def test_progress_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(list(ganzoo.run(training(), tmp_path / "run", progress=True))) == 4
    printed = capsys.readouterr().out
    assert "Training mine on memory (200 samples)" in printed
    assert "Data: vectors of 2 features, used as they are" in printed
    assert "iteration 4/4" in printed


def test_a_folder_in_use_is_refused_or_replaced(tmp_path: Path) -> None:
    path = tmp_path / "run"
    assert len(list(ganzoo.run(training(), path))) == 4
    with pytest.raises(GanzooError, match="exists; continue it with resume=True, replace it with replace=True"):
        ganzoo.run(training(), path)
    with pytest.raises(GanzooError, match="has done its 4 iterations; train longer"):
        ganzoo.run(training(), path, resume=True)
    assert [done.number for done in ganzoo.run(training(6), path, resume=True)] == [5, 6]
    assert RunFolder(path).read_record()["settings"]["loop.iterations"] == 6
    assert len(list(ganzoo.run(training(2), path, replace=True))) == 2


@pytest.mark.parametrize(
    ("change", "what"),
    [({"seed": 1}, "seed"), ({"generator.width": 4}, "settings"), ({"data": POINTS[1:]}, "data"), ({}, "")],
)
def test_another_training_does_not_continue_a_run(tmp_path: Path, change: dict[str, Any], what: str) -> None:
    for _ in ganzoo.run(training(), tmp_path / "run"):
        break
    arguments = {"data": POINTS, "iterations": 4, "batch_size": 8, "device": "cpu"} | change
    data = arguments.pop("data")
    other = ganzoo.train(MINE, data, **arguments)
    if not what:
        list(islice(other, 3))
        what = "the training has done 3 iterations, and the checkpoint"
    with pytest.raises(GanzooError, match=what):
        ganzoo.run(other, tmp_path / "run", resume=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"training": "simple"}, "training is a str; give what ganzoo.train returns"),
        ({"resume": True, "replace": True}, "exclude each other"),
        ({"save_every": 0}, "save_every=0 is not a whole number of at least 1"),
        ({"resume": True}, "is not a run folder"),
    ],
)
def test_other_arguments_are_refused_at_once(tmp_path: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(GanzooError, match=message):
        ganzoo.run(**{"training": training(), "folder": tmp_path / "run"} | arguments)


# Weights of a GAN that no plugin registers


def test_weights_of_an_own_gan_are_loaded_with_its_record(tmp_path: Path) -> None:
    made = ganzoo.train(MINE, as_data(POINTS, name="ring8"), iterations=2, batch_size=8, device="cpu")
    list(made)
    made.model().save(tmp_path / "mine.safetensors")
    loaded = ganzoo.load(tmp_path / "mine.safetensors", gan=MINE)
    np.testing.assert_array_equal(loaded.sample(5), made.model().sample(5))
    assert ganzoo.evaluate(loaded, data=made.data, number=50).metrics
    with pytest.raises(GanzooError, match="no GAN named 'mine'"):
        ganzoo.load(tmp_path / "mine.safetensors")
    with pytest.raises(GanzooError, match="holds weights of mine, and gan= is simple"):
        ganzoo.load(tmp_path / "mine.safetensors", gan=ganzoo.get("simple"))


@pytest.mark.parametrize("part", ["generator", "discriminator"])
def test_a_network_in_place_of_its_maker_is_one_line(part: str) -> None:
    parts = {"generator": generator, "discriminator": discriminator} | {part: nn.Linear(2, 2)}
    with pytest.raises(GanzooError, match=f"{part} of GAN 'x' is a network, Linear; give a function that makes a new"):
        ganzoo.GAN(name="x", summary="", trainer="non-saturating", **parts)


@pytest.mark.parametrize(
    ("gan", "message"),
    [
        (nn.Sequential(nn.Linear(2, 2)), "gan=Sequential.* is neither the name of a GAN nor a ganzoo.GAN"),
        (ganzoo.GAN(name="x", summary="", generator=3, discriminator="dense", trainer="wgan"), "generator of GAN 'x'"),  # type: ignore[arg-type]
        (
            ganzoo.GAN(name="a b", summary="", generator="dense", discriminator="dense", trainer="x"),
            "the name of a GAN",
        ),
    ],
)
def test_what_is_no_record_is_one_line(gan: Any, message: str) -> None:
    with pytest.raises(GanzooError, match=message) as caught:
        ganzoo.train(gan, POINTS)
    assert "\n" not in str(caught.value)


def test_registered_parts_are_found_by_name() -> None:
    dense = ganzoo.part("generator", "dense")

    @with_settings_of(dense)
    def doubled(task: Task, *, times: float = 2.0, **settings: Any) -> nn.Module:
        return nn.Sequential(dense(task, **settings), nn.Identity())

    made = ganzoo.GAN(name="x", summary="", generator=doubled, discriminator=discriminator, trainer="non-saturating")
    (done,) = ganzoo.train(made, POINTS, iterations=1, batch_size=8, device="cpu", times=3, widths=(4,))
    assert done.number == 1
    with pytest.raises(GanzooError, match="no generator named 'dens'; did you mean 'dense'"):
        ganzoo.part("generator", "dens")
    with pytest.raises(GanzooError, match="no parts of the kind 'generators'; the kinds are generator,"):
        ganzoo.part("generators", "dense")
