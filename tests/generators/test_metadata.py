"""Metadata of generator files: to JSON and back, and files of format 1, which had other names."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

import ganzoo
from ganzoo.generators import pretrained
from ganzoo.generators.metadata import ExportMetadata, Metadata, Tensor, read_json, read_metadata
from ganzoo.generators.onnx_reader import read
from ganzoo.util.errors import GanzooError
from tests.support.onnx_files import METADATA

FORMAT_1 = Path(__file__).parent / "format1"
FORMAT_1_JSON = {
    "format": 1,
    "gan": "wgan",
    "settings": {
        "generator": "dense",
        "loop.rounds": 7,
        "loop.batch": 8,
        "loop.latent": 9,
        "loop.pixels": "unit",
        "loop.decay": "constant",
        "loop.schedule": "sequential",
        "parent.loop.schedule": "round",
        "parent.loop.rounds": 5,
    },
    "data": {"name": "mnist", "sha256": "00", "licence": "CC0", "classes": ["a"]},
    "shape": [1, 8, 8],
    "range": [0.0, 1.0],
    "labels": 2,
    "conditions": 3,
    "latent": 9,
    "distribution": "sphere",
    "rounds": 6,
    "seed": 4,
    "ganzoo": "0.1.0",
    "torch": "2.14.1",
}


def test_format_1_has_other_names_for_the_same_fields_and_settings() -> None:
    metadata = Metadata.from_json(FORMAT_1_JSON, "x")
    assert metadata.settings == {
        "generator": "dense",
        "loop.iterations": 7,
        "loop.batch_size": 8,
        "loop.latent_dim": 9,
        "loop.pixel_range": "unit",
        "loop.lr_schedule": "constant",
        "loop.parent_training": "first",
        "parent.loop.parent_training": "joint",
        "parent.loop.iterations": 5,
    }
    assert (metadata.iterations, metadata.latent_dim) == (6, 9)
    assert (metadata.num_classes, metadata.condition_dim) == (2, 3)
    assert metadata.to_json()["format"] == 2


def test_old_names_are_no_fields_of_format_2() -> None:
    with pytest.raises(GanzooError, match="x has bad metadata: 'num_classes' is None"):
        Metadata.from_json(FORMAT_1_JSON | {"format": 2}, "x")


def test_files_of_format_1_give_the_same_samples() -> None:
    """The files are those that shipped before format 2 came."""
    assert read_json(FORMAT_1 / "skip-gan-tabular.safetensors")["format"] == 1
    conditions = np.random.default_rng(0).standard_normal((5, 10)).astype(np.float32)
    entry = pretrained.index()["skip-gan-tabular"]
    old, new = ganzoo.load(FORMAT_1 / "skip-gan-tabular.safetensors"), ganzoo.load(entry.path("safetensors"))
    assert old.metadata == new.metadata
    np.testing.assert_array_equal(old.sample(5, conditions=conditions), new.sample(5, conditions=conditions))
    old_sampler, new_sampler = ganzoo.Sampler(FORMAT_1 / "skip-gan-tabular.onnx"), ganzoo.Sampler(entry.path("onnx"))
    same = {"weights_sha256": "", "opset": 0}
    assert replace(old_sampler.metadata, **same) == replace(new_sampler.metadata, **same)
    samples = old_sampler.sample(5, conditions=conditions)
    np.testing.assert_array_equal(samples, new_sampler.sample(5, conditions=conditions))
    np.testing.assert_allclose(samples, new.sample(5, conditions=conditions), atol=1e-5)


@pytest.mark.parametrize("metadata", [Metadata.from_json(FORMAT_1_JSON, "x"), METADATA])
def test_json_and_back(metadata: Metadata) -> None:
    text = json.dumps(metadata.to_json())
    assert type(metadata).from_json(json.loads(text), "x") == metadata
    assert type(metadata).from_json(json.loads(text) | {"a further key": 1}, "x") == metadata


def test_inputs_and_output_follow_from_the_other_fields() -> None:
    cgan = replace(METADATA, num_classes=3, shape=(3, 4, 6), output_dtype="uint8")
    assert cgan.inputs == (Tensor("z", "float32", ("N", 8)), Tensor("labels", "int64", ("N",)))
    assert cgan.output == Tensor("samples", "uint8", ("N", 4, 6, 3))
    assert (cgan.output_range, cgan.layout, cgan.is_image) == ((0, 255), "NHWC", True)
    regression = replace(METADATA, condition_dim=5, shape=(2,), range=None)
    assert regression.inputs[1] == Tensor("conditions", "float32", ("N", 5))
    assert regression.output == Tensor("samples", "float32", ("N", 2))
    assert (regression.output_range, regression.layout, regression.is_image) == (None, "vector", False)


@pytest.mark.parametrize("format", [3, 99, 10**400])
def test_newer_formats_are_refused_with_the_next_command(format: int) -> None:
    with pytest.raises(GanzooError) as caught:
        ExportMetadata.from_json({"format": format}, "x.onnx")
    message = str(caught.value)
    assert message.startswith(f"x.onnx has format {str(format)[:60]}")
    assert message.endswith("; run: pip install --upgrade ganzoo-kit")
    assert len(message) < 300


def test_every_shipped_file_is_of_the_format_that_is_written() -> None:
    for name, entry in pretrained.index().items():
        weights, exported = entry.path("safetensors"), entry.path("onnx")
        assert read_json(weights) == read_metadata(weights).to_json(), name
        (entry_of_onnx,) = onnx.load(exported).metadata_props
        assert json.loads(entry_of_onnx.value) == read(exported)[1].to_json(), name
