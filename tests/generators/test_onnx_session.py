from __future__ import annotations

import random
import sys
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import ganzoo
from ganzoo.generators import onnx_reader, onnx_session
from ganzoo.generators.base import CHUNK, interpolate_latents
from ganzoo.generators.images import to_uint8
from ganzoo.generators.latents import latents
from ganzoo.generators.onnx_session import BoundSession, Sampler
from ganzoo.util.errors import GanzooError
from ganzoo.util.optional import install_command
from tests.support import python
from tests.support.onnx_files import LATENT, METADATA, describe, saved, tiny, weights

SHAPE = (1, 4, 6)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def path(folder: Path) -> Path:
    return saved(tiny(), folder / "tiny.onnx")


@pytest.fixture
def cgan(folder: Path) -> Sampler:
    return Sampler(saved(tiny(num_classes=3), folder / "cgan.onnx"), threads=1)


def test_a_sample_is_the_output_of_the_graph_for_the_latent_of_its_seed(path: Path) -> None:
    seeds = [5, 0, 2**62]
    expected = np.tanh(latents(seeds, LATENT) @ weights("A", LATENT, 24)).reshape(3, *SHAPE)
    sampler = ganzoo.Sampler(path, threads=1)
    np.testing.assert_allclose(sampler.sample(seeds), expected, atol=1e-6)
    assert (sampler.value_range, sampler.has_parent) == ((-1, 1), False)


def test_a_count_means_the_seeds_from_zero(path: Path) -> None:
    sampler = Sampler(path, threads=1)
    assert sampler.sample().shape == (64, *SHAPE)
    np.testing.assert_array_equal(sampler.sample(5), sampler.sample(range(5)))
    np.testing.assert_array_equal(sampler.sample(np.int64(5)), sampler.sample(range(5)))
    np.testing.assert_array_equal(sampler.sample([9])[0], sampler.sample(10)[9])
    np.testing.assert_array_equal(sampler.sample(np.array([7, 3])), sampler.sample([7, 3]))
    np.testing.assert_allclose(sampler.sample(2 * CHUNK + 3)[-1:], sampler.sample([2 * CHUNK + 2]), atol=1e-6)


def test_millions_of_samples_need_little_memory(cgan: Sampler) -> None:
    chunks = cgan.sample_iter(10**9)
    next(chunks)
    tracemalloc.start()
    sizes = {len(next(chunks)) for _ in range(4)}
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sizes == {cgan.chunk} == {CHUNK}
    assert peak < 2**20


def test_large_samples_are_computed_in_smaller_batches_on_a_cpu(folder: Path) -> None:
    sampler = Sampler(saved(tiny(shape=(3, 64, 64)), folder / "x.onnx"), threads=1)
    assert [len(chunk) for chunk in sampler.sample_iter(40)] == [16, 16, 8]


def test_batches_add_up_to_the_samples(cgan: Sampler) -> None:
    count = 2 * CHUNK + 5
    for condition in ({}, {"labels": 2}, {"labels": np.arange(count) % 2}):
        whole = cgan.sample(count, **condition)
        np.testing.assert_array_equal(np.concatenate(list(cgan.sample_iter(count, **condition))), whole)
        np.testing.assert_array_equal(np.concatenate(list(cgan.sample_iter(range(count), **condition))), whole)


def test_labels_choose_the_class(cgan: Sampler) -> None:
    flat = latents(range(4), LATENT) @ weights("A", LATENT, 24)
    for given, labels in ((None, [0, 1, 2, 0]), (2, [2, 2, 2, 2]), ([0, 0, 1, 1], [0, 0, 1, 1])):
        expected = np.tanh(flat + weights("E", 3, 24)[labels]).reshape(4, *SHAPE)
        np.testing.assert_allclose(cgan.sample(4, labels=given), expected, atol=1e-6)


def test_conditions_are_inputs(folder: Path) -> None:
    sampler = Sampler(saved(tiny(condition_dim=2, shape=(3,), range=None), folder / "x.onnx"), threads=1)
    conditions = np.array([[1, 2], [3, 4]], np.float64)
    expected = np.tanh(latents([0, 1], LATENT) @ weights("A", LATENT, 3) + conditions @ weights("B", 2, 3))
    np.testing.assert_allclose(sampler.sample(2, conditions=conditions), expected, atol=1e-6)
    with pytest.raises(GanzooError, match=r"tiny needs conditions of shape \(2, 2\), got None"):
        sampler.sample(2)
    with pytest.raises(GanzooError, match="tiny makes vectors, not images"):
        sampler.images(sampler.sample(2, conditions=conditions))


