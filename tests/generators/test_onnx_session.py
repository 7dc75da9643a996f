from __future__ import annotations

import json
import random
import sys
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import ganzoo
from ganzoo.generators import onnx_reader as onnxfile
from ganzoo.generators import onnx_session as runtime
from ganzoo.generators.base import CHUNK, interpolate
from ganzoo.generators.images import to_uint8
from ganzoo.generators.latents import latents
from ganzoo.generators.onnx_session import Bound, Sampler
from ganzoo.util.errors import GanzooError
from tests.support import python
from tests.support.onnx_files import HEADER, LATENT, describe, saved, tiny, weights

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


def test_a_sample_is_what_the_graph_makes_of_the_latent_of_its_seed(path: Path) -> None:
    seeds = [5, 0, 2**62]
    expected = np.tanh(latents(seeds, LATENT) @ weights("A", LATENT, 24)).reshape(3, *SHAPE)
    sampler = ganzoo.Sampler(path, threads=1)
    np.testing.assert_allclose(sampler.sample(seeds), expected, atol=1e-6)
    assert (sampler.limits, sampler.has_parent) == ((-1, 1), False)


def test_draws_are_numbered_by_their_seeds(path: Path) -> None:
    sampler = Sampler(path, threads=1)
    assert sampler.draw().shape == (64, *SHAPE)
    np.testing.assert_array_equal(sampler.draw(5), sampler.sample(range(5)))
    np.testing.assert_array_equal(sampler.draw(2, seeds=[7, 3]), sampler.draw(seeds=[7, 3]))
    np.testing.assert_array_equal(sampler.draw(seeds=9)[0], sampler.draw(10)[9])
    np.testing.assert_allclose(sampler.draw(2 * CHUNK + 3)[-1:], sampler.draw(seeds=[2 * CHUNK + 2]), atol=1e-6)


def test_millions_are_drawn_in_flat_memory(cgan: Sampler) -> None:
    chunks = cgan.sample_iter(10**9)
    next(chunks)
    tracemalloc.start()
    sizes = {len(next(chunks)) for _ in range(4)}
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sizes == {cgan.chunk} == {CHUNK}
    assert peak < 2**20


def test_large_samples_are_made_in_smaller_chunks_on_a_cpu(folder: Path) -> None:
    sampler = Sampler(saved(tiny(shape=[3, 64, 64]), folder / "x.onnx"), threads=1)
    assert [len(chunk) for chunk in sampler.sample_iter(40)] == [16, 16, 8]


def test_chunks_make_the_whole(cgan: Sampler) -> None:
    count = 2 * CHUNK + 5
    for told in ({}, {"labels": 2}, {"labels": np.arange(count) % 2}):
        whole = cgan.draw(count, **told)
        np.testing.assert_array_equal(np.concatenate(list(cgan.sample_iter(count, **told))), whole)
        np.testing.assert_array_equal(np.concatenate(list(cgan.sample_iter(seeds=range(count), **told))), whole)


def test_labels_choose_the_class(cgan: Sampler) -> None:
    flat = latents(range(4), LATENT) @ weights("A", LATENT, 24)
    for told, labels in ((None, [0, 1, 2, 0]), (2, [2, 2, 2, 2]), ([0, 0, 1, 1], [0, 0, 1, 1])):
        expected = np.tanh(flat + weights("E", 3, 24)[labels]).reshape(4, *SHAPE)
        np.testing.assert_allclose(cgan.draw(4, labels=told), expected, atol=1e-6)


def test_conditions_are_told(folder: Path) -> None:
    sampler = Sampler(saved(tiny(condition_dim=2, shape=[3], range=None), folder / "x.onnx"), threads=1)
    conditions = np.array([[1, 2], [3, 4]], np.float64)
    expected = np.tanh(latents([0, 1], LATENT) @ weights("A", LATENT, 3) + conditions @ weights("B", 2, 3))
    np.testing.assert_allclose(sampler.draw(2, conditions=conditions), expected, atol=1e-6)
    with pytest.raises(GanzooError, match=r"tiny needs conditions of shape \(2, 2\), got None"):
        sampler.draw(2)
    with pytest.raises(GanzooError, match="tiny makes vectors, which are no single pictures"):
        sampler.images(sampler.draw(2, conditions=conditions))


def test_bytes_are_images_already(folder: Path) -> None:
    sampler = Sampler(saved(tiny(uint8=True, shape=[3, 4, 6]), folder / "bytes.onnx"), threads=1)
    floats = Sampler(saved(tiny(shape=[3, 4, 6]), folder / "floats.onnx"), threads=1)
    images = sampler.draw(5)
    assert (images.dtype, images.shape, sampler.limits) == (np.uint8, (5, 4, 6, 3), (0, 255))
    assert sampler.images(images) is images
    assert np.abs(images.astype(int) - to_uint8(floats.draw(5), (-1, 1))).max() <= 1
    np.testing.assert_array_equal(floats.images(floats.draw(5)), to_uint8(floats.draw(5), (-1, 1)))


