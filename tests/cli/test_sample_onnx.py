"""``ganzoo sample`` and ``ganzoo show`` with exported files."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ganzoo.generators.latents import latents
from ganzoo.generators.onnx_session import Sampler
from tests.support import open_picture, python
from tests.support.onnx_files import LATENT, saved, tiny

Text = Callable[[str], str]


@pytest.fixture(autouse=True)
def files(empty_folder: Path) -> None:
    saved(tiny(), Path("tiny.onnx"))
    saved(tiny(num_classes=3), Path("cgan.onnx"))
    saved(tiny(uint8=True, shape=[3, 4, 6]), Path("bytes.onnx"))
    saved(tiny(shape=[2], range=None, data={"name": "ring8", "classes": []}), Path("ring.onnx"))
    saved(
        tiny(condition_dim=4, shape=[1], range=None, data={"name": "friedman2", "classes": []}), Path("regression.onnx")
    )


def arrays(path: str) -> dict[str, np.ndarray]:
    with np.load(path) as file:
        return dict(file)


def test_arrays_are_those_of_the_sampler(ganzoo: Text) -> None:
    assert ganzoo("sample cgan.onnx --seeds 7,3 --out x.npz") == "2 samples of tiny (cgan.onnx) in x.npz\n"
    found = arrays("x.npz")
    assert (found["seeds"].tolist(), found["labels"].tolist()) == ([7, 3], [0, 1])
    np.testing.assert_array_equal(found["images"], Sampler("cgan.onnx").sample([7, 3]))
    ganzoo("sample cgan.onnx --label 2 -n 4 --out y.npz")
    np.testing.assert_array_equal(arrays("y.npz")["images"], Sampler("cgan.onnx").sample(4, labels=2))


def test_pictures(ganzoo: Text) -> None:
    ganzoo("sample tiny.onnx -n 4")
    ganzoo("sample bytes.onnx -n 4 --out bytes.png")
    ganzoo("sample cgan.onnx --out classes.png")
    ganzoo("sample ring.onnx -n 20 --out ring.png")
    sizes = {name: (open_picture(f"{name}.png").mode, open_picture(f"{name}.png").size) for name in ("tiny", "bytes")}
    assert sizes == {"tiny": ("L", (198, 134)), "bytes": ("RGB", (198, 134))}
    tile = 2 + 6 * 16
    assert open_picture("classes.png").size == (2 + 3 * tile, 2 + 8 * (2 + 4 * 16)), "one column for each class"
    assert open_picture("ring.png").size == (512, 512)


def test_single_pictures(ganzoo: Text) -> None:
    ganzoo("sample cgan.onnx --seeds 7,12 --out there")
    assert sorted(path.name for path in Path("there").iterdir()) == [
        "seed-000007-label-0.png",
        "seed-000012-label-1.png",
    ]
    ganzoo("sample bytes.onnx --seeds 5 --out bytes")
    assert np.array_equal(np.asarray(open_picture("bytes/seed-000005.png")), Sampler("bytes.onnx").sample([5])[0])


def test_interpolation_goes_from_seed_to_seed(ganzoo: Text) -> None:
    ganzoo("sample tiny.onnx --interpolate 3 8 --out way.npz")
    way = arrays("way.npz")
    assert set(way) == {"images", "latents"}
    np.testing.assert_array_equal(way["latents"][[0, -1]], latents([3, 8], LATENT))
    np.testing.assert_allclose(way["images"][[0, -1]], Sampler("tiny.onnx").sample([3, 8]), atol=1e-6)
    ganzoo("sample tiny.onnx --interpolate 3 8 -n 4 --out steps")
    assert sorted(path.name for path in Path("steps").iterdir()) == [f"step-00000{index}.png" for index in range(4)]
    ganzoo("sample tiny.onnx --interpolate 3 8 --out way.png")
    assert open_picture("way.png").size == (2 + 10 * 98, 2 + 66), "in one row"


def test_interpolation_of_a_conditional_gan_has_a_row_for_each_class(ganzoo: Text) -> None:
    ganzoo("sample cgan.onnx --interpolate 3 8 -n 5 --out way.npz")
    way = arrays("way.npz")
    assert way["labels"].tolist() == [0] * 5 + [1] * 5 + [2] * 5
    np.testing.assert_array_equal(way["latents"][:5], way["latents"][5:10])
    ganzoo("sample cgan.onnx --interpolate 3 8 -n 5 --out way.png")
    assert open_picture("way.png").size == (2 + 5 * 98, 2 + 3 * 66)
    ganzoo("sample cgan.onnx --interpolate 3 8 -n 5 --label 1 --out one.npz")
    np.testing.assert_allclose(arrays("one.npz")["images"], way["images"][5:10], atol=1e-6)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("none.onnx", "there is no file none.onnx"),
        ("tiny.onnx --stage parent", "tiny.onnx holds one generator; leave out --stage"),
        ("tiny.onnx --stage child", "tiny.onnx holds one generator; leave out --stage"),
        ("tiny.onnx --provider gpu", "no provider named 'gpu'; choose one of auto, cpu, cuda, tensorrt"),
        ("tiny.onnx --label 1", "tiny is not class-conditional"),
        ("cgan.onnx --label 3", "label 3 is out of range; tiny has 0..2"),
        ("tiny.onnx --seeds 1 --interpolate 3 8", "leave out one of --seeds and --interpolate"),
        ("tiny.onnx -n 1 --interpolate 3 8", "ask for at least 2 samples instead of 1"),
        ("tiny.onnx --interpolate 3 -8", "-8 is not a seed"),
        ("regression.onnx --interpolate 3 8", "tiny makes samples from conditions; leave out --interpolate"),
        ("ring.onnx --out x", "tiny makes vectors, not images; --out takes x.npz"),
        (
            "tiny.onnx -n 10000000",
            "a picture has at most 10,000 samples, not 10,000,000; ask for fewer, or name",
        ),
        ("tiny.onnx --interpolate 3 8 -n 10001 --out x.npz", "an interpolation has at most 10,000 samples, not 10,001"),
        ("tiny.onnx -n 10000000 --out none/x.npz", "cannot write none/x.npz: No such file or directory; choose a fold"),
        ("tiny.onnx --out none/x.png", "cannot write none/x.png: No such file or directory; choose a folder"),
        ("tiny.onnx --data ring8", "--data is for plots of vectors and for regression inputs; leave it out"),
        ("simple --provider cpu", "--provider is for ONNX files; leave it out, or export simple first"),
    ],
)
def test_what_cannot_be_sampled_is_one_line(refused: Text, line: str, message: str) -> None:
    before = set(Path().iterdir())
    assert message in refused(f"sample {line}")
    assert set(Path().iterdir()) == before


@pytest.mark.parametrize("target", ["x.npz", "pictures"])
def test_many_samples_are_never_in_memory_at_once(ganzoo: Text, target: str) -> None:
    saved(tiny(shape=[3, 64, 64]), Path("large.onnx"))
    tracemalloc.start()
    ganzoo(f"sample large.onnx -n 400 --out {target}")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 400 * 3 * 64 * 64 * 4 / 2


def test_nothing_is_computed_for_a_target_that_cannot_be_written(
    refused: Text, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Sampler, "run", lambda *_: pytest.fail("samples were made"))
    for target in ("none/x.npz", "none/x.png", "/dev/null/x"):
        assert f"cannot write{' in' * (target[0] == '/')} {target}" in refused(f"sample tiny.onnx --out {target}")


def test_inputs_of_a_regression_come_from_its_data(ganzoo: Text) -> None:
    ganzoo("sample regression.onnx -n 5 --out x.npz")
    found = arrays("x.npz")
    assert (found["conditions"].shape, found["images"].shape) == ((5, 4), (5, 1))


def test_an_exported_generator_makes_the_picture_of_its_weights(ganzoo: Text, runs: Path) -> None:
    from ganzoo import load
    from ganzoo.export import export

    export(load(runs / "cgan"), "exported.onnx")
    ganzoo("sample exported.onnx --out exported.png")
    ganzoo(f"sample {runs / 'cgan'} --out weights.png")
    exported, weights = (np.asarray(open_picture(f"{name}.png"), int) for name in ("exported", "weights"))
    assert np.abs(exported - weights).max() <= 1


def test_the_provider_can_be_named(ganzoo: Text) -> None:
    ganzoo("sample tiny.onnx --provider cpu -n 2 --out x.npz")


def test_show_says_what_a_file_is(ganzoo: Text, refused: Text) -> None:
    lines = dict(line.split(maxsplit=1) for line in ganzoo("show bytes.onnx").splitlines() if len(line.split()) > 1)
    size = Path("bytes.onnx").stat().st_size
    assert lines["file"] == f"bytes.onnx ({size:,} bytes)"
    assert (lines["gan"], lines["shape"], lines["output"]) == ("tiny", "3,4,6", "uint8 (N, 4, 6, 3) NHWC")
    assert refused("show none.onnx") == "there is no file none.onnx"


def test_neither_imports_torch() -> None:
    code = """
import sys
from ganzoo.cli import main
for line in sys.argv[1:]:
    try:
        main(line.split(), prog_name="ganzoo")
    except SystemExit as done:
        assert not done.code
print(sorted({"torch", "onnx", "safetensors", "ganzoo.data"} & set(sys.modules)))
"""
    done = python(code, "show cgan.onnx", "sample cgan.onnx --out x.png", "sample tiny.onnx --out pictures")
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_weights_are_interpolated_too(ganzoo: Text, runs: Path) -> None:
    for name, rows in (("simple", 1), ("cgan", 10)):
        ganzoo(f"sample {runs / name} --interpolate 3 8 -n 5 --out {name}.npz")
        assert arrays(f"{name}.npz")["images"].shape == (5 * rows, 1, 28, 28)
    ganzoo(f"sample {runs / 'child'} --interpolate 3 8 -n 5 --out child.png")
    one = 12 + 28 * 3 * 2 + 2
    assert open_picture("child.png").size == (12 + 5 * one, 24 + 28 * 3), "next to the parent's"
