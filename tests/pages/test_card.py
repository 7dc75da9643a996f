"""Model cards: the metadata is YAML, and texts from a file stay text."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ganzoo.generators.metadata import DataMetadata, Metadata
from ganzoo.pages.card import MARK, card, code, hub_metadata, licence, plain, write, yaml
from ganzoo.util.errors import GanzooError
from tests.support import python
from tests.support.run_folders import HOSTILE, METADATA


def metadata(**changes: Any) -> Metadata:
    return Metadata.from_json({**METADATA, **changes}, "x.safetensors")


def data(**changes: Any) -> dict[str, Any]:
    return {"data": {"name": "mnist-10k", "classes": [], **changes}}


def test_a_card_describes_its_generator() -> None:
    scores = [("fd", "3.5"), ("who", "LeNet")]
    text = card(metadata(), "weights.safetensors", command="ganzoo train cgan", scores=scores, picture="a b.png")
    for words in (
        MARK,
        "# cgan on mnist-10k",
        "images of 8×8 pixels, grey, from latents of length 4 (normal) and one of 2 class labels.",
        "The classes, from label 0: a, b.",
        "![Uncurated samples of cgan](a%20b.png)",
        "ganzoo sample weights.safetensors --label 0 -n 64 --out samples.png",
        'ganzoo.load("weights.safetensors")',
        "| `loop.iterations` | `40` |",
        "ganzoo train cgan\n",
        "| `fd` | `3.5` |",
        "## Limits",
        "which has the licence: CC BY-SA 3.0, (c) somebody.",
        "Mirza &amp; Osindero, 2014, arXiv:1411.1784: <https://arxiv.org/abs/1411.1784>",
    ):
        assert words in text, words


def test_an_exported_file_of_an_unknown_gan() -> None:
    text = card(metadata(gan="unknown-to-us", num_classes=0, **data()), "its file.onnx")
    assert "pip install 'ganzoo-kit[sample]'\nganzoo sample 'its file.onnx' -n 64 --out samples.png" in text
    assert 'ganzoo.Sampler("its file.onnx")' in text
    assert "No paper is recorded for this GAN." in text
    assert "whose licence is not recorded in this file" in text
    assert "Not evaluated yet." in text


@pytest.mark.parametrize(
    ("changes", "command", "python"),
    [
        (
            {"free": True},
            "ganzoo sample x.onnx --input given.png --out made.png",
            'np.asarray(Image.open("given.png").convert("L"))\nmade = ganzoo.Sampler("x.onnx").translate(given)\n',
        ),
        (
            {"num_classes": 2, "condition_image": [3, 8, 12]},
            "ganzoo sample x.onnx --input given.png --label 0 --out made.png",
            '.convert("RGB").resize((12, 8)))\nmade = ganzoo.Sampler("x.onnx").translate(given, label=0)\n',
        ),
        (
            {"condition_image": [2, 8, 12], "shape": [5, 8, 8]},
            "ganzoo sample x.onnx --input given.tif --out made.tif",
            "given = np.zeros((8, 12, 2), np.uint8)\nmade",
        ),
    ],
)
def test_a_generator_of_images_from_images(changes: dict[str, Any], command: str, python: str) -> None:
    image = {"condition_image": [1, 4, 4], "latent_dim": 0, "num_classes": 0}
    fields = metadata(**image | changes)
    text = card(fields, "x.onnx")
    assert f"{command}\n```" in text
    assert python in text
    assert "The same one always gives the same" in text
    assert "What the given image leaves open is invented" in text
    assert hub_metadata(fields)["pipeline_tag"] == "image-to-image"
    size = "2 times as large as the given ones" if fields.free else "of 8×8 pixels"
    assert f"It generates images {size}, {'grey' if fields.shape[0] == 1 else '5 channels'}, from images" in text


def test_a_regression_needs_its_inputs() -> None:
    text = card(metadata(shape=[1], range=None, num_classes=0, condition_dim=3), "x.onnx")
    assert "inputs = np.zeros((64, 3), np.float32)\nsamples = generator.sample(64, conditions=inputs)" in text


def test_metadata_for_the_hub() -> None:
    fields = hub_metadata(metadata(), [("fd", "12,345.5"), ("classes", "10"), ("who", "LeNet")])
    assert {name: fields[name] for name in ("license", "library_name", "pipeline_tag", "datasets")} == {
        "license": "cc-by-sa-3.0",
        "library_name": "ganzoo",
        "pipeline_tag": "unconditional-image-generation",
        "datasets": ["ylecun/mnist"],
    }
    assert fields["tags"] == ["ganzoo", "gan", "generative-adversarial-network", "cgan", "class-conditional"]
    (result,) = fields["model-index"][0]["results"]
    assert result["metrics"] == [{"type": "fd", "value": 12345.5}, {"type": "classes", "value": 10}]
    vectors = hub_metadata(metadata(shape=[2], range=None, num_classes=0, **data(name="ring8")))
    assert vectors.keys() == {"license", "library_name", "tags"}
    assert (
        hub_metadata(metadata(shape=[1], range=None, num_classes=0, condition_dim=3))["pipeline_tag"]
        == "tabular-regression"
    )


@pytest.mark.parametrize(
    ("known", "identifier"),
    [
        ("CC BY-SA 3.0, (c) somebody", "cc-by-sa-3.0"),
        ("Apache-2.0 (Google)", "apache-2.0"),
        ("MIT", "mit"),
        ("", "unknown"),
        ("all yours", "unknown"),
    ],
)
def test_licences_have_the_names_of_the_hub(known: str, identifier: str) -> None:
    assert licence(metadata(**data(licence=known))) == identifier


HARD = [
    "no",
    "1.5",
    "2020-01-01",
    "a: b # c",
    "- x",
    "&a *b !c",
    "{{x}}",
    'tab\t"\\',
    "\x85\x7f\u2028\ufeff\ufffe",
    "😀 é",
    "",
]


def test_metadata_is_yaml() -> None:
    parser = pytest.importorskip("yaml")
    value = {"a": HARD, "b": [{"c": HARD[0], "d": [{"e": 1, "f": 2.5}, {"e": -1}]}, {"c": {"g": None, "h": True}}]}
    assert parser.safe_load(yaml(value)) == value
    fields = hub_metadata(replace(metadata(), gan=HOSTILE, data=DataMetadata(name=HOSTILE)), [(HOSTILE, "1")])
    assert parser.safe_load(yaml(fields))["pipeline_tag"] == "unconditional-image-generation"


def test_every_text_of_the_metadata_is_a_quoted_line() -> None:
    lines = yaml({"texts": HARD}).split("\n")[:-1]
    assert len(lines) == 1 + len(HARD)
    assert [json.loads(line.removeprefix("  - ")) for line in lines[1:]] == HARD


def test_hostile_metadata_stay_text() -> None:
    # a reader refuses some of it, so the record is made without one
    fields = replace(
        metadata(),
        gan=HOSTILE,
        settings={HOSTILE: HOSTILE, "x": [HOSTILE]},
        torch=HOSTILE,
        data=DataMetadata(name=HOSTILE, licence=HOSTILE, sha256=HOSTILE, classes=(HOSTILE, "3")),
    )
    text = card(fields, "x.safetensors", command=HOSTILE, scores=[(HOSTILE, HOSTILE)], picture="samples.png")
    head, _, body = text.removeprefix("---\n").partition("\n---\n")
    assert "evil" in head
    assert "\n---" not in body, "no second head"
    assert "\n# x" not in body, "no line of its own"
    outside = "".join(body.split("````")[::2])  # a block of code is fenced by more than it holds
    for line in outside.splitlines():
        if "evil" in line and not line.startswith("| `"):
            assert "<script" not in line
            assert "<!--" not in line


@pytest.mark.parametrize(
    ("text", "expected"), [("a", "`a`"), ("a`b", "`` a`b ``"), ("|", "`\\|`"), ("a\nb", "`a b`"), ("`", "`` ` ``")]
)
def test_code_in_a_table(text: str, expected: str) -> None:
    assert code(text) == expected


def test_plain_text() -> None:
    assert plain("<b> *x* [a](b) & `c`\nd") == r"&lt;b> \*x\* \[a\](b) &amp; \`c\` d"


def test_only_cards_are_replaced(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    write(path, f"{MARK} \ud800", force=False)
    write(path, MARK, force=False)
    path.write_text("mine")
    with pytest.raises(GanzooError, match="exists and was not written by ganzoo card; replace it with --force"):
        write(path, MARK, force=False)
    assert path.read_text() == "mine"
    write(path, MARK, force=True)
    assert path.read_text() == MARK


def test_cards_need_no_torch() -> None:
    assert (
        python("import sys, ganzoo.pages.card, ganzoo.generators.locate; print('torch' in sys.modules)").stdout
        == "False\n"
    )
