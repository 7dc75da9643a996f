"""Model cards: what a generator is, in Markdown, with the metadata that the Hugging Face Hub reads above it.

The metadata's names follow https://huggingface.co/docs/hub/model-cards. Cards come from the header of weights, or of an
exported file, and need no torch.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

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
"""Data sets that have the same content, or hold it, on the Hugging Face Hub."""

LICENCES = ("apache-2.0", "mit", "cc0-1.0", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0")
"""Those of the Hub's identifiers that data sets here have."""

LONGEST = 2000  # characters of one text in a card


def card(
    header: Mapping[str, Any],
    source: str,
    *,
    command: str = "",
    scores: Sequence[tuple[str, str]] = (),
    picture: str = "",
) -> str:
    """The card of a generator, as Markdown.

    Args:
        header: what its file says of it, see :mod:`ganzoo.generators.header`.
        source: name of the file, which the card expects beside itself.
        command: that trained it.
        scores: names and values, as text.
        picture: address of a picture of samples, relative to the card.
    """
    gan = registry().gans.get(header["gan"])
    name, data = header["gan"], header["data"]["name"]
    onnx = Path(source).suffix == ".onnx"
    parts = [
        f"---\n{yaml(metadata(header, scores))}---\n{MARK}",
        f"# {plain(name)} on {plain(data)}",
        about(header, gan),
        f"![Samples of {plain(name)}]({address(picture)})" if picture else "",
        "## How to sample",
        block([f"pip install 'ganzoo-kit[{'sample' if onnx else 'train'}]'", sampling(header, source)]),
        python(source, onnx),
        "The same seed gives the same sample everywhere, whichever others are drawn with it.",
        "## Training",
        training(header),
        block([command]) if command else "",
        "## Scores",
        table(("score", "value"), scores) if scores else "None are known.",
        "## Limits",
        limits(header),
        "## Data and licence",
        rights(header),
        "## Citation",
        citation(gan),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def metadata(header: Mapping[str, Any], scores: Sequence[tuple[str, str]] = ()) -> dict[str, Any]:
    """What the Hub is told."""
    data, images = header["data"]["name"], len(header["shape"]) == 3
    entries: dict[str, Any] = {"license": licence(header), "library_name": "ganzoo"}
    kind = "unconditional-image-generation" if images else "tabular-regression" if header["condition_dim"] else ""
    entries |= {"pipeline_tag": kind} if kind else {}
    told = ["class-conditional"] if header["num_classes"] else []
    entries["tags"] = ["ganzoo", "gan", "generative-adversarial-network", line(header["gan"]), *told]
    entries |= {"datasets": [HUB[data]]} if data in HUB else {}
    measured = [{"type": line(name), "value": value} for name, text in scores if (value := value_of(text)) is not None]
    if measured:
        task = {"type": kind or "other"}
        results = [{"task": task, "dataset": {"type": HUB.get(data, line(data)), "name": line(data)}}]
        entries["model-index"] = [{"name": line(header["gan"]), "results": [results[0] | {"metrics": measured}]}]
    return entries


def value_of(text: str) -> float | int | None:
    """The number that a text is."""
    try:
        return json.loads(text.replace(",", ""), parse_constant=lambda _: None)  # type: ignore[no-any-return]
    except ValueError:
        return None


def licence(header: Mapping[str, Any]) -> str:
    """The Hub's identifier for the licence of the data; ``unknown`` where it has none, or none is known."""
    name = re.split(r"[,(]", str(header["data"].get("licence", "")))[0].strip().lower().replace(" ", "-")
    return name if name in LICENCES else "unknown"


def about(header: Mapping[str, Any], gan: GAN | None) -> str:
    shape, labels = header["shape"], header["num_classes"]
    what = f"images of {shape[1]}×{shape[2]} pixels" if len(shape) == 3 else f"vectors of {shape[0]} numbers"
    if len(shape) == 3:
        what += {1: ", grey", 3: ", RGB"}.get(shape[0], f", {shape[0]} channels")
    told = f" and the number of one of {labels} classes" if labels else ""
    told += f" and {header['condition_dim']} regression inputs" if header["condition_dim"] else ""
    text = (
        f"The generator of a generative adversarial network. It makes {what}, from a latent of {header['latent_dim']} "
    )
    text += f"numbers ({header['distribution']}){told}."
    classes = [plain(str(name)) for name in header["data"]["classes"]]
    if labels and classes:
        text += f" The classes, from 0: {', '.join(classes[:100])}{', …' * (len(classes) > 100)}."
    return f"{plain(gan.summary[:1].upper() + gan.summary[1:])}. {text}" if gan else text


def sampling(header: Mapping[str, Any], source: str) -> str:
    label = " --label 0" if header["num_classes"] else ""
    target = "samples.npz" if header["range"] is None else "samples.png"
    return f"ganzoo sample {shlex.quote(source)}{label} -n 64 --out {target}"


def python(source: str, onnx: bool) -> str:
    """The same in Python."""
    made = "Sampler" if onnx else "load"
    return block(
        ["import ganzoo", "", f"samples = ganzoo.{made}({json.dumps(source)}).sample(seeds=range(64))"], "python"
    )


def training(header: Mapping[str, Any]) -> str:
    data = header["data"]
    facts = [("iterations", header["iterations"]), ("seed", header.get("seed")), ("data", data["name"])]
    facts += [("SHA-256 of the data", data.get("sha256"))]
    facts += [(f"version of {name}", header.get(name)) for name in ("ganzoo", "torch")]
    first, rest = (
        table(("setting", "value"), [(str(name), line(value)) for name, value in rows if value not in (None, "")])
        for rows in (facts, header["settings"].items())
    )
    return f"{first}\n\n<details><summary>All settings</summary>\n\n{rest}\n\n</details>"


def limits(header: Mapping[str, Any]) -> str:
    named = plain(header["data"]["name"])
    lines = [
        f"- It knows nothing but {named}: what is rare there is rare or missing here, and what is wrong there is too.",
        "- A GAN can leave out kinds of data, or repeat a few. Look at many samples before you rely on it.",
        "- Samples can resemble training examples. Compare them where that matters, for instance for privacy.",
    ]
    return "\n".join(lines)


def rights(header: Mapping[str, Any]) -> str:
    known = str(header["data"].get("licence") or "")
    text = f"Trained on {plain(header['data']['name'])}"
    text += f", whose licence is: {plain(known)}." if known else ", whose licence this file does not know."
    return (
        f"{text} The `license` above is that of the data; whoever publishes the weights sets theirs. "
        "The code of ganzoo is under the MIT licence."
    )


def citation(gan: GAN | None) -> str:
    if gan is None or not gan.paper:
        return "The paper of this GAN is not known here."
    found = re.search(r"arXiv:(\d{4}\.\d{4,5})", gan.paper)
    return plain(gan.paper) + (f": <https://arxiv.org/abs/{found[1]}>" if found else "")


def write(path: Path, text: str, *, force: bool) -> None:
    """Write a card; :class:`GanzooError` if another file stands there, unless ``force``."""
    if path.exists() and not force and not ours(path):
        raise GanzooError(f"{path} exists and is no card of ganzoo; replace it with --force, or name another with -o")
    with atomic_write(path) as temporary:
        temporary.write_bytes(text.encode("utf-8", "replace"))


def ours(path: Path) -> bool:
    """Whether a file is a card that nobody has taken into his own hands."""
    try:
        return MARK in path.read_text("utf-8", "replace")
    except OSError:
        return False


def yaml(value: Mapping[str, Any]) -> str:
    """A mapping as YAML, in block style; texts are quoted, so that none becomes a number, a date or a tag.

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
    """A text as a double-quoted scalar: JSON's escapes are YAML's too, and what YAML does not print is escaped."""
    hidden = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
    plain = re.sub("[\ud800-\udfff]", "\ufffd", text)
    return hidden.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(plain, ensure_ascii=False))


def line(value: Any) -> str:
    """A value as one line of bounded length."""
    text = " ".join((value if isinstance(value, str) else json.dumps(value)).split())
    return text[:LONGEST]


def plain(text: str) -> str:
    """A text of which Markdown makes nothing but itself."""
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


def address(path: str) -> str:
    """A relative path as the target of a link."""
    from urllib.parse import quote

    return quote(path)


def table(head: tuple[str, str], rows: Sequence[tuple[str, str]]) -> str:
    lines = [f"| {head[0]} | {head[1]} |", "| --- | --- |"]
    return "\n".join([*lines, *(f"| {code(name)} | {code(value)} |" for name, value in rows if value)])
