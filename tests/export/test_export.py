"""An exported generator gives the samples of torch and describes itself; otherwise no file is written."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from torch import nn

import ganzoo.testing
from ganzoo import data as datasets
from ganzoo.data import Data
from ganzoo.export import TOLERANCE, Report, check, export, graph, verify
from ganzoo.generators import pretrained
from ganzoo.generators.base import TrainedGenerator
from ganzoo.generators.images import to_uint8
from ganzoo.generators.latents import latents
from ganzoo.generators.metadata import ExportMetadata, Metadata
from ganzoo.generators.onnx_reader import read
from ganzoo.generators.weights import Model, load
from ganzoo.parts.networks import Networks
from ganzoo.registry.gan import GAN
from ganzoo.registry.recipe import resolve
from ganzoo.registry.recipe import settings as settings_of
from ganzoo.registry.registry import registry
from ganzoo.util.errors import GanzooError
from tests.support import ROOT, parent_for, run_iterations, small_training

TINY = {"widths": (16,), "width": 4, "latent_dim": 8, "batch_size": 8, "iterations": 1}
FAMILIES = ("cgan", "dcgan", "privileged-v2-cnn", "simple", "skip-gan", "skip-gan-tabular", "wgan")
GANS = [pytest.param(name, marks=[] if name in FAMILIES else [pytest.mark.slow]) for name in registry().gans]


def tiny_model(name: str, data: Data | None = None, **sizes: Any) -> Model:
    """Any GAN of the zoo, as narrow as it goes, after one iteration."""
    gan = registry().gan(name)
    known = settings_of(dict(resolve(gan).functions))
    narrow = {
        f"{part}.{key}": value
        for part, arguments in known.items()
        for key, value in (TINY | sizes).items()
        if key in arguments and not (key == "latent_dim" and gan.parent)
    }
    training = ganzoo.testing.start_training(
        resolve(gan, narrow), data or ganzoo.testing.first_samples(datasets.load(gan.data))
    )
    run_iterations(training)
    return training.model()


def session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def condition_of(metadata: Metadata, count: int, shift: int = 0) -> dict[str, np.ndarray]:
    """The inputs of a graph after its latents."""
    if metadata.num_classes:
        return {"labels": (np.arange(count) + shift) % metadata.num_classes}
    if metadata.condition_dim:
        return {"conditions": latents(range(shift, shift + count), metadata.condition_dim)}
    return {}


def both(model: Model, path: Path, seeds: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Samples of torch and of a file."""
    condition = condition_of(model.metadata, len(seeds), shift=3)
    z = latents(seeds, model.metadata.latent_dim, model.metadata.distribution)
    return model.run("child", z, *condition.values()), session(path).run(None, {"z": z, **condition})[0]


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(GanzooError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.fixture(scope="module")
def simple(tiny: Data) -> Model:
    training = small_training("simple", tiny, iterations=1)
    run_iterations(training)
    return training.model()


@pytest.fixture(scope="module")
def exported(simple: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "simple.onnx"
    export(simple, path)
    return path


@pytest.mark.parametrize("name", GANS)
def test_every_gan_of_the_zoo_exports(name: str, tmp_path: Path) -> None:
    model, path = tiny_model(name), tmp_path / "made.onnx"
    report = export(model, path)
    assert 0 <= report.largest <= 1e-5 <= TOLERANCE
    assert list(report.batches) == [1, 2, 7, 64, 1000]
    assert report.seeds == 1074
    for seeds in ([5], [0, 2**63 - 1, 12]):
        expected, made = both(model, path, seeds)
        assert made.shape == expected.shape
        np.testing.assert_allclose(made, expected, atol=1e-5)
    operators = {node.op_type for node in onnx.load(path).graph.node}
    assert not operators & {"BatchNormalization", "Dropout", "RandomNormal", "RandomNormalLike", "RandomUniform"}
    assert check(path).gan == name
    assert read(path)[1] == check(path)


@pytest.mark.parametrize("name", ["ring8", "friedman2"])
def test_other_data_export_as_well(name: str, tmp_path: Path) -> None:
    gan = "skip-gan-tabular" if name == "friedman2" else "simple"
    model = tiny_model(gan, ganzoo.testing.first_samples(datasets.load(name)))
    report = export(model, tmp_path / "made.onnx")
    assert report.largest <= 1e-5
    assert check(tmp_path / "made.onnx").to_json()["output"] == {
        "name": "samples",
        "dtype": "float32",
        "shape": ["N", *model.metadata.shape],
        "layout": "vector",
        "range": None,
    }


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**63 - 1))
def test_any_seed_agrees(simple: Model, exported: Path, seed: int) -> None:
    expected, made = both(simple, exported, [seed])
    np.testing.assert_allclose(made, expected, atol=1e-5)


