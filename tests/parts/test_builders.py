"""Networks with further outputs, and generators with an encoder."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import pytest
import torch
from torch import nn

from ganzoo.parts import (
    Decay,
    conv_discriminator,
    dense,
    dense_discriminator,
    dense_generator,
    packed,
    with_encoder,
    with_heads,
    with_settings_of,
)
from ganzoo.parts.losses import real_and_fake_logits
from ganzoo.parts.modules import Encoded, Headed, is_per_sample
from ganzoo.parts.task import Task
from ganzoo.registry.recipe import resolve, signature
from ganzoo.registry.registry import registry
from ganzoo.util.errors import GanzooError

TASK = Task(shape=(1, 8, 8), range=(-1.0, 1.0), latent_dim=3)


@pytest.mark.parametrize("make", [dense_discriminator, conv_discriminator])
def test_heads_are_on_the_last_hidden_layer_and_change_no_logit(make: type) -> None:
    plain = make(TASK)
    headed = with_heads(plain, classes=5, code=2)
    assert isinstance(headed, Headed)
    samples = torch.randn(4, 1, 8, 8)
    plain.eval()
    assert torch.equal(headed(samples), plain(samples))
    assert torch.equal(headed(samples, torch.arange(4)), plain(samples)), "labels are not looked at"
    features = headed.features(samples)
    assert torch.equal(headed.logits(features), plain(samples))
    assert headed.get_submodule("classes")(features).shape == (4, 5)
    assert headed.get_submodule("code")(features).shape == (4, 2)


def test_real_and_generated_samples_take_one_pass() -> None:
    headed = with_heads(dense_discriminator(TASK, widths=(4,)), classes=5)
    assert is_per_sample(headed)
    real, fake = torch.randn(2, 4, 1, 8, 8)
    for one, other in zip(real_and_fake_logits(headed, real, fake), (headed(real), headed(fake)), strict=True):
        torch.testing.assert_close(one, other)


def test_heads_need_a_linear_layer_at_the_end() -> None:
    for net in (nn.Sequential(nn.Flatten(), nn.Linear(64, 1), nn.Tanh()), packed(dense_discriminator)(TASK)):
        with pytest.raises(
            GanzooError, match=r"heads need a discriminator that ends in a linear layer, not (Tanh|Packed)"
        ):
            with_heads(net, classes=5)


@pytest.mark.parametrize("columns", [3, 6])
def test_a_generator_with_an_encoder_decodes_z_and_encodes_samples(columns: int) -> None:
    decoder = dense_generator(TASK, widths=(4,)).eval()
    encoder = nn.Sequential(nn.Flatten(), *dense((64, 4, columns)))
    G = with_encoder(decoder, encoder, 3)
    assert isinstance(G, Encoded)
    z, samples = torch.randn(5, 3), torch.randn(5, 1, 8, 8)
    assert torch.equal(G(z), decoder(z))
    assert torch.equal(G.encode(samples), encoder(samples)[:, :3])


# Makers that call another one


@with_settings_of(dense_generator)
def bent_generator(task: Task, *, bend: Decay = 0.5, norm: Literal["none"] = "none", **settings: Any) -> nn.Module:
    """A generator with a bend."""
    return nn.Sequential(dense_generator(task, norm=norm, **settings), nn.LeakyReLU(bend))


def test_a_maker_keeps_the_settings_of_the_one_that_it_calls() -> None:
    found = signature("generator", bent_generator)
    assert list(found) == ["widths", "hidden", "bend", "norm"]
    theirs = signature("generator", dense_generator)
    assert found["widths"] == theirs["widths"]
    assert found["norm"].kind != theirs["norm"].kind  # a setting of both is its own
    record = replace(registry().gan("simple"), generator=bent_generator, settings={})
    recipe = resolve(record, {"generator.widths": (3,), "bend": 0.25})
    net = recipe.call("generator", Task(shape=(2,), range=None, latent_dim=5))
    assert [layer.out_features for layer in net.modules() if isinstance(layer, nn.Linear)] == [3, 2]
    with pytest.raises(GanzooError, match="bend=2 is out of range"):
        resolve(record, {"bend": 2})


def test_a_maker_that_hands_nothing_on_is_refused() -> None:
    with pytest.raises(GanzooError, match=r"alone has to take \*\*settings, and hand them on to dense_generator"):

        @with_settings_of(dense_generator)
        def alone(task: Task) -> nn.Module:
            return nn.Identity()