def test_bytes_are_already_images(folder: Path) -> None:
    sampler = Sampler(saved(tiny(uint8=True, shape=(3, 4, 6)), folder / "bytes.onnx"), threads=1)
    floats = Sampler(saved(tiny(shape=(3, 4, 6)), folder / "floats.onnx"), threads=1)
    images = sampler.sample(5)
    assert (images.dtype, images.shape, sampler.value_range) == (np.uint8, (5, 4, 6, 3), (0, 255))
    assert sampler.images(images) is images
    assert np.abs(images.astype(int) - to_uint8(floats.sample(5), (-1, 1))).max() <= 1
    np.testing.assert_array_equal(floats.images(floats.sample(5)), to_uint8(floats.sample(5), (-1, 1)))


@pytest.mark.parametrize("distribution", ["uniform", "sphere"])
def test_latents_have_the_distribution_that_the_file_names(folder: Path, distribution: Any) -> None:
    sampler = Sampler(saved(tiny(distribution=distribution), folder / "x.onnx"), threads=1)
    np.testing.assert_array_equal(sampler.sample(4), sampler.decode(latents(range(4), LATENT, distribution)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda sampler: sampler.sample(0),
            "there is nothing to sample; give a count of at least 1, or a list",
        ),
        (lambda sampler: sampler.sample(-3), "there is nothing to sample"),
        (lambda sampler: sampler.sample([]), "there is nothing to sample"),
        (lambda sampler: sampler.sample(2.5), "seeds=2.5 is neither a count nor a list of seeds"),
        (lambda sampler: sampler.sample(None), "seeds=None is neither a count nor a list of seeds"),
        (lambda sampler: sampler.sample(2, conditions=np.zeros((2, 1))), "tiny makes samples from latents alone"),
        (lambda sampler: sampler.sample([-1]), "-1 is not a seed"),
        (lambda sampler: sampler.sample(2, labels=3), r"label 3 is out of range; tiny has 0..2"),
        (lambda sampler: sampler.sample_iter(2, labels=3), r"label 3 is out of range; tiny has 0..2"),
        (lambda sampler: sampler.sample(2, labels=[0]), r"labels of shape \(1,\) do not fit 2 samples"),
        (lambda sampler: sampler.sample(2, stage="parent"), "holds one generator; leave out --stage"),
        (lambda sampler: sampler.decode(np.zeros((2, 9))), r"z has shape \(2, 9\); give latents of shape \(N, 8\)"),
        (lambda sampler: sampler.decode(np.zeros((0, 8))), r"z has shape \(0, 8\)"),
        (lambda sampler: sampler.interpolate(0, 1, 1), "ask for at least 2 samples instead of 1"),
    ],
)
def test_what_cannot_be_sampled_is_one_line(cgan: Sampler, call: Callable[[Sampler], Any], message: str) -> None:
    with pytest.raises(GanzooError, match=message) as caught:
        call(cgan)
    assert "\n" not in str(caught.value)


def test_labels_for_an_unconditional_gan_are_refused(path: Path) -> None:
    with pytest.raises(GanzooError, match="tiny is not class-conditional"):
        Sampler(path).sample(2, labels=1)


def test_a_sampler_serves_many_threads(path: Path) -> None:
    sampler = Sampler(path, threads=1)
    expected = sampler.sample(200)
    with ThreadPoolExecutor(8) as pool:
        for seed, sample in enumerate(pool.map(lambda seed: sampler.sample([seed]), range(200))):
            np.testing.assert_allclose(sample[0], expected[seed], atol=1e-6)


# Interpolation


def test_normal_latents_are_interpolated_along_the_arc(path: Path) -> None:
    sampler = Sampler(path, threads=1)
    way = sampler.interpolate(3, 8, 11)
    np.testing.assert_array_equal(way[[0, -1]], latents([3, 8], LATENT))
    a, b = latents([3, 8], LATENT).astype(np.float64)
    angle = np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    np.testing.assert_allclose(way[5], (a + b) * np.sin(angle / 2) / np.sin(angle), rtol=1e-6)


