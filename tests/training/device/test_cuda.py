"""What only a GPU can show; skipped where there is none."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from ganzoo.data import Data, load
from ganzoo.export import export
from ganzoo.generators.onnx_session import Sampler
from ganzoo.parts.losses import bce
from ganzoo.registry.recipe import resolve
from ganzoo.registry.registry import registry
from ganzoo.testing import first_samples, start_training
from ganzoo.training.device import Device
from ganzoo.training.device.capture import CapturedIterations
from ganzoo.training.device.compiling import CompiledIteration
from ganzoo.training.device.cuda_graph import CUDAGraphCapture
from ganzoo.util.errors import GanzooError
from tests.support import differing, run_iterations, small_training, snapshot

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("gan", ["simple", "wgan-gp"])
def test_resuming_on_cuda_changes_no_bit(tiny: Data, gan: str, precision: str) -> None:
    on_gpu = {"device": "cuda", "precision": precision, "iterations": 4}
    whole, first, second = (small_training(gan, tiny, **on_gpu) for _ in range(3))
    run_iterations(first, 2)
    second.load({name: tensor.cpu() for name, tensor in snapshot(first).items()}, "the checkpoint")
    run_iterations(second)
    run_iterations(whole)
    assert differing(whole.state(), second.state()) == []
    assert {weight.device.type for weight in whole.nets.parameters()} == {"cuda"}


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop", "sgd"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("gan", ["simple", "wgan-gp", "wgan"])
def test_captured_iterations_on_cuda_have_the_same_bits(tiny: Data, gan: str, precision: str, optimizer: str) -> None:
    on_gpu = {"device": "cuda", "precision": precision, "iterations": 9, "optimizer": optimizer, "graph": True}
    reeager, eager = small_training(gan, tiny, **on_gpu), small_training(gan, tiny, **on_gpu)
    eager._run = lambda: eager.iterate(eager.batches.fetch)
    assert run_iterations(reeager) == run_iterations(eager)
    assert reeager._run._replay is not None  # type: ignore[attr-defined]
    assert differing(reeager.state(), eager.state()) == []


@pytest.mark.parametrize("graph", [False, True])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("gan", ["simple", "wgan-gp"])
def test_compiled_iterations_on_cuda_are_close_to_eager_ones(tiny: Data, gan: str, precision: str, graph: bool) -> None:
    pytest.importorskip("triton")
    on_gpu = {"device": "cuda", "precision": precision, "iterations": 6}
    compiled, eager = (
        small_training(gan, tiny, **on_gpu, compile=True, graph=graph),
        small_training(gan, tiny, **on_gpu),
    )
    for mine, theirs in zip(run_iterations(compiled), run_iterations(eager), strict=True):
        assert mine == pytest.approx(theirs, rel=1e-2 if precision == "fp32" else 1e-1)
    if graph:
        assert isinstance(compiled._run, CapturedIterations)
        assert isinstance(compiled._run.iterate, CompiledIteration)
        assert compiled._run._replay is not None


def test_resuming_captured_iterations_on_cuda_changes_no_bit(tiny: Data) -> None:
    on_gpu = {"device": "cuda", "iterations": 12, "graph": True}
    whole, first, second = (small_training("simple", tiny, **on_gpu) for _ in range(3))
    run_iterations(first, 6)
    second.load({name: tensor.cpu() for name, tensor in snapshot(first).items()}, "the checkpoint")
    run_iterations(second)
    run_iterations(whole)
    assert differing(whole.state(), second.state()) == []


@pytest.mark.parametrize("waiting", [True, False])
def test_a_trainer_that_waits_for_cuda_runs_eagerly(tiny: Data, waiting: bool) -> None:
    def trainer(nets: Any, draw: Any) -> Any:
        real, z = draw()
        if waiting:
            real.mean().item()
        yield nets.discriminator, bce(nets.discriminator(real), 1)
        yield nets.generator, bce(nets.discriminator(nets.generator(z)), 1)

    gan = replace(registry().gan("simple"), name="mine", trainer=trainer)
    training = small_training(gan, tiny, device="cuda", iterations=6, graph=True)
    with pytest.warns(UserWarning, match="wait for the device at .*test_cuda") if waiting else nullcontext():
        run_iterations(training)
    assert (training._run._replay is None) is waiting  # type: ignore[attr-defined]


def test_a_failed_capture_leaves_random_numbers_usable(tiny: Data) -> None:
    training = small_training("simple", tiny, device="cuda", iterations=6, graph=True)
    with pytest.raises(RuntimeError):
        CUDAGraphCapture(torch.device("cuda", 0))(lambda: torch.rand(3, device="cuda").sum().item())  # type: ignore[arg-type,return-value]
    torch.rand(3, device="cuda")
    run_iterations(training)


def test_data_that_are_sent_to_cuda_are_the_same(tiny: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    resting = small_training("cgan", tiny, device="cuda", iterations=5)
    monkeypatch.setattr(Device, "fits", lambda *_: False)
    sent = small_training("cgan", tiny, device="cuda", iterations=5)
    assert run_iterations(sent) == run_iterations(resting)
    assert differing(sent.state(), resting.state()) == []


def test_random_numbers_between_two_iterations_on_cuda_change_nothing(tiny: Data) -> None:
    alone, disturbed = (small_training("simple", tiny, device="cuda", iterations=3, smoothing=0.1) for _ in range(2))
    expected = run_iterations(alone)
    losses = []
    for _ in range(3):
        losses += run_iterations(disturbed, 1)
        torch.rand(5, device="cuda")
    assert losses == expected


def test_a_checkpoint_of_the_cpu_is_refused_on_cuda(tiny: Data) -> None:
    on_cpu, on_gpu = (
        small_training("simple", tiny, iterations=1),
        small_training("simple", tiny, iterations=1, device="cuda"),
    )
    with pytest.raises(GanzooError, match="holds no random state for the device 'cuda"):
        on_gpu.load(snapshot(on_cpu), "the checkpoint")


def test_images_of_cuda_are_those_of_the_cpu(tiny: Data) -> None:
    model = small_training("simple", tiny, device="cuda", iterations=1).model()
    images = model.sample(range(5))
    model.networks.cpu()
    assert abs(images - model.sample(range(5))).max() < 1e-4


@pytest.mark.parametrize("gan", ["cgan", "dcgan"])
def test_cuda_graphs_make_what_the_cpu_makes(gan: str, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime was built without CUDA")
    data = first_samples(load(registry().gan(gan).data))
    path = tmp_path / "made.onnx"
    export(start_training(resolve(registry().gan(gan)), data).model(), path)
    expected = Sampler(path, providers="cpu").sample(300)
    for graphs in (False, True):
        sampler = Sampler(path, providers="cuda", graphs=graphs)
        for _ in range(3):  # the first run of a size is recorded, later ones are reeager
            for count in (300, 1, 5):
                assert abs(sampler.sample(count) - expected[:count]).max() < 1e-4
