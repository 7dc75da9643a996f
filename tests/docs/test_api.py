"""The public API: these names, each with an entry in the API reference."""

from __future__ import annotations

import re
from importlib import import_module

import pytest

from tests.support import ROOT
from tests.test_layers import LAYERS

PUBLIC = {
    "ganzoo": "GAN GanzooError Sampler Task evaluate explore get history hookimpl load part run train",
    "ganzoo.data": "Data NoTestSplit Request Samples as_data dataset_name fingerprint load subset",
    "ganzoo.evaluation": "Evaluation Extractor Features density_coverage evaluate extractor_for fidelity",
    "ganzoo.export": "TOLERANCE Precision Report check export verify",
    "ganzoo.loggers": "LoggedRun Logger Outcome",
    "ganzoo.parts": """
        Activation Count Decay Draw F LabelledDiscriminator LabelledGenerator Networks NonNegative Norm Packed Parts
        Positive Range Scheduled Share Size Smoothing Task Unless Updates accuracy activation ada adam augmentable
        auto_augmentation bce constant conv_discriminator conv_generator cosine critic cut_out dense
        dense_discriminator dense_generator diffaugment flips gradient_norms halvings is_per_sample
        labelled_discriminator labelled_generator late_linear least_squares linear mae mean mirrored mse needs nn
        no_augmentation non_saturating output_activation packed paired radford_init real_and_fake_logits recoloured
        require_parts rmsprop sgd shifted stop_gradient torch unit_gradient_penalty wasserstein wasserstein_gp
        with_encoder with_heads with_settings_of without_grad zero_gradient_penalty
    """,
    "ganzoo.testing": "ContractError check check_part claims part_claims",
}
WITHOUT_ENTRY = {"ganzoo.parts": {"torch", "nn", "F", "Task"}}  # modules; Task has its entry as ganzoo.Task


@pytest.mark.parametrize("name", PUBLIC)
def test_the_public_names_are_pinned(name: str) -> None:
    module = import_module(name)
    assert sorted(module.__all__) == sorted(PUBLIC[name].split())
    for public in module.__all__:
        assert getattr(module, public) is not None


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_in_the_reference(name: str) -> None:
    page = (ROOT / "docs" / "api" / f"{name.rpartition('.')[2]}.md").read_text()
    entries = set(re.findall(r"(?m)^\.\. auto\w+:: ([\w.]+)$", page))
    without = {public for public in PUBLIC[name].split() if f"{name}.{public}" not in entries}
    assert without == WITHOUT_ENTRY.get(name, set())


def test_the_design_page_has_the_layers() -> None:
    rows = re.findall(r"(?m)^\| (\d+) \| ([^|]+) \|", (ROOT / "docs" / "design.md").read_text())
    assert [tuple(re.findall(r"`(\w+)`", packages)) for _, packages in rows] == list(LAYERS)
    assert [int(level) for level, _ in rows] == list(range(1, len(LAYERS) + 1))