@pytest.mark.parametrize("distribution", ["uniform", "sphere"])
def test_the_distribution_of_the_latent_is_in_the_file(tiny: Data, distribution: str, tmp_path: Path) -> None:
    training = small_training("simple", tiny, iterations=1, distribution=distribution)
    run_iterations(training)
    export(training.model(), tmp_path / "made.onnx")
    assert read(tmp_path / "made.onnx")[1].to_json()["inputs"][0]["distribution"] == distribution


def test_the_file_describes_itself(simple: Model, exported: Path, tmp_path: Path) -> None:
    proto = onnx.load(exported)
    metadata = json.loads({entry.key: entry.value for entry in proto.metadata_props}["ganzoo"])
    weights_metadata = json.loads(json.dumps(simple.metadata.to_json()))
    assert {key: metadata[key] for key in weights_metadata} == weights_metadata
    assert metadata == read(exported)[1].to_json()
    assert metadata["inputs"] == [{"name": "z", "dtype": "float32", "shape": ["N", 8], "distribution": "normal"}]
    assert metadata["output"] == {
        "name": "samples",
        "dtype": "float32",
        "shape": ["N", 1, 8, 8],
        "layout": "NCHW",
        "range": [-1.0, 1.0],
    }
    assert (metadata["precision"], metadata["stage"], metadata["opset"]) == ("fp32", "child", 13)
    parity = metadata["parity"]
    assert parity["tolerance"] == TOLERANCE
    assert parity["largest"] == max(parity["batches"].values()) <= TOLERANCE
    assert list(parity["batches"]) == ["1", "2", "7", "64", "1000"]
    assert (parity["seeds"], parity["provider"]) == (1074, "CPUExecutionProvider")
    assert parity["onnxruntime"] == onnxruntime.__version__
    assert parity["seconds"] > 0

    simple.save(tmp_path / "weights.safetensors")
    assert metadata["weights_sha256"] == hashlib.sha256((tmp_path / "weights.safetensors").read_bytes()).hexdigest()
    export(load(tmp_path / "weights.safetensors"), tmp_path / "again.onnx")
    assert check(tmp_path / "again.onnx").weights_sha256 == metadata["weights_sha256"]

    assert (proto.producer_name, proto.producer_version) == ("ganzoo", ganzoo.__version__)
    assert proto.graph.name == "simple"
    assert proto.doc_string.startswith("Generator of simple")
    assert "\n" not in proto.doc_string
    assert [(opset.domain, opset.version) for opset in proto.opset_import] == [("", 13)]
    assert proto.ir_version == 7
    assert {output.name for output in session(exported).get_outputs()} == {"samples"}


def test_the_classes_are_in_the_file(tiny: Data, tmp_path: Path) -> None:
    training = small_training("cgan", tiny, iterations=1)
    run_iterations(training)
    export(training.model(), tmp_path / "made.onnx")
    inputs = read(tmp_path / "made.onnx")[1].to_json()["inputs"]
    assert inputs[1] == {"name": "labels", "dtype": "int64", "shape": ["N"], "classes": ["a", "b", "c"]}


def test_the_file_holds_no_paths_and_no_debugging_information(exported: Path) -> None:
    content = exported.read_bytes()
    for trace in (b"site-packages", b".py", str(ROOT).encode(), str(Path.home()).encode() + b"/"):
        assert trace not in content
    proto = onnx.load(exported)
    assert not proto.graph.value_info
    assert not any(node.doc_string or node.metadata_props for node in proto.graph.node)
    assert not any(value.metadata_props for value in [*proto.graph.input, *proto.graph.output])


