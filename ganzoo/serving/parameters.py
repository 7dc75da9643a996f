"""What a client may ask for, and the description of it that programs read (OpenAPI 3.1)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ganzoo.generators.base import TrainedGenerator

LONGEST = 4000  # characters of a query
MOST_SEEDS = 64
LARGEST_SEED = 2**63 - 1


class RefusedError(Exception):
    """A request that cannot be answered, with the HTTP status of the answer."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Asked:
    """What a client asks for.

    Attributes:
        seeds: of the images.
        labels: one for each seed, of a class-conditional GAN; else ``None``.
        settings: of sampling.
    """

    seeds: list[int]
    labels: list[int] | None
    settings: dict[str, float]


def parsed(model: TrainedGenerator, query: Iterable[tuple[str, str]], name: str) -> Asked:
    """What a query asks for.

    Args:
        model: the generator.
        query: names and values.
        name: ``seed`` for one image, ``seeds`` for several.

    Raises:
        RefusedError: the query is too long, or has a name or a value that there is not.
    """
    pairs = list(query)
    if sum(len(key) + len(value) for key, value in pairs) > LONGEST:
        raise RefusedError(f"a query has at most {LONGEST} characters", 414)
    values = dict(pairs)
    known = [name, *(["label"] if model.metadata.num_classes else []), *model.sampling_settings, "v"]
    if unknown := [key for key in values if key not in known]:
        raise RefusedError(f"there is no {unknown[0][:40]!r} here; a query takes {', '.join(known)}")
    if len(values) < len(pairs):
        raise RefusedError("a name is given twice")
    seeds = seeds_in(values.get(name, ""), most=1 if name == "seed" else MOST_SEEDS)
    settings = {key: number_in(values[key], key) for key in model.sampling_settings if key in values}
    return Asked(seeds, labels_of(model, seeds, values.get("label")), settings)


def seeds_in(text: str, most: int) -> list[int]:
    """The seeds in a text such as ``3``, ``1,5,9`` or ``0-15``, at most so many."""
    good = f"1 to {most} of them, as in 7,8,9 or 0-15" if most > 1 else "one, as in 7"
    if not re.fullmatch(r"[0-9]{1,19}(-[0-9]{1,19})?(,[0-9]{1,19}(-[0-9]{1,19})?)*", text, re.ASCII):
        raise RefusedError(f"seeds are whole numbers; give {good}")
    seeds: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        span = range(int(first), int(last or first) + 1)
        if not span or span[-1] > LARGEST_SEED:
            raise RefusedError(f"seeds go from 0 to {LARGEST_SEED}, and a range from its smallest to its largest")
        if len(seeds) + (span[-1] - span[0] + 1) > most:
            raise RefusedError(f"too many seeds; give {good}")
        seeds += span
    return seeds


def number_in(text: str, name: str) -> float:
    """The number in a text; it is finite."""
    try:
        value = float(text) if len(text) <= 40 and text.isascii() else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise RefusedError(f"{name} is a number, as in 0.7")
    return value


def labels_of(model: TrainedGenerator, seeds: Sequence[int], label: str | None) -> list[int] | None:
    """A label for each seed: that of the given number or name, or else all classes in turn."""
    classes, names = model.metadata.num_classes, list(model.metadata.data.classes)
    if not classes:
        return None
    if label is None:
        return [seed % classes for seed in seeds]
    if label in names:
        return [names.index(label)] * len(seeds)
    if re.fullmatch(r"[0-9]{1,9}", label, re.ASCII) and int(label) < classes:
        return [int(label)] * len(seeds)
    raise RefusedError(f"there is no such label; give a number from 0 to {classes - 1}, or the name of a class")


def openapi(model: TrainedGenerator, version: str) -> dict[str, Any]:
    """The description of the service."""
    metadata = model.metadata
    shared = [
        parameter(name, f"a setting of sampling, {setting.default} by default", {"type": "number"})
        for name, setting in model.sampling_settings.items()
    ]
    if metadata.num_classes:
        about = "number or name of a class; all classes in turn by default"
        labels = [*map(str, range(metadata.num_classes)), *metadata.data.classes]
        shared.append(parameter("label", about, {"type": "string", "enum": list(dict.fromkeys(labels))}))
    shared.append(
        parameter("v", "the version of the generator, so that caches keep the answer for good", {"type": "string"})
    )
    one = parameter("seed", "of the image", {"type": "integer", "minimum": 0, "maximum": LARGEST_SEED}, required=True)
    pattern = "^[0-9]{1,18}(-[0-9]{1,18})?(,[0-9]{1,18}(-[0-9]{1,18})?)*$"
    about = f"of the images, such as 1,5,9 or 0-15; at most {MOST_SEEDS}"
    many = parameter("seeds", about, {"type": "string", "pattern": pattern}, required=True)
    return {
        "openapi": "3.1.0",
        "info": {"title": f"{metadata.gan} on {metadata.data.name}"[:200], "version": version},
        "paths": {
            "/image.png": {"get": operation("One image", "image/png", [one, *shared])},
            "/images.npz": {"get": operation("Arrays: images, seeds, labels", "application/zip", [many, *shared])},
            "/images.json": {"get": operation("Images as PNG in base64", "application/json", [many, *shared])},
            "/about.json": {"get": operation("The generator", "application/json")},
            "/health": {"get": operation("Whether it is running", "application/json")},
            "/metrics": {"get": operation("Counts, for Prometheus", "text/plain")},
            "/openapi.json": {"get": operation("This description", "application/json")},
        },
    }


def parameter(name: str, about: str, schema: Mapping[str, Any], *, required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": about, "required": required, "schema": dict(schema)}


def operation(about: str, kind: str, parameters: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    error = {"application/json": {"schema": {"type": "object", "properties": {"error": {"type": "string"}}}}}
    answers: dict[str, Any] = {"200": {"description": about, "content": {kind: {}}}}
    if parameters:
        answers["304"] = {"description": "it has not changed"}
        reasons = {"400": "a bad request", "414": "a query that is too long", "503": "too many wait", "504": "too slow"}
        answers |= {status: {"description": reason, "content": error} for status, reason in reasons.items()}
    return {"summary": about, "parameters": list(parameters), "responses": answers}