@pytest.mark.parametrize("distribution", ["uniform", "sphere"])
def test_latents_have_the_distribution_that_the_file_names(folder: Path, distribution: Any) -> None:
    sampler = Sampler(saved(tiny(distribution=distribution), folder / "x.onnx"), threads=1)
    np.testing.assert_array_equal(sampler.draw(4), sampler.decode(latents(range(4), LATENT, distribution)))


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda sampler: sampler.draw(0), "no sample is asked for; give a number of at least 1, or a seed"),
        (lambda sampler: sampler.draw(seeds=[]), "no sample is asked for"),
        (lambda sampler: sampler.draw(3, seeds=[1]), "1 seeds make no 3 samples; give the seeds alone, or as many"),
        (lambda sampler: sampler.sample([-1]), "-1 is not a seed"),
        (lambda sampler: sampler.draw(2, labels=3), r"label 3 is out of range; tiny has 0..2"),
        (lambda sampler: sampler.sample_iter(2, labels=3), r"label 3 is out of range; tiny has 0..2"),
        (lambda sampler: sampler.draw(2, labels=[0]), "1 labels do not fit 2 samples"),
        (lambda sampler: sampler.draw(2, stage="parent"), "holds one generator; leave out --stage"),
        (lambda sampler: sampler.decode(np.zeros((2, 9))), r"no latents in an array of shape \(2, 9\); give \(N, 8\)"),
        (lambda sampler: sampler.decode(np.zeros((0, 8))), r"no latents in an array of shape \(0, 8\)"),
        (lambda sampler: sampler.between(0, 1, 1), "ask for at least 2 samples instead of 1"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(cgan: Sampler, draw: Callable[[Sampler], Any], message: str) -> None:
    with pytest.raises(GanzooError, match=message) as caught:
        draw(cgan)
    assert "\n" not in str(caught.value)


def test_labels_for_a_gan_that_is_told_none(path: Path) -> None:
    with pytest.raises(GanzooError, match="tiny is not told labels"):
        Sampler(path).draw(2, labels=1)


def test_a_sampler_serves_many_threads(path: Path) -> None:
    sampler = Sampler(path, threads=1)
    expected = sampler.draw(200)
    with ThreadPoolExecutor(8) as pool:
        for seed, sample in enumerate(pool.map(lambda seed: sampler.sample([seed]), range(200))):
            np.testing.assert_allclose(sample[0], expected[seed], atol=1e-6)


# Interpolation


def test_the_way_between_normal_latents_is_an_arc(path: Path) -> None:
    sampler = Sampler(path, threads=1)
    way = sampler.between(3, 8, 11)
    np.testing.assert_array_equal(way[[0, -1]], latents([3, 8], LATENT))
    a, b = latents([3, 8], LATENT).astype(np.float64)
    angle = np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    np.testing.assert_allclose(way[5], (a + b) * np.sin(angle / 2) / np.sin(angle), rtol=1e-6)


def test_the_way_on_a_sphere_stays_on_it() -> None:
    a, b = latents([3, 8], 32, "sphere")
    np.testing.assert_allclose(np.linalg.norm(interpolate(a, b, 9, "sphere"), axis=1), np.sqrt(32), rtol=1e-6)


def test_the_way_between_uniform_latents_and_between_parallel_ones_is_straight() -> None:
    a, b = latents([3, 8], 4, "uniform")
    np.testing.assert_allclose(interpolate(a, b, 5, "uniform")[1], 0.75 * a + 0.25 * b, rtol=1e-6)
    for end in (a, 2 * a, -a):
        np.testing.assert_allclose(interpolate(a, end, 3, "normal")[1], (a + end) / 2, atol=1e-7)


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
            assert Sampler(path, threads=1).draw(2).shape == (2, *SHAPE)
        except GanzooError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize(
    "content", [b"hello, world", b"PK\3\4" * 9, b"\x0b" * 9, b"\xff" * 99, b"\x3a\xff\xff\xff\xff\x0f", b"\x3d\0"]
)
def test_another_kind_of_file_is_refused(folder: Path, content: bytes) -> None:
    (folder / "x.onnx").write_bytes(content)
    with pytest.raises(GanzooError, match=r"x\.onnx is cut short, or no ONNX file at all"):
        Sampler(folder / "x.onnx")


def test_onnx_files_of_others_are_refused(folder: Path) -> None:
    model = tiny()
    del model.metadata_props[:]
    for content in (b"", model.SerializeToString()):
        (folder / "x.onnx").write_bytes(content)
        with pytest.raises(GanzooError, match="was not exported by ganzoo: its metadata has no entry 'ganzoo'"):
            Sampler(folder / "x.onnx")


def test_a_file_that_is_missing_a_folder_or_too_large(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(GanzooError, match="there is no file "):
        Sampler(path.parent / "none.onnx")
    with pytest.raises(GanzooError, match="there is no file "):
        Sampler(path.parent)
    monkeypatch.setattr(onnxfile, "LARGEST_FILE", 100)
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
    monkeypatch.setattr(onnxfile, "MOST_FIELDS", 2000)
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
        ("", "has a header that is no JSON"),
        ("{", "has a header that is no JSON"),
        ("[" * 10**5, "has a header that is no JSON"),
        ("[]", "has a header that is no JSON object"),
        (" " * (2**20 + 1), "has a header of 1,048,577 bytes; at most 1,048,576 are read"),
        ({"format": 2}, "has the format 2, and this ganzoo reads 1"),
        ({"gan": 3}, "has a bad header: 'gan' is 3"),
        ({"latent_dim": 2**40}, "has a bad header: 'latent_dim' is 1099511627776"),
        ({"shape": [2**20, 2**20]}, r"has a bad header: 'shape' is \[1048576, 1048576\]"),
        ({"range": [0, 7]}, r"has a bad header: 'range' is \[0, 7\]"),
        ({"distribution": "cauchy"}, "has a bad header: 'distribution' is 'cauchy'"),
        ({"output": None}, "has a bad header: 'output' says dtype None"),
        ({"output": {"dtype": "float64"}}, "has a bad header: 'output' says dtype 'float64'"),
        ({"output": {"dtype": "uint8"}}, "has other outputs than its header promises: 'samples' tensor.float."),
        ({"output": {"dtype": "uint8"}, "shape": [24]}, "has a bad header: 'output' says dtype 'uint8'"),
        ({"latent_dim": 9}, "has other inputs than its header promises: 'z' "),
        ({"num_classes": 4}, "has other inputs than its header promises: 'z' "),
        ({"condition_dim": 4}, "has other inputs than its header promises: 'z' "),
        ({"shape": [1, 6, 4]}, "has other outputs than its header promises: 'samples' "),
        ({"shape": [24]}, "has other outputs than its header promises: 'samples' "),
    ],
)
def test_a_header_that_is_bad_or_does_not_fit_is_refused(folder: Path, text: Any, message: str) -> None:
    model = tiny()
    describe(model, text if isinstance(text, str) else json.dumps(HEADER | text))
    with pytest.raises(GanzooError, match=message) as caught:
        Sampler(saved(model, folder / "x.onnx"))
    assert "\n" not in str(caught.value)


