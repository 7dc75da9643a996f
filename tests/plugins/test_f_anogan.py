from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ganzoo.data import Data, subset
from ganzoo.export import export
from ganzoo.generators.onnx_session import Sampler
from ganzoo.registry.recipe import resolve
from ganzoo.registry.registry import registry
from ganzoo.testing import check, start_training
from ganzoo.training.loop import Training
from ganzoo.util.errors import GanzooError
from tests.support import images, run_iterations, snapshot

SMALL = {"generator.width": 4, "discriminator.width": 4, "latent_dim": 8, "batch_size": 8, "critic_steps": 1}
NORMAL = images(1, 28, 28, 40)


def training(iterations: int, gan_share: float, data: Data = NORMAL, **settings: Any) -> Training:
    given = SMALL | {"iterations": iterations, "gan_share": gan_share} | settings
    return start_training(resolve(registry().gan("f-anogan"), given), data)


def test_the_gan_is_trained_first_and_then_the_encoder_alone() -> None:
    started = training(4, 0.5)
    losses = run_iterations(started, 2)
    assert [sorted(each) for each in losses] == [["discriminator", "generator.decoder"]] * 2
    before = snapshot(started)
    losses = run_iterations(started)
    assert [sorted(each) for each in losses] == [["generator.encoder"]] * 2
    after = snapshot(started)
    networks = [name for name in before if name.startswith("networks.")]
    changed = {name for name in networks if not before[name].equal(after[name])}
    kept = ("networks.discriminator.", "networks.generator.decoder.")
    assert not [name for name in changed if name.startswith(kept)]
    assert {name for name in networks if ".encoder." in name and name.endswith("weight")} <= changed


def test_the_first_phase_leaves_the_encoder_alone() -> None:
    started = training(2, 0.5)
    before = {name: tensor for name, tensor in snapshot(started).items() if "encoder" in name}
    run_iterations(started, 1)
    after = snapshot(started)
    assert all(tensor.equal(after[name]) for name, tensor in before.items() if name.startswith("networks."))


GAN_ONLY, ENCODER_ONLY = ["discriminator", "generator.decoder"], ["generator.encoder"]
BOTH = GAN_ONLY + ENCODER_ONLY


@pytest.mark.parametrize(
    ("iterations", "gan_share", "expected"),
    [
        (5, 0.4, [GAN_ONLY] * 2 + [ENCODER_ONLY] * 3),
        (3, 0.01, [GAN_ONLY, ENCODER_ONLY, ENCODER_ONLY]),
        (3, 0.99, [GAN_ONLY, GAN_ONLY, BOTH]),
        (1, 0.5, [BOTH]),
    ],
)
def test_the_share_of_the_gan_leaves_an_iteration_for_each(
    iterations: int, gan_share: float, expected: list[list[str]]
) -> None:
    started = training(iterations, gan_share)
    assert [sorted(losses) for losses in run_iterations(started)] == expected
    assert np.isfinite(started.model().call("generator.score", NORMAL.samples[:2])).all()


def test_the_contract_holds_from_one_phase_to_the_next() -> None:
    check("f-anogan", settings=SMALL | {"gan_share": 0.5})


def test_the_score_is_that_of_the_paper() -> None:
    started = training(3, 0.4)
    run_iterations(started)
    model = started.model()
    G, D = model.networks.generator, model.networks.discriminator
    x = torch.from_numpy(NORMAL.samples[:6] / np.float32(127.5) - 1)
    with torch.inference_mode():
        rebuilt = G.forward(G.encode(x))  # type: ignore[operator]
        difference = D.features(x) - D.features(rebuilt)  # type: ignore[operator]
    expected = [
        float((a - b).square().mean() + c.square().mean()) for a, b, c in zip(x, rebuilt, difference, strict=True)
    ]
    np.testing.assert_allclose(model.call("generator.score", NORMAL.samples[:6]), expected, rtol=1e-4)
    one = model.call("generator.score", NORMAL.samples[2:3])
    np.testing.assert_allclose(one, expected[2:3], rtol=1e-4)


def test_kappa_weighs_the_features() -> None:
    scores = []
    for kappa in (0.0, 1.0, 2.0):
        started = training(2, 0.5, kappa=kappa, lr=1e-9)
        run_iterations(started)
        scores.append(started.model().call("generator.score", NORMAL.samples[:4]))
    np.testing.assert_allclose(scores[2] - scores[0], 2 * (scores[1] - scores[0]), rtol=1e-3)


def test_the_score_by_correlation_is_that_of_the_pixels(tmp_path: Path) -> None:
    started = training(3, 0.4, residual="correlation")
    run_iterations(started)
    model = started.model()
    x = NORMAL.samples[:5].copy()
    x[4] = 7  # an image of one value
    rebuilt = model.call("generator.rebuild", x)
    expected = [1 - np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(x[:4], rebuilt[:4], strict=True)]
    scores = model.call("generator.score", x)
    np.testing.assert_allclose(scores, [*expected, 1.0], atol=1e-4)
    assert len(set(expected)) == 4
    export(model, tmp_path / "score.onnx", entry="generator.score")
    np.testing.assert_allclose(Sampler(tmp_path / "score.onnx").call(x), scores, atol=1e-4)


def test_before_the_encoder_is_trained_there_is_no_score() -> None:
    started = training(2, 0.5)
    run_iterations(started, 1)
    assert np.isnan(started.model().call("generator.score", NORMAL.samples[:2])).all()


def test_the_score_can_be_exported(tmp_path: Path) -> None:
    started = training(2, 0.5)
    run_iterations(started)
    model = started.model()
    export(model, tmp_path / "score.onnx", entry="generator.score")
    scores = Sampler(tmp_path / "score.onnx").call(NORMAL.samples[:5])
    np.testing.assert_allclose(scores, model.call("generator.score", NORMAL.samples[:5]), rtol=1e-4)


def test_networks_of_other_widths_are_refused() -> None:
    with pytest.raises(GanzooError, match=r"set generator.width and discriminator.width to the same"):
        run_iterations(training(2, 0.5, NORMAL, **{"discriminator.width": 8}))


def test_images_that_the_encoder_learned_have_a_low_score() -> None:
    """Of two kinds of images, dark and bright, one is trained on."""
    levels = np.repeat([[60], [200]], 32, axis=1).reshape(-1, 1, 1, 1)
    noise = np.random.default_rng(0).integers(0, 20, (64, 1, 28, 28))
    both = Data(name="both", samples=(levels + noise).astype(np.uint8))
    started = training(150, 2 / 3, subset(both, np.arange(32)), lr=2e-3)
    run_iterations(started)
    scores = started.model().call("generator.score", both.samples[:])
    assert scores[:32].max() < scores[32:].min()
