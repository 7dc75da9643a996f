"""bf16 within products of float32 matrices, and what stays exact there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import ganzoo
from ganzoo.data import Data
from ganzoo.parts.losses import mean, unit_gradient_penalty, without_grad, zero_gradient_penalty
from ganzoo.parts.precision import bf16_matmul, bf16_matmul_supported, fp32_matmul, in_bf16_matmul
from ganzoo.registry.gan import GAN
from ganzoo.training.device import has_matrix_tiles
from tests.support import differing, run_iterations, small_training, snapshot

CPU = torch.device("cpu")
made = pytest.mark.skipif(not has_matrix_tiles(), reason="this CPU has no matrix tiles")
LARGE: dict[str, Any] = {
    "generator.widths": (256,),
    "discriminator.widths": (256, 256),
    "batch_size": 64,
    "latent_dim": 64,
}


@pytest.fixture
def critic() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(256, 256), nn.Softplus(), nn.Linear(256, 256), nn.Softplus(), nn.Linear(256, 1))


def precision() -> str:
    return torch.get_float32_matmul_precision()


def test_the_precision_of_products_is_given_back() -> None:
    assert (in_bf16_matmul(), precision()) == (False, "highest")
    with pytest.raises(ValueError, match="inside"), bf16_matmul():
        assert (in_bf16_matmul(), precision()) == (True, "medium")
        with fp32_matmul():
            assert precision() == "highest"
            with fp32_matmul():
                pass
            assert precision() == "highest", "one within another does not end it"
        assert precision() == "medium"
        raise ValueError("inside")
    assert (in_bf16_matmul(), precision()) == (False, "highest")


def test_where_the_precision_is_set_in_torchs_new_way_nothing_is_rounded() -> None:
    code = (
        "import torch\n"
        "from ganzoo.parts.precision import bf16_matmul_supported\n"
        "from ganzoo.parts.losses import zero_gradient_penalty\n"
        "torch.backends.mkldnn.matmul.fp32_precision = 'bf16'\n"
        "assert not bf16_matmul_supported()\n"
        "zero_gradient_penalty(torch.nn.Linear(2, 1), torch.ones(3, 2)).backward()\n"
    )
    if not hasattr(torch.backends.mkldnn, "matmul"):
        pytest.skip("this torch has one way")
    assert bf16_matmul_supported()
    subprocess.run([sys.executable, "-c", code], check=True)


@made
@pytest.mark.parametrize(
    "penalty",
    [lambda D, x, y: zero_gradient_penalty(D, x), lambda D, x, y: unit_gradient_penalty(D, x, y)],
    ids=["zero-centred", "unit"],
)
def test_penalties_and_their_gradients_are_exact_where_all_else_is_rounded(
    critic: nn.Module, penalty: Callable[..., Tensor]
) -> None:
    source = torch.randn(64, 256, requires_grad=True)  # a penalty at samples that somebody's weights have made
    weights = [source, *critic.parameters()]

    def gradients(loss: Callable[[Tensor], Tensor]) -> list[Tensor]:
        torch.manual_seed(1)
        found = torch.autograd.grad(loss(source * 2), weights, allow_unused=True)
        return [gradient for gradient in found if gradient is not None]

    def penalised(samples: Tensor) -> Tensor:
        return penalty(critic, samples, samples + 1)

    def judged(samples: Tensor) -> Tensor:
        return mean(critic(samples).square())

    plain, expected = gradients(judged), gradients(penalised)
    with bf16_matmul():
        assert not all(map(torch.equal, gradients(judged), plain)), "this is rounded"
        found = gradients(penalised)
    assert len(found) == len(expected)
    assert all(map(torch.equal, found, expected))
    assert precision() == "highest"


@made
def test_a_move_after_a_penalised_one_is_rounded(tiny: Data) -> None:
    seen: list[str] = []

    def watched(nets: Any, draw: Any) -> Iterator[Any]:
        G, D = nets.generator, nets.discriminator
        real, z = draw()
        yield D, zero_gradient_penalty(D, real)
        seen.append(precision())
        _, z = draw()
        yield G, -mean(D(G(z)))

    gan = GAN(name="watched", summary="", generator="dense", discriminator="dense", trainer=watched)
    run_iterations(ganzoo.train(gan, tiny, device="cpu", precision="bf16"), 2)
    assert seen == ["medium", "medium"]
    assert precision() == "highest"


@made
def test_dense_networks_round_within_products_and_convolutions_compute_in_bf16(tiny: Data) -> None:
    seen: list[tuple[bool, torch.dtype]] = []

    def watched(nets: Any, draw: Any) -> Iterator[Any]:
        G, D = nets.generator, nets.discriminator
        real, z = draw()
        logits = D(real)
        seen.append((in_bf16_matmul(), logits.dtype))
        yield D, mean(D(without_grad(G, z))) - mean(logits)
        yield G, -mean(D(G(z)))

    for kind in ("dense", "dcgan"):
        gan = GAN(name="watched", summary="", generator=kind, discriminator=kind, trainer=watched)
        run_iterations(ganzoo.train(gan, tiny, device="cpu", precision="bf16"), 1)
        assert not in_bf16_matmul()
    assert seen == [(True, torch.float32), (False, torch.bfloat16)]


@made
@pytest.mark.parametrize("gan", ["simple", "wgan-gp"])
def test_a_rounded_training_that_was_resumed_is_the_same(gan: str, tiny: Data) -> None:
    whole, half, rest = (small_training(gan, tiny, iterations=6, precision="bf16", **LARGE) for _ in range(3))
    run_iterations(whole)
    run_iterations(half, 3)
    rest.load(snapshot(half), "half")
    run_iterations(rest)
    assert differing(snapshot(whole), snapshot(rest)) == []
    full = small_training(gan, tiny, iterations=6, **LARGE)
    run_iterations(full)
    assert differing(snapshot(whole), snapshot(full))