def test_export_prints_nothing_and_does_not_change_the_model(
    simple: Model, tmp_path: Path, capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    before = simple.sample(range(3))
    mode = simple.networks.generator.training
    for precision in ("fp32", "fp16", "int8"):
        export(simple, tmp_path / "made.onnx", precision=precision)
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list
    assert np.array_equal(simple.sample(range(3)), before)
    assert simple.networks.generator.training is mode


def test_a_parent_is_exported_by_itself(tiny: Data, tmp_path: Path) -> None:
    recipe = small_training("privileged-v1-ann", tiny, parent_training="joint").recipe
    training = small_training("privileged-v1-ann", tiny, iterations=1, parent=parent_for(recipe, tiny))
    run_iterations(training)
    model, path = training.model(), tmp_path / "parent.onnx"
    export(model, path, stage="parent")
    assert check(path).stage == "parent"
    made = session(path).run(None, {"z": latents(range(3), model.metadata.latent_dim)})[0]
    np.testing.assert_allclose(made, model.sample(range(3), stage="parent"), atol=1e-5)
    assert verify(path, model).largest <= 1e-5
    assert np.abs(made - model.sample(range(3))).max() > 1e-2


def test_a_gan_without_a_parent_has_none_to_export(simple: Model, tmp_path: Path) -> None:
    assert "has no parent" in refused(lambda: export(simple, tmp_path / "made.onnx", stage="parent"))
    assert not any(tmp_path.iterdir())


# Exports that are refused


def test_a_difference_leaves_no_file(simple: Model, tmp_path: Path) -> None:
    path = tmp_path / "made.onnx"
    message = refused(lambda: export(simple, path, tolerance=1e-12))
    wanted = rf"'samples' of {path} differ from torch by \d\S*e-\d+, and the tolerance is 1e-12; no file was written"
    assert re.fullmatch(wanted, message)
    assert not any(tmp_path.iterdir())
    path.write_text("what stood here")
    refused(lambda: export(simple, path, tolerance=1e-12))
    assert path.read_text() == "what stood here"
    assert [path] == list(tmp_path.iterdir())


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_a_low_psnr_leaves_no_file(
    simple: Model, precision: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganzoo.export.parity.MIN_PSNR", {precision: 1000.0})
    message = refused(lambda: export(simple, tmp_path / "made.onnx", precision=precision))
    assert re.search(rf"PSNR of \d+\.\d dB to torch, and {precision} needs at least 1000 dB; no file", message)
    assert not any(tmp_path.iterdir())


class Broken(nn.Module):
    """A generator with a fault."""

    def __init__(self, fault: str) -> None:
        super().__init__()
        self.fault, self.layer = fault, nn.Linear(8, 64)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        made = self.layer(z).tanh().view(-1, 1, 8, 8)
        if self.fault == "branch" and z.sum() > 0:
            made = -made
        if self.fault == "nan":
            made = made / (made - made)
        return made.flatten(1) if self.fault == "shape" else made


def with_generator(model: Model, generator: nn.Module) -> Model:
    networks = Networks(generator, nn.Identity(), latent_dim=8).freeze()
    return Model(networks, model.metadata, model.recipe)


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ("branch", r"the generator of simple cannot be exported: .* \(ganzoo check simple\)"),
        ("nan", "differ from torch by nan, and the tolerance is 0.0001; no file was written"),
        ("shape", r"does not fit its metadata: it has samples float32 \(N, 64\), expected samples float32 \(N, 1, 8"),
    ],
)
def test_a_generator_with_a_fault_leaves_no_file(simple: Model, fault: str, complaint: str, tmp_path: Path) -> None:
    message = refused(lambda: export(with_generator(simple, Broken(fault)), tmp_path / "made.onnx"))
    assert re.search(complaint, message)
    assert not any(tmp_path.iterdir())


def test_nothing_is_written_where_nothing_can_be(simple: Model, tmp_path: Path) -> None:
    assert "cannot write" in refused(lambda: export(simple, tmp_path / "missing" / "made.onnx"))


# The graph


def test_parametrised_weights_become_plain(simple: Model, tmp_path: Path) -> None:
    layer = nn.utils.parametrizations.spectral_norm(nn.Linear(8, 64))
    generator = nn.Sequential(layer, nn.BatchNorm1d(64), nn.Unflatten(1, (1, 8, 8)), nn.Tanh())
    export(with_generator(simple, generator), tmp_path / "made.onnx")
    assert [node.op_type for node in onnx.load(tmp_path / "made.onnx").graph.node] == ["Gemm", "Reshape", "Tanh"]
    assert nn.utils.parametrize.is_parametrized(layer)


