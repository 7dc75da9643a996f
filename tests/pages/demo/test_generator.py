"""``generator.js`` in Node, with generators that make images from images, beside ``Sampler``."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ganzoo
from ganzoo.generators.onnx_reader import read
from ganzoo.pages import demo
from tests.examples.test_node import NODE, modules
from tests.pages.demo.conftest import Made
from tests.pages.demo.translators import KINDS, as_given, exported, picture
from tests.support.translation import pictures

Node = Callable[..., Any]

START = """
import * as ort from "onnxruntime-node";
import { readFileSync } from "node:fs";
import { Generator, condition, pixels } from "./model/generator.js";

const metadata = JSON.parse(readFileSync("model/model.json", "utf8"));
const generator = new Generator(ort, await ort.InferenceSession.create("model/model.onnx"), metadata);
const given = JSON.parse(readFileSync(0, "utf8"));
const plain = ({ data, dims }) => ({ data: Array.from(data), dims });
const shown = ({ width, height, rgba }) => ({ data: Array.from(rgba), dims: [height, width, 4] });
const attempt = async (run) => {
  try { return await run(); } catch (error) { return [error.name, error.message]; }
};
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The file of a kind of generator, which is made once."""
    folder, made = tmp_path_factory.mktemp("models"), dict[str, Path]()
    return lambda kind: made.get(kind) or made.setdefault(kind, exported(kind, folder))


@pytest.fixture
def node(tmp_path: Path) -> Node:
    """Runs a script in Node beside the parts of a generator; returns the value of an expression, by way of JSON."""
    (tmp_path / "node_modules").symlink_to(modules())

    def run(model: Path, expression: str, given: Any = None) -> Any:
        (tmp_path / "model").mkdir(exist_ok=True)
        for name, content in demo.parts(*read(model)).items():
            (tmp_path / "model" / name).write_bytes(content)
        (tmp_path / "app.mjs").write_text(f"{START}\nconsole.log(JSON.stringify(await ({expression})));\n")
        command = [str(NODE), "app.mjs"]
        done = subprocess.run(
            command, cwd=tmp_path, input=json.dumps(given), capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def array(values: dict[str, Any]) -> np.ndarray:
    return np.array(values["data"]).reshape(values["dims"])


@pytest.mark.parametrize("opaque", [True, False])
@pytest.mark.parametrize(
    ("kind", "sides"), [(kind, (16, 16)) for kind in KINDS] + [("outlines", (23, 9)), ("larger", (5, 12))]
)
def test_a_picture_from_a_picture_as_in_python(
    node: Node, files: Callable[[str], Path], kind: str, sides: tuple[int, int], opaque: bool
) -> None:
    model, image = files(kind), picture(*sides, opaque=opaque)
    options: dict[str, Any] = {"seed": 5, "label": 2} if kind == "mixture" else {}
    settings: dict[str, Any] = {"psi": 0.5} if kind == "mixture" else {}
    sampler = ganzoo.Sampler(model, threads=1)
    given = as_given(image, sampler.metadata.condition_image[0])
    expected = sampler.translate(given, **options, **settings)
    pixels = {"width": image.width, "height": image.height, "data": np.asarray(image).ravel().tolist()}
    made = node(
        model,
        "generator.translate({ ...given.picture, data: Uint8ClampedArray.from(given.picture.data) }, given.options)"
        ".then(shown)",
        {"picture": pixels, "options": {**options, "settings": settings}},
    )
    assert np.abs(array(made)[..., :3] - expected).max() <= 2
    assert array(made)[..., 3].min() == 255


def test_several_images_in_parts_as_in_python(node: Node, files: Callable[[str], Path]) -> None:
    """More and larger images than those of one forward pass; and one image for all seeds."""
    model, images = files("outlines"), pictures(9, (1, 48, 40), 3) / np.float32(127.5) - 1
    sampler = ganzoo.Sampler(model, threads=1)
    expression = (
        "generator.run(new Float32Array(0), { conditions: Float32Array.from(given), size: [48, 40] }).then(plain)"
    )
    made = node(model, expression, images.ravel().tolist())
    np.testing.assert_allclose(array(made), sampler.sample(9, conditions=images), atol=1e-5)
    expression = "generator.sample([1, 2, 3], { conditions: Float32Array.from(given), size: [48, 40] }).then(plain)"
    made = node(model, expression, images[0].ravel().tolist())
    np.testing.assert_allclose(array(made), sampler.sample(3, conditions=images[:1].repeat(3, 0)), atol=1e-5)


def test_latents_labels_images_and_settings_come_together(node: Node, files: Callable[[str], Path]) -> None:
    model, images = files("mixture"), pictures(70, (1, 16, 16), 4) / np.float32(127.5) - 1
    sampler, seeds = ganzoo.Sampler(model, threads=1), list(range(70))
    labels = [(2 * seed) % 3 for seed in seeds]
    expression = """(async () => {
      const z = Float32Array.from(given.z);
      const conditions = Float32Array.from(given.images);
      const { labels, settings } = given;
      return [
        plain(await generator.run(z, { labels, conditions, size: [16, 16], settings })),
        plain(await generator.run(z, { labels: Int32Array.from(labels), conditions })),
        plain(await generator.sample(given.seeds, { conditions })),
      ];
    })()"""
    z = sampler.latents(seeds)
    sent = {"z": z.ravel().tolist(), "images": images.ravel().tolist(), "labels": labels, "seeds": seeds}
    chosen, usual, in_turn = map(array, node(model, expression, sent | {"settings": {"psi": 0.25}}))
    expected = sampler.with_settings(psi=0.25).decode(z, labels=labels, conditions=images)
    np.testing.assert_allclose(chosen, expected, atol=1e-5)
    np.testing.assert_allclose(usual, sampler.decode(z, labels=labels, conditions=images), atol=1e-5)
    np.testing.assert_allclose(in_turn, sampler.sample(seeds, conditions=images), atol=1e-5)


def refusals(node: Node, model: Path, calls: dict[str, str]) -> None:
    """Each call is refused with one sentence that has this in it."""
    found = node(model, f"Promise.all([{', '.join(f'attempt(() => {call})' for call in calls)}])")
    for call, message, (name, text) in zip(calls, calls.values(), found, strict=True):
        assert name == "RangeError", (call, text)
        assert message in text
        assert "\n" not in text


NONE = "new Float32Array(0)"
IMAGE = "new Float32Array(256)"
PICTURE = "{ width: 16, height: 16, data: new Uint8ClampedArray(1024) }"


def test_wrong_images_are_refused(node: Node, files: Callable[[str], Path]) -> None:
    calls = {
        f"generator.run({NONE})": "no conditions do not fit 1 samples; give 1 * 16 * 16 values for all",
        f"generator.run({NONE}, {{ conditions: new Float32Array(255) }})": "255 conditions do not fit 1 samples",
        f"generator.run({NONE}, {{ conditions: new Float32Array(300) }})": "300 conditions do not fit 1 samples",
        f"generator.run({NONE}, {{ conditions: {IMAGE}, size: [8, 9] }})": "256 conditions do not fit 3 samples",
        f"generator.run({NONE}, {{ conditions: {IMAGE}, size: [16] }})": "size [16] is not [height, width]",
        f"generator.run({NONE}, {{ conditions: {IMAGE}, size: [0, 9] }})": "size [0,9] is not [height, width]",
        f"generator.run({NONE}, {{ conditions: new Uint8Array(256) }})": "bytes are no conditions",
        f"generator.run({NONE}, {{ conditions: {IMAGE}.fill(NaN) }})": "conditions[0] is NaN, which is not a",
        f"generator.run({IMAGE}, {{ conditions: {IMAGE} }})": "translation takes no latents, and got 256 values",
        f"generator.run(undefined, {{ conditions: {IMAGE} }})": "undefined are no latents; give a Float32Array",
        f"generator.run({NONE}, {{ conditions: {IMAGE}, labels: 1 }})": "translation is not class-conditional",
        f"generator.run({NONE}, {{ conditions: {IMAGE}, label: 1 }})": "there is no option 'label'; there are: labels",
        f"generator.run({NONE}, {{ conditions: {IMAGE}, settings: {{ psi: 1 }} }})": "'psi' of sampling; it has: none",
        f"generator.sample([], {{ conditions: {IMAGE} }})": "there is nothing to sample",
        f"generator.sample([-1], {{ conditions: {IMAGE} }})": "-1 is not a seed",
        f"generator.translate({PICTURE}, {{ seed: 3 }})": "takes no latents, so a seed changes nothing; leave it out",
        f"generator.translate({PICTURE}, {{ labels: 3 }})": "no option 'labels'; there are: seed, label, settings",
        f"generator.translate({PICTURE}, {{ label: 3 }})": "translation is not class-conditional",
        "generator.translate({ width: 16, height: 15, data: new Uint8Array(1024) })": "not 1024 values for 16×15",
        "generator.translate({ width: 16, height: 16 })": "not no values for 16×16",
        "generator.translate({ width: 0, height: 0, data: new Uint8Array(0) })": "not 0 values for 0×0",
        "generator.translate({ width: 8, height: 8, data: new Float32Array(256) })": "a picture has 4 bytes for each",
    }
    refusals(node, files("outlines"), calls)


def test_wrong_inputs_of_several_kinds_are_refused(node: Node, files: Callable[[str], Path]) -> None:
    z = "new Float32Array(4)"
    calls = {
        f"generator.run({z}, {{ conditions: {IMAGE}, size: [8, 32] }})": "takes images of size [16, 16], not [8, 32]",
        f"generator.run({z}, {{ conditions: {IMAGE}, labels: 3 }})": "label 3 is out of range; the classes are 0..2",
        f"generator.run({z}, {{ conditions: {IMAGE}, labels: [1, 2, 0] }})": "3 labels do not fit 2 samples",
        f"generator.run({z}, {{ conditions: {IMAGE}, settings: {{ phi: 1 }} }})": "'phi' of sampling; it has: psi",
        f"generator.run({z}, {{ conditions: {IMAGE}, settings: {{ psi: '1' }} }})": "psi=1 is not a finite number",
        f"generator.run({z}, {{ conditions: {IMAGE}, settings: {{ psi: NaN }} }})": "psi=NaN is not a finite number",
        f"generator.run(new Float32Array(3), {{ conditions: {IMAGE} }})": "3 values are no latents",
        f"generator.run({z}.fill(Infinity), {{ conditions: {IMAGE} }})": "latents[0] is Infinity",
        "generator.translate({ width: 8, height: 8, data: new Uint8Array(256) })": "16×16 pixels, not 8×8; scale it",
    }
    refusals(node, files("mixture"), calls)


def test_what_other_generators_refuse(node: Node, made: Made) -> None:
    z = "new Float32Array(8)"
    calls = {
        f"generator.run({z}, {{ conditions: [1] }})": "tiny takes no conditions; leave them out",
        f"generator.run({z}, {{ size: [4, 6] }})": "tiny makes no images from images; leave out the size",
        f"generator.translate({PICTURE})": "tiny makes no images from images; give seeds or latents",
        "new Generator(ort, null, { ...metadata, entry: 'generator.encode' })": "holds generator.encode",
    }
    refusals(node, made(), calls)
    calls = {f"generator.run({z}, {{ conditions: [1, NaN] }})": "conditions[1] is NaN"}
    refusals(node, made(shape=[2], range=None, condition_dim=2), calls)
