"""Metadata that are wrong or too large: each command refuses the file with one bounded line and exit code 2."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx
import pytest
from click.testing import CliRunner, Result
from safetensors import safe_open
from safetensors.numpy import save_file

from ganzoo.cli import main
from ganzoo.generators import pretrained
from tests.support.onnx_files import describe

SECONDS = 20
Change = Callable[[dict[str, Any]], object]


def changed(**values: Any) -> Change:
    return lambda metadata: metadata.update(values)


def without(*names: str) -> Change:
    return lambda metadata: [metadata.pop(name) for name in names]


def setting(key: str, value: Any) -> Change:
    return lambda metadata: metadata["settings"].update({key: value})


def data(**values: Any) -> Change:
    return lambda metadata: metadata["data"].update(values)


def many_parents(metadata: dict[str, Any]) -> None:
    """A chain of 1,500 parents, each a GAN that is installed."""
    for depth in range(1, 1500):
        metadata["settings"]["parent." * depth + "parent"] = "privileged-parent-cnn"


def parents_of_a_gan(metadata: dict[str, Any]) -> None:
    for depth in range(60):
        metadata["settings"]["parent." * depth + "parent"] = "privileged-parent-cnn"


SPOILED: dict[str, Change] = {
    "no range": without("range"),
    "a range of texts": changed(range=["-1", "1"]),
    "a range that is too long": changed(range=[-1.0, 1.0] * 1000),
    "200,000 layers": setting("generator.widths", [1] * 200_000),
    "200,000 layers as a text": setting("generator.widths", "1," * 200_000 + "1"),
    "layers in layers": setting("generator.widths", [[[1]]]),
    "a layer that is too wide": setting("generator.widths", [2**40]),
    "no layers": setting("generator.widths", None),
    "1,500 parents": many_parents,
    "60 parents": parents_of_a_gan,
    "100,000 settings": lambda metadata: metadata["settings"].update({f"loop.a{n}": 1 for n in range(100_000)}),
    "a setting that is no number": setting("loop.latent_dim", float("nan")),
    "an infinite decay": setting("loop.ema", float("inf")),
    "a setting with 400 digits": setting("loop.latent_dim", 10**400),
    "a generator that is no text": setting("generator", ["dense"]),
    "a generator with a long name": setting("generator", "x" * 150_000),
    "a setting with a long name": setting("x" * 150_000, 1),
    "settings that are a list": changed(settings=[]),
    "negative iterations": changed(iterations=-5),
    "half an iteration": changed(iterations=0.5),
    "too many iterations": changed(iterations=10**30),
    "a seed that is nan": changed(seed=float("nan")),
    "a seed that is a text": changed(seed="0"),
    "a seed with 400 digits": changed(seed=10**400),
    "classes that are numbers": data(classes=[1, 2]),
    "classes that are a text": data(classes="ab"),
    "a class with a long name": data(classes=["x" * 150_000]),
    "a million classes": data(classes=["x"] * 200_000),
    "a data set that is no text": data(name=7),
    "a data set with a long name": data(name="x" * 150_000),
    "data that are a list": changed(data=[]),
    "no shape": without("shape"),
    "a shape of zeros": changed(shape=[0, 0, 0]),
    "a shape that is too large": changed(shape=[2**20, 2**20, 2**20]),
    "a shape of truths": changed(shape=[True, True, True]),
    "latents that are too long": changed(latent_dim=2**26),
    "negative latents": changed(latent_dim=-1),
    "other latents": changed(latent_dim=3),
    "too many classes to draw": changed(num_classes=2**26),
    "conditions that are too long": changed(condition_dim=2**26),
    "an unknown distribution": changed(distribution=["normal"]),
    "no GAN": without("gan"),
    "a GAN that is no text": changed(gan={}),
    "a GAN with a line break": changed(gan="x\n\x1b[31m"),
    "a GAN that is not installed": changed(gan="x" * 500),
    "a version that is no text": changed(torch=3),
    "no format": without("format"),
    "a format with 400 digits": changed(format=10**400),
}
WEIGHTS_ONLY = {  # an ONNX file is sampled without its settings, which are only shown, and without installed GANs
    "a layer that is too wide", "no layers", "an infinite decay", "a GAN that is not installed",
}  # fmt: skip


@contextmanager
def time_limit() -> Iterator[None]:
    def expire(*_: object) -> None:
        raise TimeoutError(f"more than {SECONDS} s")

    before = signal.signal(signal.SIGALRM, expire)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def run(*arguments: str) -> Result:
    with time_limit():
        return CliRunner().invoke(main, arguments)


def assert_refused(result: Result) -> None:
    assert result.exit_code == 2, (result.output[-500:], result.exception)
    assert isinstance(result.exception, SystemExit)
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1
    assert result.stderr.endswith(f"{errors[0]}\n")
    assert len(errors[0]) <= 1100
    assert errors[0].isprintable()


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Copies of a small generator as weights, as an exported file and in a run folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    entry = pretrained.index()["dcgan"]
    for target, kind in (
        ("x.safetensors", "safetensors"),
        ("x.onnx", "onnx"),
        ("run/weights.safetensors", "safetensors"),
    ):
        shutil.copy(entry.path(kind), tmp_path / target)
    return {"safetensors": tmp_path / "x.safetensors", "onnx": tmp_path / "x.onnx", "run": tmp_path / "run"}


def spoil_weights(path: Path, change: Change | str) -> None:
    with safe_open(path, "np") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        metadata = json.loads(file.metadata()["ganzoo"])
    if callable(change):
        change(metadata)
    save_file(tensors, path, {"ganzoo": change if isinstance(change, str) else json.dumps(metadata)})


def spoil_onnx(path: Path, change: Change | str) -> None:
    proto = onnx.load(path)
    metadata = json.loads(proto.metadata_props[0].value)
    if callable(change):
        change(metadata)
    describe(proto, change if isinstance(change, str) else metadata)
    path.write_bytes(proto.SerializeToString())


def commands(path: Path) -> list[tuple[str, ...]]:
    out = str(path.with_name("out.png"))
    found = [("sample", str(path), "-n", "2", "-o", out), ("evaluate", str(path), "--data", "mnist-10k")]
    if path.suffix == ".onnx":
        return [*found, ("show", str(path)), ("export", str(path), "--verify-only")]
    return [*found, ("show", str(path)), ("export", str(path), "-o", str(path.with_name("out.onnx")))]


@pytest.mark.parametrize("name", SPOILED)
def test_weights_are_refused(name: str, shipped: dict[str, Path]) -> None:
    for path in (shipped["safetensors"], shipped["run"]):
        spoil_weights(path / "weights.safetensors" if path.is_dir() else path, SPOILED[name])
        for arguments in commands(path):
            result = run(*arguments)
            if arguments[0] == "show" and result.exit_code == 0:  # what can be shown in bounds may be shown
                assert name in {*WEIGHTS_ONLY, "other latents"}
                assert all(line.isprintable() for line in result.output.splitlines())
                continue
            assert_refused(result)


@pytest.mark.parametrize("name", SPOILED.keys() - WEIGHTS_ONLY)
def test_exported_files_are_refused(name: str, shipped: dict[str, Path]) -> None:
    spoil_onnx(shipped["onnx"], SPOILED[name])
    for arguments in commands(shipped["onnx"]):
        assert_refused(run(*arguments))


@pytest.mark.parametrize(
    "text", ["", "[", "[]", "null", "[" * 100_000, '{"a":' * 5_000, "9" * 5_000, '{"x": "' + "y" * 2**21]
)
def test_metadata_that_are_no_json_object(text: str, shipped: dict[str, Path]) -> None:
    spoil_weights(shipped["safetensors"], text)
    spoil_onnx(shipped["onnx"], text)
    for path in (shipped["safetensors"], shipped["onnx"]):
        for arguments in commands(path):
            assert_refused(run(*arguments))


@pytest.mark.parametrize("size", [0, 7, 8, 100, 10_000])
def test_damaged_headers_are_not_echoed(size: int, shipped: dict[str, Path]) -> None:
    content = shipped["safetensors"].read_bytes()
    damaged = content[:size] if size < 8 else content[:8] + b'{"x\x1b\n' + b"a" * (len(content) - 8)
    shipped["safetensors"].write_bytes(damaged)
    for arguments in commands(shipped["safetensors"]):
        assert_refused(run(*arguments))


RECORDS = [
    "", "[]", "3", "null", "[" * 100_000, '{"gan": 3}', '{"gan": {}}', '{"gan": "' + "x" * 2**21, b"\xff\xfe\x00",
    json.dumps({"gan": "nobody"}),
    json.dumps({"gan": "dcgan", "seed": float("nan"), "settings": {"loop.iterations": -5}}),
]  # fmt: skip


@pytest.mark.parametrize("record", RECORDS)
def test_damaged_records_of_runs(record: str | bytes, shipped: dict[str, Path]) -> None:
    """The weights of a run are read without its record, and a search among runs passes over damaged ones."""
    runs = Path("runs")
    runs.mkdir()
    shipped["run"].rename(runs / "broken")
    (runs / "broken" / "run.json").write_bytes(record if isinstance(record, bytes) else record.encode())
    result = run("show", str(runs / "broken"))
    if result.exit_code:
        assert_refused(result)
    (runs / "unreadable").mkdir()
    (runs / "unreadable" / "run.json").mkdir()
    assert_refused(run("sample", "nothing-of-this-name"))
    with time_limit():
        from ganzoo.generators.locate import find

        assert find("dcgan").is_file()