@pytest.mark.parametrize("bias", [True, False])
def test_a_norm_is_folded_through_a_reshape(simple: Model, bias: bool, tmp_path: Path) -> None:
    norm = nn.BatchNorm2d(4)
    for values in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
        nn.init.uniform_(values, 0.5, 2.0)
    generator = nn.Sequential(nn.Linear(8, 16, bias=bias), nn.Unflatten(1, (4, 2, 2)), norm, nn.Flatten())
    generator.append(nn.Linear(16, 64)).append(nn.Unflatten(1, (1, 8, 8))).append(nn.Tanh())
    export(with_generator(simple, generator), tmp_path / "made.onnx", tolerance=1e-5)
    operators = [node.op_type for node in onnx.load(tmp_path / "made.onnx").graph.node]
    assert "BatchNormalization" not in operators


def test_a_norm_that_cannot_be_folded_stays(simple: Model, tmp_path: Path) -> None:
    norm = nn.BatchNorm2d(4)
    nn.init.uniform_(norm.running_mean, 0.5, 2.0)
    generator = nn.Sequential(nn.Linear(8, 16), nn.Unflatten(1, (4, 2, 2)), nn.ReLU(), norm, nn.Flatten())
    generator.append(nn.Linear(16, 64)).append(nn.Unflatten(1, (1, 8, 8))).append(nn.Tanh())
    export(with_generator(simple, generator), tmp_path / "made.onnx")
    operators = [node.op_type for node in onnx.load(tmp_path / "made.onnx").graph.node]
    assert operators.count("BatchNormalization") == 1


# Precision and bytes


@pytest.mark.parametrize("pixels", ["signed", "unit"])
def test_the_output_can_be_bytes(tiny: Data, pixels: str, tmp_path: Path) -> None:
    training = small_training("simple", tiny, iterations=1, pixel_range=pixels)
    run_iterations(training)
    model, path = training.model(), tmp_path / "made.onnx"
    report = export(model, path, uint8=True)
    assert (report.unit, report.tolerance) == ("levels", 1.0)
    metadata = check(path)
    assert metadata.to_json()["output"] == {
        "name": "samples",
        "dtype": "uint8",
        "shape": ["N", 8, 8, 1],
        "layout": "NHWC",
        "range": [0, 255],
    }
    assert metadata.range == model.metadata.range
    expected, made = both(model, path, list(range(200)))
    assert made.dtype == np.uint8
    levels = np.abs(made.astype(int) - to_uint8(expected, model.value_range))
    assert levels.max() <= 1
    assert levels.mean() < 1e-3
    assert verify(path, model).largest <= 1


def test_colours_keep_their_order(tmp_path: Path) -> None:
    shape = {"name": "colours", "samples": np.random.default_rng(0).integers(0, 256, (45, 3, 8, 4), dtype=np.uint8)}
    model = tiny_model("simple", Data(**shape))
    export(model, tmp_path / "made.onnx", uint8=True)
    expected, made = both(model, tmp_path / "made.onnx", [1, 2, 3])
    assert made.shape == (3, 8, 4, 3)
    assert np.abs(made.astype(int) - to_uint8(expected, model.value_range)).max() <= 1