def test_a_graph_with_other_ends_is_refused(folder: Path) -> None:
    fixed, named, more, half = tiny(), tiny(), tiny(), tiny()
    fixed.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    named.graph.input[0].name = named.graph.node[0].input[0] = "noise\nand more"
    more.graph.output.append(helper.make_tensor_value_info("flat", TensorProto.FLOAT, ["N", 24]))
    half.graph.input[0].type.tensor_type.elem_type = TensorProto.DOUBLE
    for model in (fixed, named, more, half):
        with pytest.raises(
            GanzooError, match=r"has other (in|out)puts than its header promises|is refused by"
        ) as caught:
            Sampler(saved(model, folder / "x.onnx"))
        assert "\n" not in str(caught.value)


def test_samples_of_another_shape_than_promised_are_refused(folder: Path) -> None:
    model = tiny()
    model.graph.node[-1].output[0] = "once"
    model.graph.node.append(helper.make_node("Concat", ["once", "once"], ["samples"], axis=0))
    model.graph.output[0].type.tensor_type.shape.dim[0].dim_param = "twice"
    sampler = Sampler(saved(model, folder / "x.onnx"), threads=1)
    with pytest.raises(GanzooError, match=r"makes samples of shape \(4, 1, 4, 6\) where its header promises \(2, 1,"):
        sampler.draw(2)


def test_what_fails_when_it_runs_is_one_line(folder: Path) -> None:
    model = tiny(num_classes=3)
    describe(model, json.dumps(HEADER | {"num_classes": 5}))
    sampler = Sampler(saved(model, folder / "x.onnx"), threads=1)
    with pytest.raises(GanzooError, match=r"x\.onnx cannot be run: ") as caught:
        sampler.draw(5)
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
        self.works = [runtime._NAMES[name] for name in works.split()]
        module = SimpleNamespace(
            get_available_providers=lambda: [runtime._NAMES[name] for name in built.split()],
            SessionOptions=lambda: SimpleNamespace(add_session_config_entry=lambda key, value: None),
            set_default_logger_severity=lambda severity: setattr(self, "severity", severity),
            preload_dlls=self.preload,
            InferenceSession=self.session,
        )
        monkeypatch.setitem(sys.modules, "onnxruntime", module)
        monkeypatch.setattr(runtime, "_auto", lambda: ("cuda", "cpu") if driver else ("cpu",))
        monkeypatch.setattr(runtime, "_installed", lambda: ["onnxruntime"])

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
def test_a_provider_that_is_asked_for_and_not_in_use_is_an_error(
    path: Path, monkeypatch: pytest.MonkeyPatch, built: str, wanted: Any, message: str
) -> None:
    Machine(monkeypatch, built, "cpu")
    with pytest.raises(GanzooError, match=message):
        Sampler(path, providers=wanted)


