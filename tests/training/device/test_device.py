from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import ganzoo
from ganzoo.parts.networks import Networks
from ganzoo.training.device import RandomState, choose_device, configure_process
from ganzoo.training.loop import Training
from ganzoo.util.errors import GanzooError
from tests.support import differing, images, run_iterations

CPU = torch.device("cpu")


def test_an_unknown_device_names_those_that_are_there() -> None:
    with pytest.raises(GanzooError, match=r"device 'tpu' is not available here; available: auto, .*cpu"):
        choose_device("tpu")


@pytest.mark.parametrize(("precision", "bf16"), [("fp32", False), ("bf16", True)])
def test_precision_is_what_matrix_products_are_done_in(precision: str, bf16: bool) -> None:
    device = choose_device("cpu", precision)
    assert device.precision == precision
    with device.forward():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == (torch.bfloat16 if bf16 else torch.float32)


@pytest.mark.parametrize(
    ("features", "precision", "tiles"),
    [((), "fp32", False), (("avx512_bf16",), "bf16", False), (("avx512_bf16", "amx_tile"), "bf16", True)],
)
def test_bf16_is_the_default_for_images_on_a_cpu_with_units_for_it(
    features: tuple[str, ...], precision: str, tiles: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganzoo.training.device.cpu_supports", lambda feature: feature in features)
    assert choose_device("cpu").precision == precision
    assert choose_device("cpu", images=False).precision == "fp32"
    nets = Networks(nn.Linear(2, 2), nn.Linear(2, 1), latent_dim=2)
    assert choose_device("cpu").suited_to(nets).in_matmul == tiles, "products of dense networks, on tiles alone"


def test_a_stream_is_separate_from_the_random_numbers_of_the_process() -> None:
    one, other = RandomState(5, CPU), RandomState(5, CPU)
    torch.manual_seed(0)
    expected = [torch.rand(3) for _ in range(2)]
    torch.manual_seed(0)
    for outside in expected:
        with one.stream():
            ours = torch.rand(2)
        with other.stream():
            assert torch.equal(torch.rand(2), ours)
        assert torch.equal(torch.rand(3), outside)


def test_a_failure_within_a_stream_gives_the_process_its_random_numbers_back() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    with pytest.raises(ValueError, match="inside"), RandomState(5, CPU).stream():
        torch.rand(1)
        raise ValueError("inside")
    assert torch.equal(torch.get_rng_state(), before)


def test_a_stream_continues_from_its_state() -> None:
    one, other = RandomState(5, CPU), RandomState(6, CPU)
    with one.stream():
        torch.rand(7)
    other.load(one.state(), "x")
    with one.stream():
        ours = torch.rand(2)
    with other.stream():
        assert torch.equal(torch.rand(2), ours)


def test_the_state_of_another_kind_of_device_is_refused() -> None:
    with pytest.raises(GanzooError, match="x holds no random state for the device 'cpu'"):
        RandomState(5, CPU).load({"0": torch.get_rng_state(), "1": torch.get_rng_state()}, "x")


def test_the_threads_are_as_many_as_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    configure_process()
    assert asked == [], "OMP_NUM_THREADS stays in force"
    configure_process(threads=3)
    monkeypatch.delenv("OMP_NUM_THREADS")
    configure_process()
    assert asked[0] == 3
    assert asked[1] >= 1


def convolutional(precision: str, norm: str = "batch", iterations: int = 3) -> Training:
    settings: dict[str, object] = {"generator": "dcgan", "discriminator": "dcgan", "batch_size": 4, "latent_dim": 4}
    settings |= {"generator.width": 4, "discriminator.width": 4, "discriminator.norm": norm, "iterations": iterations}
    return ganzoo.train("dcgan", images(3, 16, 16), device="cpu", precision=precision, **settings)


def layouts(network: nn.Module) -> set[bool]:
    """Whether the weights of convolutions are channels last."""
    return {w.is_contiguous(memory_format=torch.channels_last) for w in network.parameters() if w.dim() == 4}


def test_bf16_convolutions_are_channels_last_unless_a_normalisation_is_slower() -> None:
    half, mixed, full = (convolutional(*case) for case in (("bf16", "batch"), ("bf16", "instance"), ("fp32", "batch")))
    for training in (half, mixed, full):
        run_iterations(training)
    assert layouts(half.nets) == {True}
    assert (layouts(mixed.nets.generator), layouts(mixed.nets.discriminator)) == ({True}, {False})
    assert layouts(full.nets) == {False}
    assert layouts(half.generator) == {False}, "saved weights do not depend on the layout"


def test_resuming_keeps_the_layout_of_weights_and_of_their_moments() -> None:
    whole, resumed = convolutional("bf16", iterations=4), convolutional("bf16", iterations=4)
    run_iterations(whole, 2)
    resumed.load(
        {name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in whole.state().items()}, "x"
    )
    run_iterations(whole)
    run_iterations(resumed)
    assert differing(whole.state(), resumed.state()) == []
    for name, weights in resumed.weights.items():
        for weight in weights:
            assert resumed.optimizers[name].state[weight]["exp_avg"].stride() == weight.stride()


def test_samples_while_training_in_bf16_are_those_of_the_saved_weights(tmp_path: Path) -> None:
    training = convolutional("bf16")
    run_iterations(training)
    training.model().save(tmp_path / "weights.safetensors")
    loaded = ganzoo.load(tmp_path / "weights.safetensors")
    assert (training.model().sample(range(5)) == loaded.sample(range(5))).all()


def test_graphs_are_refused_where_there_are_none() -> None:
    with pytest.raises(
        GanzooError, match="--graph captures iterations on CUDA alone, and the device is 'cpu'; leave it"
    ):
        choose_device("cpu", graph=True)


def test_compiling_without_a_compiler_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(GanzooError, match=r"needs a C\+\+ compiler, and none of g\+\+, clang\+\+, cl is on the PATH"):
        choose_device("cpu", compile=True)