def test_bytes_that_are_truncated_instead_of_rounded_are_refused(
    simple: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never off by more than one level, but too often."""
    rounded = graph.output_bytes

    def truncated(proto: onnx.ModelProto, metadata: ExportMetadata) -> None:
        rounded(proto, metadata)
        for node in proto.graph.node:
            node.op_type = {"Round": "Floor"}.get(node.op_type, node.op_type)

    monkeypatch.setattr("ganzoo.export.graph.output_bytes", truncated)
    assert "fp32 needs at least 70 dB" in refused(lambda: export(simple, tmp_path / "made.onnx", uint8=True))


def test_vectors_cannot_be_bytes(tmp_path: Path) -> None:
    model = tiny_model("simple", ganzoo.testing.first_samples(datasets.load("ring8")))
    assert "leave out --uint8" in refused(lambda: export(model, tmp_path / "made.onnx", uint8=True))


@pytest.mark.parametrize(("precision", "share"), [("fp16", 0.6), ("int8", 0.65)])
@pytest.mark.parametrize("name", ["cgan", "dcgan", "skip-gan-tabular"])
def test_smaller_precisions(name: str, precision: Any, share: float, tmp_path: Path) -> None:
    model, path = tiny_model(name, widths=(128, 128), width=16), tmp_path / "small.onnx"
    report = export(model, path, precision=precision)
    assert report.min_psnr < report.psnr < 200
    assert report.tolerance is None
    full = sum(tensor.nbytes for tensor in model.generator().state_dict().values())
    if full > 10_000:  # the scales of a smaller one are larger than its weights
        assert sum(len(tensor.raw_data) for tensor in onnx.load(path).graph.initializer) < share * full
    metadata = check(path)
    assert (metadata.precision, metadata.parity["tolerance"]) == (precision, None)
    assert metadata.parity["psnr"] == pytest.approx(report.psnr, abs=0.01)
    assert {value.type for value in session(path).get_inputs()} <= {"tensor(float)", "tensor(int64)"}
    assert session(path).get_outputs()[0].type == "tensor(float)"
    assert verify(path, model).psnr == pytest.approx(report.psnr, abs=0.01)


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_smaller_precisions_can_output_bytes(simple: Model, precision: Any, tmp_path: Path) -> None:
    report = export(simple, tmp_path / "made.onnx", precision=precision, uint8=True)
    assert report.unit == "levels"
    assert session(tmp_path / "made.onnx").get_outputs()[0].type == "tensor(uint8)"


# Existing files


def test_a_file_is_verified_against_its_weights(simple: Model, exported: Path) -> None:
    before = exported.read_bytes()
    report = verify(exported, simple)
    assert isinstance(report, Report)
    assert report.largest <= 1e-5
    assert exported.read_bytes() == before


def test_other_weights_are_noticed(simple: Model, exported: Path, tiny: Data) -> None:
    training = small_training("simple", tiny, iterations=1, seed=9)
    run_iterations(training)
    assert re.search(
        r"differ from torch by \d\.\d+, and the tolerance is 0.0001; it is not of these weights",
        refused(lambda: verify(exported, training.model())),
    )
    other = small_training("wgan", tiny, iterations=1)
    assert "its gan is 'simple', not 'wgan'" in refused(lambda: verify(exported, other.model()))


Spoil = Callable[[onnx.ModelProto, dict[str, Any]], object]


def outside(location: str) -> Spoil:
    def spoil(proto: onnx.ModelProto, metadata: dict[str, Any]) -> None:
        tensor = proto.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)

    return spoil


def foreign_operator(proto: onnx.ModelProto, metadata: dict[str, Any]) -> None:
    proto.graph.node[0].domain = "com.example"


def huge_tensor(proto: onnx.ModelProto, metadata: dict[str, Any]) -> None:
    """A terabyte of zeros from a few bytes, added to the latent."""
    proto.graph.initializer.append(numpy_helper.from_array(np.array([2**19, 2**19]), "sides"))
    proto.graph.node.insert(0, helper.make_node("ConstantOfShape", ["sides"], ["zeros"]))
    proto.graph.node.insert(1, helper.make_node("ReduceSum", ["zeros"], ["zero"], keepdims=0))
    proto.graph.node.insert(2, helper.make_node("Add", ["z", "zero"], ["shifted"]))
    proto.graph.node[3].input[0] = "shifted"


def huge_weight(proto: onnx.ModelProto, metadata: dict[str, Any]) -> None:
    proto.graph.initializer[0].dims[0] = 2**40


def sparse(proto: onnx.ModelProto, metadata: dict[str, Any]) -> None:
    proto.graph.sparse_initializer.add(dims=[2**40])


def infinite(proto: onnx.ModelProto, metadata: dict[str, Any]) -> None:
    proto.graph.node[-1].op_type = "Reciprocal"
    weight = next(tensor for tensor in proto.graph.initializer if tensor.name == proto.graph.node[-3].input[1])
    bias = next(tensor for tensor in proto.graph.initializer if tensor.name == proto.graph.node[-3].input[2])
    for tensor in (weight, bias):
        tensor.raw_data = bytes(len(tensor.raw_data))


def beyond(proto: onnx.ModelProto, metadata: dict[str, Any]) -> None:
    proto.graph.node[-1].op_type = "Exp"


def further_input(proto: onnx.ModelProto, metadata: dict[str, Any]) -> None:
    proto.graph.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, ["N"]))


def input_of_doubles(proto: onnx.ModelProto, metadata: dict[str, Any]) -> None:
    proto.graph.input[0].type.tensor_type.elem_type = TensorProto.DOUBLE


def fixed_batch(proto: onnx.ModelProto, metadata: dict[str, Any]) -> None:
    proto.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1


def other_opset(proto: onnx.ModelProto, metadata: dict[str, Any]) -> None:
    proto.opset_import[0].version = 7


def unknown_operator(proto: onnx.ModelProto, metadata: dict[str, Any]) -> None:
    proto.graph.node[0].op_type = "Gemmm"


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (outside("../secret.bin"), "keeps weights in another file"),
        (outside("/etc/passwd"), "keeps weights in another file"),
        (foreign_operator, "needs operators of 'com.example', which ONNX does not have"),
        (huge_tensor, "needs tensors of 274,877,906,944 values for one sample"),
        (huge_weight, "holds no valid graph"),
        (sparse, "holds a sparse tensor"),
        (infinite, "makes samples that are not finite"),
        (beyond, r"makes values from .* to .*, beyond \(-1.0, 1.0\)"),
        (further_input, r"it has more float32 \(N\), expected samples"),
        (input_of_doubles, r"it has z type 11 \(N, 8\), expected z float32 \(N, 8\)"),
        (fixed_batch, r"it has z float32 \(1, 8\), expected z float32 \(N, 8\)"),
        (other_opset, r"uses the opsets \[\('', 7\)\], its metadata say 13, and ganzoo writes one of 13 to 20"),
        (unknown_operator, "holds no valid graph: .*Gemmm"),
        (lambda proto, metadata: metadata.pop("gan"), "bad metadata: 'gan' is None"),
        (lambda proto, metadata: metadata.pop("inputs"), "bad metadata: 'inputs' is None"),
        (lambda proto, metadata: metadata.update(precision="fp64"), "bad metadata: 'precision' is 'fp64'"),
        (lambda proto, metadata: metadata.update(stage=3), "bad metadata: 'stage' is 3"),
        (lambda proto, metadata: metadata.update(latent_dim=9), "bad metadata: 'inputs' is"),
        (lambda proto, metadata: metadata["output"].update(range=[0, 1]), "bad metadata: 'output' is"),
        (lambda proto, metadata: metadata.update(shape=[2**30]), "bad metadata: 'shape'"),
        (lambda proto, metadata: metadata.update(format=99), "has format 99, and this ganzoo reads formats up to 2"),
    ],
)
def test_a_file_that_is_not_right_is_refused(exported: Path, spoil: Spoil, complaint: str, tmp_path: Path) -> None:
    proto = onnx.load(exported)
    metadata = json.loads(proto.metadata_props[0].value)
    spoil(proto, metadata)
    proto.metadata_props[0].value = json.dumps(metadata)
    path = tmp_path / "bad.onnx"
    path.write_bytes(proto.SerializeToString())
    assert re.search(complaint, refused(lambda: check(path)))
    assert [path] == list(tmp_path.iterdir())


def test_files_that_are_no_exports_are_refused(exported: Path, tmp_path: Path) -> None:
    path, content = tmp_path / "bad.onnx", exported.read_bytes()
    for bad in (b"", b"not ONNX at all", b"\x00" * 100, content[:100], content[: len(content) // 2], content[:-1]):
        path.write_bytes(bad)
        assert refused(lambda: check(path)).startswith(str(path))
    proto = onnx.load(exported)
    del proto.metadata_props[:]
    path.write_bytes(proto.SerializeToString())
    assert "was not exported by ganzoo" in refused(lambda: check(path))
    assert "there is no file" in refused(lambda: check(tmp_path))
    assert "there is no file" in refused(lambda: check(tmp_path / "missing.onnx"))


def test_a_huge_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganzoo.generators.onnx_reader.MAX_FILE_BYTES", 1000)
    path = tmp_path / "huge.onnx"
    with path.open("wb") as file:
        file.truncate(2**40)
    assert "1,000 bytes" in refused(lambda: check(path))


def test_a_third_party_gan_exports_without_code_for_it(tiny: Data, tmp_path: Path) -> None:
    class Mixed(nn.Module):
        """Branches, an upsampling and a shared layer, as somebody may write them."""

        def __init__(self, latent: int) -> None:
            super().__init__()
            self.first, self.again = nn.Linear(latent, 16), nn.Linear(16, 16)
            self.last = nn.Conv2d(1, 1, 3, padding=1)

        def forward(self, z: torch.Tensor) -> torch.Tensor:
            h = self.again(self.again(self.first(z)).relu()).relu()
            return torch.tanh(self.last(nn.functional.interpolate(h.view(-1, 1, 4, 4), scale_factor=2)))

    gan = GAN(
        name="mixed",
        summary="somebody's",
        generator=lambda task: Mixed(task.latent_dim),
        discriminator="dense",
        trainer="non-saturating",
    )
    training = ganzoo.train(gan, tiny, iterations=1, batch_size=8, device="cpu", precision="fp32")
    run_iterations(training)
    model = training.model()
    assert isinstance(model, TrainedGenerator)
    for precision in ("fp32", "fp16"):
        export(model, tmp_path / "mixed.onnx", precision=precision)
        assert check(tmp_path / "mixed.onnx").gan == "mixed"


# Opset and size


@pytest.mark.parametrize("opset", [13, 15, 20])
@pytest.mark.parametrize("name", ["cgan", "privileged-v2-cnn", "skip-gan"])
def test_an_opset_can_be_chosen(name: str, opset: int, tmp_path: Path) -> None:
    model, path = tiny_model(name), tmp_path / "made.onnx"
    export(model, path, opset=opset)
    proto = onnx.load(path)
    assert (proto.opset_import[0].version, check(path).opset) == (opset, opset)
    assert proto.ir_version == {13: 7, 15: 8, 20: 9}[opset]
    onnx.checker.check_model(proto, full_check=True)
    assert verify(path, model).largest <= 1e-5


@pytest.mark.parametrize("opset", [-1, 0, 7, 12, 21, 10**400])
def test_other_opsets_are_refused(simple: Model, opset: int, tmp_path: Path) -> None:
    message = refused(lambda: export(simple, tmp_path / "made.onnx", opset=opset))
    assert message.endswith("is out of range; give 13 to 20, or leave it out")
    assert not any(tmp_path.iterdir())


class Recent(nn.Module):
    """A generator with an operator that came with opset 16 (GridSample), and meant something else before 20."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 64)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        image = self.layer(z).view(-1, 1, 8, 8)
        where = self.layer(z).tanh().view(-1, 8, 4, 2)
        return nn.functional.grid_sample(image, where, align_corners=False).repeat(1, 1, 1, 2).tanh()


def test_a_graph_gets_the_opset_that_it_needs(simple: Model, tmp_path: Path) -> None:
    model = with_generator(simple, Recent())
    assert export(model, tmp_path / "made.onnx").largest <= 1e-4
    assert 16 <= check(tmp_path / "made.onnx").opset <= 20
    message = refused(lambda: export(model, tmp_path / "old.onnx", opset=13))
    assert re.fullmatch(r"the generator of simple needs opset (\d+); give --opset \1, or leave it out", message)


@pytest.mark.parametrize("name", ["wgan", "dcgan"])
def test_smaller_precisions_of_int8_weights_are_smaller(name: str, tmp_path: Path) -> None:
    """The weights that ship are int8 already, and an fp32 export keeps them so."""
    model = load(pretrained.index()[name].path("safetensors"))
    sizes = {}
    for precision in ("fp32", "fp16", "int8"):
        export(model, tmp_path / "made.onnx", precision=precision)
        sizes[precision] = (tmp_path / "made.onnx").stat().st_size
    assert sizes["fp16"] < sizes["fp32"]
    assert sizes["int8"] < sizes["fp32"]


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_smaller_precisions_are_made_ready_when_a_file_is_loaded(
    precision: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """onnxruntime warns of what it would compute again in each run."""
    path = tmp_path / "made.onnx"
    export(load(pretrained.index()["wgan"].path("safetensors")), path, precision=precision)
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    assert "constant fold" not in capfd.readouterr().err
    kinds = [node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node]
    assert "Mul" not in kinds
    assert kinds.count("QGemm") == (3 if precision == "int8" else 0)
