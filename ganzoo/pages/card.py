"""Model cards (Mitchell et al., 2019): a generator in Markdown, below metadata for the Hugging Face Hub.

The names in these metadata follow https://huggingface.co/docs/hub/model-cards. A card is written from the metadata of a
weights file or an exported file, without torch.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ganzoo.data import MODES
from ganzoo.generators.metadata import Metadata
from ganzoo.records.text import one_line
from ganzoo.registry.gan import GAN
from ganzoo.registry.registry import registry
from ganzoo.util.errors import GanzooError
from ganzoo.util.files import atomic_write

MARK = "<!-- Written by ganzoo card. Without this line, ganzoo leaves the file alone. -->"

HUB = {
    "mnist": "ylecun/mnist",
    "mnist-10k": "ylecun/mnist",
    "fashion-mnist": "zalando-datasets/fashion_mnist",
    "cifar10": "uoft-cs/cifar10",
}
"""Data sets on the Hugging Face Hub that have the same samples, or contain them."""

LICENCES = ("apache-2.0", "mit", "cc0-1.0", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0")
"""The Hub's identifiers of the licences of data sets."""

LONGEST = 2000  # characters of one text in a card
LARGEST_CARD = 2**22  # bytes; a larger file was not written by ganzoo


def card(
    metadata: Metadata,
    source: str,
    *,
    command: str = "",
    facts: Sequence[tuple[str, str]] = (),
    scores: Sequence[tuple[str, str]] = (),
    picture: str = "",
) -> str:
    """The card of a generator, as Markdown.

    Args:
        metadata: of its file.
        source: name of the file, in the folder of the card.
        command: that trained it.
        facts: further ones about its training.
        scores: names and values, as text.
        picture: path of a picture of samples, relative to the card.
    """
    gan = registry().gans.get(metadata.gan)
    name, data = metadata.gan, metadata.data.name
    is_onnx = Path(source).suffix == ".onnx"
    parts = [
        f"---\n{yaml(hub_metadata(metadata, scores))}---\n{MARK}",
        f"# {plain(name)} on {plain(data)}",
        about(metadata, gan),
        f"![Uncurated samples of {plain(name)}]({quote(picture)})" if picture else "",
        "## How to sample",
        block([f"pip install 'ganzoo-kit[{'sample' if is_onnx else 'train'}]'", sample_command(metadata, source)]),
        block(python(metadata, loaded(source, is_onnx)), "python"),
        repeatable(metadata),
        "## Training",
        training(metadata, facts),
        block([command]) if command else "",
        "## Scores",
        table(("score", "value"), scores) if scores else "Not evaluated yet.",
        "## Limits",
        limits(metadata),
        "## Data and licence",
        rights(metadata),
        "## Citation",
        citation(gan),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def hub_metadata(metadata: Metadata, scores: Sequence[tuple[str, str]] = ()) -> dict[str, Any]:
    """The metadata at the top of a card, for the Hub."""
    data = metadata.data.name
    entries: dict[str, Any] = {"license": licence(metadata), "library_name": "ganzoo"}
    is_image = len(metadata.shape) == 3
    kind = "unconditional-image-generation" if is_image else "tabular-regression" if metadata.condition_dim else ""
    kind = "image-to-image" if metadata.condition_image else kind
    entries |= {"pipeline_tag": kind} if kind else {}
    conditional = ["class-conditional"] if metadata.num_classes else []
    entries["tags"] = ["ganzoo", "gan", "generative-adversarial-network", line(metadata.gan), *conditional]
    entries |= {"datasets": [HUB[data]]} if data in HUB else {}
    measured = [{"type": line(name), "value": value} for name, text in scores if (value := parsed(text)) is not None]
    if measured:
        task = {"type": kind or "other"}
        results = [{"task": task, "dataset": {"type": HUB.get(data, line(data)), "name": line(data)}}]
        entries["model-index"] = [{"name": line(metadata.gan), "results": [results[0] | {"metrics": measured}]}]
    return entries


def parsed(text: str) -> float | int | None:
    """The finite number in a text, ``None`` if it is none."""
    try:
        return json.loads(text.replace(",", ""), parse_constant=lambda _: None)  # type: ignore[no-any-return]
    except ValueError:
        return None


def licence(metadata: Metadata) -> str:
    """The Hub's identifier of the data's licence; ``unknown`` if there is none, or the licence is not known."""
    name = re.split(r"[,(]", metadata.data.licence)[0].strip().lower().replace(" ", "-")
    return name if name in LICENCES else "unknown"


def about(metadata: Metadata, gan: GAN | None) -> str:
    """What the generator generates, and from what."""
    shape, classes = metadata.shape, metadata.num_classes
    if len(shape) == 3:
        channels = {1: "grey", 3: "RGB", 4: "RGBA"}.get(shape[0], f"{shape[0]} channels")
        times = "" if metadata.scale == 1 else f"{metadata.scale} times "
        size = f"{times}as large as the given ones" if metadata.free else f"of {shape[1]}×{shape[2]} pixels"
        output = f"images {size}, {channels},"
    else:
        output = f"vectors of length {shape[0]}"
    inputs = f"latents of length {metadata.latent_dim} ({metadata.distribution})" if metadata.latent_dim else ""
    if image := metadata.condition_image:
        given = "images of any size" if metadata.free else f"images of {image[1]}×{image[2]} pixels"
        inputs += f"{' and ' * bool(inputs)}{given} with {image[0]} channel{'s' * (image[0] > 1)}"
    inputs += f" and one of {classes} class labels" if classes else ""
    inputs += f" and {metadata.condition_dim} regression inputs" if metadata.condition_dim else ""
    text = f"The generator of a generative adversarial network (GAN). It generates {output} from {inputs}."
    names = [plain(name) for name in metadata.data.classes]
    if classes and names:
        text += f" The classes, from label 0: {', '.join(names[:100])}{', …' * (len(names) > 100)}."
    return f"{plain(gan.summary[:1].upper() + gan.summary[1:])}. {text}" if gan else text


def sample_command(metadata: Metadata, source: str) -> str:
    """The command that writes samples."""
    label = " --label 0" if metadata.num_classes else ""
    if metadata.condition_image:
        given, made = ("png" if image[0] in MODES else "tif" for image in (metadata.condition_image, metadata.shape))
        return f"ganzoo sample {shlex.quote(source)} --input given.{given}{label} --out made.{made}"
    target = "samples.npz" if metadata.range is None else "samples.png"
    return f"ganzoo sample {shlex.quote(source)}{label} -n 64 --out {target}"


def python(metadata: Metadata, generator: str) -> list[str]:
    """The same in Python, where an expression gives the generator."""
    if metadata.condition_dim:
        shape = f"(64, {metadata.condition_dim})"
        sampled = [
            f"inputs = np.zeros({shape}, np.float32)",
            "samples = generator.sample(64, conditions=inputs)",
        ]
        return ["import ganzoo", "import numpy as np", "", f"generator = {generator}", *sampled]
    if not metadata.condition_image:
        return ["import ganzoo", "", f"samples = {generator}.sample(64)"]
    channels, height, width = metadata.condition_image
    given = f"np.zeros({(height, width, channels)}, np.uint8)"
    if channels in MODES:
        resized = "" if metadata.free else f".resize({(width, height)})"
        given = f'np.asarray(Image.open("given.png").convert("{MODES[channels]}"){resized})'
    return [
        "import ganzoo",
        "import numpy as np",
        *(["from PIL import Image"] if channels in MODES else []),
        "",
        f"given = {given}",
        f"made = {generator}.translate(given{', label=0' * (metadata.num_classes > 0)})",
    ]


def repeatable(metadata: Metadata) -> str:
    """What a sample depends on."""
    if metadata.latent_dim:
        return "A seed always gives the same sample. It does not depend on the other samples of a call."
    return "Images are uint8 `(H, W, C)`. The same one always gives the same, whatever else is made in a call."


def loaded(source: str, is_onnx: bool) -> str:
    """The Python expression that loads a generator."""
    return f"ganzoo.{'Sampler' if is_onnx else 'load'}({json.dumps(source)})"


def training(metadata: Metadata, further: Sequence[tuple[str, str]] = ()) -> str:
    data = metadata.data
    facts = [("iterations", metadata.iterations), ("seed", metadata.seed), ("data", data.name)]
    facts += [("SHA-256 of the data", data.sha256), *further]
    facts += [("version of ganzoo", metadata.ganzoo), ("version of torch", metadata.torch)]
    first, rest = (
        table(("setting", "value"), [(str(name), line(value)) for name, value in rows if value not in (None, "")])
        for rows in (facts, metadata.settings.items())
    )
    return f"{first}\n\n<details><summary>All settings</summary>\n\n{rest}\n\n</details>"


def limits(metadata: Metadata) -> str:
    name = plain(metadata.data.name)
    lines = [
        f"- It reproduces {name}, with its biases and errors. What is rare there is rare or missing in samples.",
        "- What the given image leaves open is invented: it is likely in the data, and need not be true."
        if metadata.condition_image
        else "- A GAN can drop modes of the data, or collapse to a few. Look at many samples before you rely on it.",
        "- Samples can resemble training examples. Compare them where that matters, for instance for privacy.",
    ]
    return "\n".join(lines)


def rights(metadata: Metadata) -> str:
    """The licences of the data, the weights and the code."""
    known = metadata.data.licence
    text = f"Trained on {plain(metadata.data.name)}, "
    text += f"which has the licence: {plain(known)}." if known else "whose licence is not recorded in this file."
    return (
        f"{text} The `license` above is the licence of the data. Those who publish the weights choose their licence. "
        "The code of ganzoo has the MIT licence."
    )


def citation(gan: GAN | None) -> str:
    if gan is None or not gan.paper:
        return "No paper is recorded for this GAN."
    found = re.search(r"arXiv:(\d{4}\.\d{4,5})", gan.paper)
    return plain(gan.paper) + (f": <https://arxiv.org/abs/{found[1]}>" if found else "")


def write(path: Path, text: str, *, force: bool) -> None:
    """Write a card.

    Raises:
        GanzooError: another file, or an edited card, is in the way, and ``force`` is not set.
    """
    if path.exists() and not force and not is_generated(path):
        raise GanzooError(
            f"{path} exists and was not written by ganzoo card; replace it with --force, or name another with -o"
        )
    with atomic_write(path) as temporary:
        temporary.write_bytes(text.encode("utf-8", "replace"))


def is_generated(path: Path) -> bool:
    """Whether a file is a card that may be replaced: its mark has not been removed."""
    try:
        is_small = path.is_file() and path.stat().st_size <= LARGEST_CARD
        return is_small and MARK in path.read_text("utf-8", "replace")
    except OSError:
        return False


def remove(path: Path) -> None:
    """Remove a card that may be replaced."""
    if is_generated(path):
        path.unlink()


def yaml(value: Mapping[str, Any]) -> str:
    """A mapping as YAML, in block style. Texts are quoted, so that none is read as a number, a date or a tag.

    >>> print(yaml({"license": "mit", "tags": ["gan", "no"], "n": 1.5}), end="")
    license: "mit"
    tags:
      - "gan"
      - "no"
    n: 1.5
    """
    return "".join(f"{text}\n" for text in yaml_lines(value))


def yaml_lines(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        lines = []
        for key, inner in value.items():
            below = yaml_lines(inner)
            nested = isinstance(inner, Mapping | list)
            lines += [f"{key}:", *(f"  {text}" for text in below)] if nested else [f"{key}: {below[0]}"]
        return lines
    if isinstance(value, list):
        return [
            f"{'- ' if first else '  '}{text}"
            for inner in value
            for first, text in zip([True] + [False] * 10**4, yaml_lines(inner), strict=False)
        ]
    return [quoted(value) if isinstance(value, str) else json.dumps(value)]


def quoted(text: str) -> str:
    """A text as a double-quoted scalar. YAML reads JSON's escapes, and needs a few more."""
    not_printable = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
    without_surrogates = re.sub("[\ud800-\udfff]", "\ufffd", text)
    escaped = json.dumps(without_surrogates, ensure_ascii=False)
    return not_printable.sub(lambda match: f"\\u{ord(match[0]):04x}", escaped)


def line(value: Any) -> str:
    """A value as one line of bounded length."""
    return one_line(value, LONGEST)


def plain(text: str) -> str:
    """A text in which Markdown's special characters are escaped."""
    return re.sub(r"([\\`*_{}\[\]|~#$])", r"\\\1", line(text)).replace("&", "&amp;").replace("<", "&lt;")


def code(text: str) -> str:
    """A text as code within a line of a table."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    space = " " if longest else ""
    return f"{fence}{space}{line(text)}{space}{fence}".replace("|", "\\|")


def block(lines: Sequence[str], language: str = "") -> str:
    """Lines as a block of code."""
    text = "\n".join(map(line, lines))
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{language}\n{text}\n{fence}"


def table(head: tuple[str, str], rows: Sequence[tuple[str, str]]) -> str:
    lines = [f"| {head[0]} | {head[1]} |", "| --- | --- |"]
    return "\n".join([*lines, *(f"| {code(name)} | {code(value)} |" for name, value in rows if value)])