def test_an_interpolation_of_spherical_latents_stays_on_the_sphere() -> None:
    a, b = latents([3, 8], 32, "sphere")
    np.testing.assert_allclose(np.linalg.norm(interpolate_latents(a, b, 9, "sphere"), axis=1), np.sqrt(32), rtol=1e-6)


def test_uniform_and_parallel_latents_are_interpolated_along_the_line() -> None:
    a, b = latents([3, 8], 4, "uniform")
    np.testing.assert_allclose(interpolate_latents(a, b, 5, "uniform")[1], 0.75 * a + 0.25 * b, rtol=1e-6)
    for end in (a, 2 * a, -a):
        np.testing.assert_allclose(interpolate_latents(a, end, 3, "normal")[1], (a + end) / 2, atol=1e-7)


# Files that are not what they should be


def external(location: str) -> TensorProto:
    tensor = TensorProto(name="A", data_type=1, dims=[LATENT, 24], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=location)
    return tensor


def with_tensor(model: onnx.ModelProto, place: str, tensor: TensorProto) -> None:
    """Put a tensor where graphs can have one."""
    graph = helper.make_graph([], "inner", [], [], [tensor])
    sparse = onnx.SparseTensorProto(values=tensor)
    attribute = onnx.AttributeProto(name="a")
    match place:
        case "initializer":
            model.graph.initializer[0].CopyFrom(tensor)
        case "sparse initializer":
            model.graph.sparse_initializer.append(sparse)
        case "training":
            model.training_info.add().initialization.CopyFrom(graph)
        case "function":
            model.functions.add().node.add().attribute.add(name="a").t.CopyFrom(tensor)
        case "constant":
            attribute.t.CopyFrom(tensor)
        case "constants":
            attribute.tensors.append(tensor)
        case "branch":
            attribute.g.CopyFrom(graph)
        case "branches":
            attribute.graphs.append(graph)
        case "sparse constant":
            attribute.sparse_tensor.CopyFrom(sparse)
        case "default":
            model.functions.add().attribute_proto.add(name="a").t.CopyFrom(tensor)
    if attribute.ByteSize() > 3:
        model.graph.node[0].attribute.append(attribute)


@pytest.mark.parametrize("location", ["weights.bin", "../weights.bin", "/etc/passwd", "*/_ORT_MEM_ADDR_/*"])
@pytest.mark.parametrize(
    "place",
    [
        *("initializer", "sparse initializer", "training", "function", "constant", "constants"),
        *("branch", "branches", "sparse constant", "default"),
    ],
)
def test_weights_in_another_file_are_refused(folder: Path, place: str, location: str) -> None:
    model = tiny()
    with_tensor(model, place, external(location))
    with pytest.raises(GanzooError, match=r"x.onnx keeps weights in another file, which is refused"):
        Sampler(saved(model, folder / "x.onnx"))


def test_a_file_that_is_cut_short_is_refused(path: Path) -> None:
    content = path.read_bytes()
    for end in range(0, len(content), 11):
        path.write_bytes(content[:end])
        with pytest.raises(GanzooError):
            Sampler(path)


def test_a_file_with_wrong_bytes_is_refused_or_sampled(path: Path) -> None:
    content, chance = path.read_bytes(), random.Random(0)
    for _ in range(300):
        spoilt = bytearray(content)
        for _ in range(chance.randint(1, 4)):
            spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
        path.write_bytes(spoilt)
        try:
            assert Sampler(path, threads=1).sample(2).shape == (2, *SHAPE)
        except GanzooError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize(
    "content", [b"hello, world", b"PK\3\4" * 9, b"\x0b" * 9, b"\xff" * 99, b"\x3a\xff\xff\xff\xff\x0f", b"\x3d\0"]
)
def test_files_of_other_formats_are_refused(folder: Path, content: bytes) -> None:
    (folder / "x.onnx").write_bytes(content)
    with pytest.raises(GanzooError, match=r"x\.onnx is cut short, or no ONNX file at all"):
        Sampler(folder / "x.onnx")


def test_onnx_files_of_others_are_refused(folder: Path) -> None:
    model = tiny()
    del model.metadata_props[:]
    for content in (b"", model.SerializeToString()):
        (folder / "x.onnx").write_bytes(content)
        with pytest.raises(GanzooError, match="was not exported by ganzoo: its metadata have no entry 'ganzoo'"):
            Sampler(folder / "x.onnx")


