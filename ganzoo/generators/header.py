"""What a file of a trained generator says of itself: the one record that its weights and its export carry."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganzoo.registry.gan import PARTS
from ganzoo.util.errors import GanzooError
from ganzoo.util.optional import needs

FORMAT = 1
LARGEST = 2**26  # values in a sample, a latent or an embedding that a header may ask for


def of_file(path: str | Path) -> dict[str, Any]:
    """The header of a safetensors file that ganzoo wrote; :class:`GanzooError` for any other file. Needs no torch."""
    with needs():
        from safetensors import SafetensorError, safe_open
    if not Path(path).is_file():
        raise GanzooError(f"there is no file {path}")
    try:
        with safe_open(str(path), "np") as file:
            header = json.loads((file.metadata() or {}).get("ganzoo", "null"))
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise GanzooError(f"{path} is no readable safetensors file: {str(error).splitlines()[0]}") from None
    if not isinstance(header, dict):
        raise GanzooError(f"{path} was not written by ganzoo: its header has no entry 'ganzoo'")
    if header.get("format") != FORMAT:
        raise GanzooError(f"{path} has the format {header.get('format')!r}, and this ganzoo reads {FORMAT}")
    return header


def check(header: Mapping[str, Any], path: str | Path) -> None:
    """Refuse a header with a missing entry, or one of the wrong kind or beyond all bounds."""

    def count(value: Any, least: int) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and least <= value <= LARGEST

    shape, limits, data, settings = (header.get(name) for name in ("shape", "range", "data", "settings"))
    checks = {
        "gan": isinstance(header.get("gan"), str),
        "settings": isinstance(settings, dict)
        and all(isinstance(settings[key], str) for key in settings if key.rpartition(".")[2] in (*PARTS, "parent")),
        "data": isinstance(data, dict) and isinstance(data.get("name"), str) and isinstance(data.get("classes"), list),
        "shape": isinstance(shape, list)
        and 1 <= len(shape) <= 3
        and all(count(side, 1) for side in shape)
        and math.prod(shape) <= LARGEST,
        "range": limits is None or limits in ([-1.0, 1.0], [0.0, 1.0]),
        "num_classes": count(header.get("num_classes"), 0),
        "condition_dim": count(header.get("condition_dim"), 0),
        "latent_dim": count(header.get("latent_dim"), 1),
        "distribution": header.get("distribution") in ("normal", "uniform", "sphere"),
        "iterations": isinstance(header.get("iterations"), int),
    }
    for name, good in checks.items():
        if not good:
            text = repr(header.get(name))
            raise GanzooError(f"{path} has a bad header: '{name}' is {text[:60]}{'...' * (len(text) > 60)}")