def test_a_provider_that_fails_outright_is_passed_over_by_auto_alone(
    path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    Machine(monkeypatch, "cuda cpu", "cpu").fails = ["CUDAExecutionProvider"]
    assert Sampler(path).provider == "cpu"
    with pytest.raises(GanzooError, match=r"is refused by onnxruntime: CUDA failure 35: the driver is too old$"):
        Sampler(path, providers="cuda")
    assert capfd.readouterr() == ("", "")


def test_two_onnxruntimes_over_each_other_are_told_with_the_cure(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    Sampler(path)
    assert not caplog.messages
    monkeypatch.setattr(runtime, "_installed", lambda: ["onnxruntime", "onnxruntime-gpu"])
    Sampler(path)
    (line,) = caplog.messages
    assert line == (
        "onnxruntime and onnxruntime-gpu are installed over each other; run: "
        "pip uninstall onnxruntime onnxruntime-gpu; "
        "then one of pip install 'ganzoo-kit[sample]' (CPU) or 'ganzoo-kit[gpu]'"
    )
    monkeypatch.setitem(sys.modules, "onnxruntime", SimpleNamespace())
    with pytest.raises(GanzooError, match="onnxruntime is a hollow module here; run: pip uninstall onnxruntime onnx"):
        Sampler(path)


@pytest.mark.parametrize("threads", [0, -1])
def test_a_number_of_threads_that_runs_nothing_is_refused(path: Path, threads: int) -> None:
    with pytest.raises(GanzooError, match=f"{threads} threads run nothing; give at least 1, or leave threads out"):
        Sampler(path, threads=threads)


# Fixed places


@pytest.mark.parametrize(
    "changes", [{}, {"num_classes": 3}, {"condition_dim": 2, "shape": [5], "range": None}, {"uint8": True}]
)
def test_batches_at_fixed_places_make_the_same(folder: Path, changes: dict[str, Any]) -> None:
    """What CUDA graphs need, on the device that every machine has."""
    sampler = Sampler(saved(tiny(**changes), folder / "x.onnx"), threads=1)
    count = 300
    told = {"conditions": latents(range(count), 2)} if "condition_dim" in changes else {}
    expected = sampler.draw(count, **told)
    sampler._bound = Bound(sampler._session, "cpu", sampler._shape, sampler._dtype)
    made = sampler.draw(count, **told)
    assert made.dtype == expected.dtype
    np.testing.assert_allclose(made, expected, atol=1e-6)
    few = {name: values[:3] for name, values in told.items()}
    first = sampler.draw(3, **few)
    again = sampler.draw(seeds=[9, 8, 7], **few)
    assert not np.allclose(first, again), "a batch is not overwritten by the next one, nor is it the last one's"
    np.testing.assert_allclose(first, expected[:3], atol=1e-6)
    assert {*sampler._bound._places} == {4, 64, 256}, "the places of 3, 300 - 256 and 256"


def test_fixed_places_serve_many_threads(path: Path) -> None:
    sampler = Sampler(path, threads=1)
    expected = sampler.draw(200)
    sampler._bound = Bound(sampler._session, "cpu", sampler._shape, sampler._dtype)
    with ThreadPoolExecutor(8) as pool:
        for seed, sample in enumerate(pool.map(lambda seed: sampler.sample([seed]), range(200))):
            np.testing.assert_allclose(sample[0], expected[seed], atol=1e-6)


def test_graphs_are_asked_of_cuda_alone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_sampler_imports_numpy_and_onnxruntime_alone(path: Path) -> None:
    code = """
import sys, ganzoo
assert not {"numpy", "onnxruntime"} & set(sys.modules)
ganzoo.Sampler(sys.argv[1]).draw(2)
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
    assert done.stdout == ("this needs onnxruntime, which is not installed; run: pip install 'ganzoo-kit[sample]'\n")


def test_the_package_has_no_other_lazy_names() -> None:
    assert ganzoo.Sampler is Sampler
    with pytest.raises(AttributeError, match="module 'ganzoo' has no attribute 'sampler'"):
        _ = ganzoo.sampler