def test_a_file_that_is_missing_a_folder_or_too_large(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(GanzooError, match="there is no file "):
        Sampler(path.parent / "none.onnx")
    with pytest.raises(GanzooError, match="there is no file "):
        Sampler(path.parent)
    monkeypatch.setattr(onnx_reader, "MAX_FILE_BYTES", 100)
    with pytest.raises(GanzooError, match="has more than 100 bytes"):
        Sampler(path)


Fill = Callable[[onnx.ModelProto, int], object]


@pytest.mark.parametrize(
    "fill",
    [
        lambda model, count: model.graph.node.extend([onnx.NodeProto()] * count),
        lambda model, count: model.graph.node[0].attribute.extend([onnx.AttributeProto()] * count),
        lambda model, count: model.graph.initializer.extend([TensorProto()] * count),
        lambda model, count: model.graph.node[0].input.extend([""] * count),
        lambda model, count: model.graph.value_info.extend([onnx.ValueInfoProto()] * count),
        lambda model, count: model.graph.input[0].type.tensor_type.shape.dim.extend(
            [onnx.TensorShapeProto.Dimension()] * count
        ),
        lambda model, count: model.graph.node[0].attribute.add(ints=[0] * count),
        lambda model, count: model.graph.initializer[0].int64_data.extend([0] * count),
        lambda model, count: model.metadata_props.extend([onnx.StringStringEntryProto()] * count),
        lambda model, count: model.opset_import.extend([onnx.OperatorSetIdProto()] * count),
    ],
)
def test_a_file_of_countless_tiny_fields_is_refused(folder: Path, fill: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two bytes each, and a hundred in memory."""
    monkeypatch.setattr(onnx_reader, "MAX_FIELDS", 2000)
    model = tiny()
    Sampler(saved(model, folder / "x.onnx"), threads=1)
    fill(model, 2001)
    with pytest.raises(GanzooError, match="has more than 2,000 fields, which no generator of ganzoo needs"):
        Sampler(saved(model, folder / "x.onnx"))


def test_countless_fields_are_refused_soon(folder: Path) -> None:
    (folder / "x.onnx").write_bytes(b"\x3a\x80\x80\x80\x10" + b"\x0a\x00" * 2**24)  # a graph of 16 million nodes
    start = time.perf_counter()
    with pytest.raises(GanzooError, match="has more than 262,144 fields"):
        Sampler(folder / "x.onnx")
    assert time.perf_counter() - start < 20, "about one, were it to count them all a minute"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has bad metadata: not JSON"),
        ("{", "has bad metadata: not JSON"),
        ("[" * 10**5, "has bad metadata: not JSON"),
        ("[]", "has bad metadata: not a JSON object"),
        (" " * (2**20 + 1), "has metadata of 1,048,577 bytes; at most 1,048,576 are read"),
        ({"format": 3}, "has format 3, and this ganzoo reads formats up to 2; run: pip install --upgrade ganzoo-kit"),
        ({"format": "2"}, "has bad metadata: 'format' is '2'"),
        ({"gan": 3}, "has bad metadata: 'gan' is 3"),
        ({"latent_dim": 2**40}, "has bad metadata: 'latent_dim' is 1099511627776"),
        ({"shape": [2**20, 2**20]}, r"has bad metadata: 'shape' is \[1048576, 1048576\]"),
        ({"range": [0, 7]}, r"has bad metadata: 'range' is \[0, 7\]"),
        ({"distribution": "cauchy"}, "has bad metadata: 'distribution' is 'cauchy'"),
        ({"output": None}, "has bad metadata: 'output' is None"),
        ({"output": {"dtype": "float64"}}, "has bad metadata: 'output' is {'dtype': 'float64'}"),
        ({"output": METADATA.to_json()["output"] | {"range": [0, 1]}}, "has bad metadata: 'output' is"),
        ({"inputs": []}, r"has bad metadata: 'inputs' is \[\]"),
        ({"precision": "fp64"}, "has bad metadata: 'precision' is 'fp64'"),
        ({"stage": 3}, "has bad metadata: 'stage' is 3"),
        ({"opset": "x"}, "has bad metadata: 'opset' is 'x'"),
        ({"weights_sha256": None}, "has bad metadata: 'weights_sha256' is None"),
        ({"parity": 1}, "has bad metadata: 'parity' is 1"),
        ({"output": {"dtype": "uint8"}, "shape": [24]}, "has bad metadata: 'output' is {'dtype': 'uint8'}"),
    ],
)
def test_bad_metadata_are_refused(folder: Path, text: Any, message: str) -> None:
    model = tiny()
    describe(model, text if isinstance(text, str) else METADATA.to_json() | text)
    with pytest.raises(GanzooError, match=message) as caught:
        Sampler(saved(model, folder / "x.onnx"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"output_dtype": "uint8"}, "has other outputs than its metadata promise: 'samples' tensor.float."),
        ({"latent_dim": 9}, "has other inputs than its metadata promise: 'z' "),
        ({"num_classes": 4}, "has other inputs than its metadata promise: 'z' "),
        ({"condition_dim": 4}, "has other inputs than its metadata promise: 'z' "),
        ({"shape": (1, 6, 4)}, "has other outputs than its metadata promise: 'samples' "),
        ({"shape": (24,)}, "has other outputs than its metadata promise: 'samples' "),
    ],
)
def test_metadata_that_do_not_fit_the_graph_are_refused(folder: Path, change: Any, message: str) -> None:
    model = tiny()
    describe(model, replace(METADATA, **change).to_json())
    with pytest.raises(GanzooError, match=message) as caught:
        Sampler(saved(model, folder / "x.onnx"))
    assert "\n" not in str(caught.value)


def test_a_graph_with_other_inputs_or_outputs_is_refused(folder: Path) -> None:
    fixed, named, more, half = tiny(), tiny(), tiny(), tiny()
    fixed.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    named.graph.input[0].name = named.graph.node[0].input[0] = "noise\nand more"
    more.graph.output.append(helper.make_tensor_value_info("flat", TensorProto.FLOAT, ["N", 24]))
    half.graph.input[0].type.tensor_type.elem_type = TensorProto.DOUBLE
    for model in (fixed, named, more, half):
        with pytest.raises(
            GanzooError, match=r"has other (in|out)puts than its metadata promise|is refused by"
        ) as caught:
            Sampler(saved(model, folder / "x.onnx"))
        assert "\n" not in str(caught.value)


def test_samples_of_another_shape_than_promised_are_refused(folder: Path) -> None:
    model = tiny()
    model.graph.node[-1].output[0] = "once"
    model.graph.node.append(helper.make_node("Concat", ["once", "once"], ["samples"], axis=0))
    model.graph.output[0].type.tensor_type.shape.dim[0].dim_param = "twice"
    sampler = Sampler(saved(model, folder / "x.onnx"), threads=1)
    with pytest.raises(GanzooError, match=r"makes samples of shape \(4, 1, 4, 6\) where its metadata promise \(2, 1,"):
        sampler.sample(2)


def test_what_fails_when_it_runs_is_one_line(folder: Path) -> None:
    model = tiny(num_classes=3)
    describe(model, replace(METADATA, num_classes=5).to_json())
    sampler = Sampler(saved(model, folder / "x.onnx"), threads=1)
    with pytest.raises(GanzooError, match=r"x\.onnx cannot be run: ") as caught:
        sampler.sample(5)
    assert "\n" not in str(caught.value)


# Providers


class Machine:
    """Stands for onnxruntime where it was built with some providers, of which some work."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, built: str, works: str, driver: bool = True) -> None:
        self.asked: list[str] = []
        self.options: list[dict[str, str]] = []
        self.preloaded = False
        self.severity = 2
        self.fails: list[str] = []
        self.works = [onnx_session._NAMES[name] for name in works.split()]
        module = SimpleNamespace(
            get_available_providers=lambda: [onnx_session._NAMES[name] for name in built.split()],
            SessionOptions=lambda: SimpleNamespace(add_session_config_entry=lambda key, value: None),
            set_default_logger_severity=lambda severity: setattr(self, "severity", severity),
            preload_dlls=self.preload,
            InferenceSession=self.session,
        )
        monkeypatch.setitem(sys.modules, "onnxruntime", module)
        monkeypatch.setattr(onnx_session, "_auto", lambda: ("cuda", "cpu") if driver else ("cpu",))
        monkeypatch.setattr(onnx_session, "_installed", lambda: ["onnxruntime"])

    def preload(self) -> None:
        print("Failed to load libcublas")
        self.preloaded = True

    def session(self, content: bytes, options: Any, *, providers: list[str], provider_options: list[Any]) -> Any:
        if providers != ["CPUExecutionProvider"]:
            print("EP Error")
            assert self.severity == 4
        if providers[0] in self.fails:
            raise Exception("CUDA failure 35: the driver is too old\nand more")
        self.asked, self.options = providers, provider_options
        used = [name for name in providers if name in self.works] or ["CPUExecutionProvider"]
        return SimpleNamespace(
            get_providers=lambda: used,
            get_inputs=lambda: [SimpleNamespace(name="z", type="tensor(float)", shape=["N", LATENT])],
            get_outputs=lambda: [SimpleNamespace(name="samples", type="tensor(float)", shape=["N", *SHAPE])],
            disable_fallback=lambda: None,
        )


@pytest.mark.parametrize(
    ("built", "works", "driver", "wanted", "used", "preloaded"),
    [
        ("cpu", "cpu", False, None, "cpu", False),
        ("tensorrt cuda cpu", "cpu", False, "auto", "cpu", False),
        ("tensorrt cuda cpu", "cpu", True, "auto", "cpu", True),
        ("tensorrt cuda cpu", "tensorrt cuda cpu", True, "auto", "cuda", True),
        ("tensorrt cuda cpu", "tensorrt cuda cpu", True, "cpu", "cpu", False),
        ("tensorrt cuda cpu", "tensorrt cuda cpu", True, "tensorrt", "tensorrt", True),
        ("cuda cpu", "cuda cpu", True, ["tensorrt", "cuda"], "cuda", True),
        ("cuda cpu", "cpu", True, ["cuda", "cpu"], "cpu", True),
        ("directml cpu", "directml cpu", False, "directml", "directml", False),
        ("coreml cpu", "coreml cpu", False, "coreml", "coreml", False),
    ],
)
def test_the_provider_in_use_is_known_and_nothing_is_printed(
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    built: str,
    works: str,
    driver: bool,
    wanted: Any,
    used: str,
    preloaded: bool,
) -> None:
    machine = Machine(monkeypatch, built, works, driver)
    assert Sampler(path, providers=wanted).provider == used
    assert machine.preloaded == preloaded
    assert machine.severity == 2
    assert capfd.readouterr() == ("", "")
    if used == "cuda":
        options = dict(zip(machine.asked, machine.options, strict=True))["CUDAExecutionProvider"]
        assert options == {"cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0"}


@pytest.mark.parametrize(
    ("built", "wanted", "message"),
    [
        ("cpu", "cuda", "built without cuda; run: pip uninstall onnxruntime; pip install 'ganzoo-kit.gpu.'"),
        (
            "cpu",
            "coreml",
            "built without coreml; run: pip uninstall onnxruntime; pip install 'ganzoo-kit.sample.' .on a",
        ),
        (
            "cuda cpu",
            "cuda",
            "cuda does not work here, and onnxruntime would use CPUExec.*, and run: pip install 'ganz",
        ),
        ("cuda cpu", ["directml", "cuda"], "cuda does not work here"),
        ("cpu", "gpu", "no provider named 'gpu'; choose one of auto, cpu, cuda, tensorrt, directml, coreml"),
    ],
)
def test_a_provider_that_was_named_and_does_not_work_is_an_error(
    path: Path, monkeypatch: pytest.MonkeyPatch, built: str, wanted: Any, message: str
) -> None:
    Machine(monkeypatch, built, "cpu")
    with pytest.raises(GanzooError, match=message):
        Sampler(path, providers=wanted)


def test_only_auto_skips_a_provider_that_fails(
    path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    Machine(monkeypatch, "cuda cpu", "cpu").fails = ["CUDAExecutionProvider"]
    assert Sampler(path).provider == "cpu"
    with pytest.raises(
        GanzooError, match=r"is refused by onnxruntime: Exception: CUDA failure 35: the driver is too old$"
    ):
        Sampler(path, providers="cuda")
    assert capfd.readouterr() == ("", "")


def test_two_installed_onnxruntimes_cause_a_warning_with_the_fix(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    Sampler(path)
    assert not caplog.messages
    monkeypatch.setattr(onnx_session, "_installed", lambda: ["onnxruntime", "onnxruntime-gpu"])
    Sampler(path)
    (line,) = caplog.messages
    assert line == (
        "onnxruntime and onnxruntime-gpu are installed over each other; run: "
        "pip uninstall onnxruntime onnxruntime-gpu; "
        "then one of pip install 'ganzoo-kit[sample]' (CPU) or 'ganzoo-kit[gpu]'"
    )
    monkeypatch.setitem(sys.modules, "onnxruntime", SimpleNamespace())
    with pytest.raises(
        GanzooError,
        match="has no InferenceSession here, so its installation is broken; run: pip uninstall",
    ):
        Sampler(path)


@pytest.mark.parametrize("threads", [0, -1])
def test_less_than_one_thread_is_refused(path: Path, threads: int) -> None:
    with pytest.raises(GanzooError, match=f"threads={threads} is out of range; give at least 1"):
        Sampler(path, threads=threads)


# Fixed addresses


@pytest.mark.parametrize(
    "changes", [{}, {"num_classes": 3}, {"condition_dim": 2, "shape": (5,), "range": None}, {"uint8": True}]
)
def test_batches_at_fixed_addresses_give_the_same_samples(folder: Path, changes: dict[str, Any]) -> None:
    """What CUDA graphs need, on the device that every machine has."""
    sampler = Sampler(saved(tiny(**changes), folder / "x.onnx"), threads=1)
    count = 300
    condition = {"conditions": latents(range(count), 2)} if "condition_dim" in changes else {}
    expected = sampler.sample(count, **condition)
    sampler._bound = BoundSession(sampler._session, "cpu", sampler.metadata.output)
    made = sampler.sample(count, **condition)
    assert made.dtype == expected.dtype
    np.testing.assert_allclose(made, expected, atol=1e-6)
    few = {name: values[:3] for name, values in condition.items()}
    first = sampler.sample(3, **few)
    again = sampler.sample([9, 8, 7], **few)
    assert not np.allclose(first, again), "a batch is not overwritten by the next one, nor is it the last one's"
    np.testing.assert_allclose(first, expected[:3], atol=1e-6)
    assert {*sampler._bound._bindings} == {4, 64, 256}, "the batch sizes for 3, 300 - 256 and 256"


def test_a_bound_session_serves_many_threads(path: Path) -> None:
    sampler = Sampler(path, threads=1)
    expected = sampler.sample(200)
    sampler._bound = BoundSession(sampler._session, "cpu", sampler.metadata.output)
    with ThreadPoolExecutor(8) as pool:
        for seed, sample in enumerate(pool.map(lambda seed: sampler.sample([seed]), range(200))):
            np.testing.assert_allclose(sample[0], expected[seed], atol=1e-6)


def test_cuda_graphs_need_cuda(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for providers in (None, "cpu"):
        with pytest.raises(GanzooError, match=r"^CUDA graphs need CUDA, and .*tiny.onnx runs on cpu; leave out graphs"):
            Sampler(path, providers=providers, graphs=True)
    machine = Machine(monkeypatch, "cuda cpu", "cuda cpu")
    Sampler(path, graphs=True)
    options = dict(zip(machine.asked, machine.options, strict=True))
    assert options["CUDAExecutionProvider"]["enable_cuda_graph"] == "1"
    Sampler(path)
    assert "enable_cuda_graph" not in machine.options[0]


# What is imported


def test_a_sampler_imports_only_numpy_and_onnxruntime(path: Path) -> None:
    code = """
import sys, ganzoo
assert not {"numpy", "onnxruntime"} & set(sys.modules)
ganzoo.Sampler(sys.argv[1]).sample(2)
print(sorted({"torch", "onnx", "PIL", "safetensors", "sklearn", "ganzoo.data"} & set(sys.modules)))
"""
    done = python(code, str(path))
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_without_onnxruntime_it_says_what_to_install(path: Path) -> None:
    code = """
import sys
sys.modules["onnxruntime"] = None
import ganzoo
try:
    ganzoo.Sampler(sys.argv[1])
except ganzoo.GanzooError as error:
    print(error)
"""
    done = python(code, str(path))
    assert done.stdout == f"this needs onnxruntime, which is not installed; run: {install_command('sample')}\n"


def test_the_package_has_no_other_lazy_names() -> None:
    assert ganzoo.Sampler is Sampler
    with pytest.raises(AttributeError, match="module 'ganzoo' has no attribute 'sampler'"):
        _ = ganzoo.sampler
