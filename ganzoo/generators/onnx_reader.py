"""Reader of exported ONNX files: their bytes and metadata. Needs neither onnx nor onnxruntime, and trusts no file.

An ONNX file is one protobuf message (onnx.proto3). The reader follows only the fields that lead to the metadata and to
tensors. A tensor can refer to another file; exports of ganzoo never do, so such a file is refused.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ganzoo.generators.metadata import ExportMetadata, require_short
from ganzoo.util.errors import GanzooError, first_line
from ganzoo.util.files import require_file

__all__ = ["MAX_FIELDS", "MAX_FILE_BYTES", "read"]

MAX_FILE_BYTES = 2**30
"""Protobuf allows twice as many."""
MAX_FIELDS = 2**18
"""Protobuf fields in the whole file. A graph of a thousand layers has a tenth of that. Each field can take a hundred
times its bytes in memory, and some microseconds of parsing."""

_MESSAGES = {
    "model": {7: "graph", 14: "metadata", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 11: "value", 12: "value", 13: "value", 14: "annotation", 15: "sparse"},
    "function": {7: "node", 11: "attribute", 12: "value"},
    "node": {5: "attribute"},
    "attribute": {
        5: "tensor",
        6: "graph",
        10: "tensor",
        11: "graph",
        14: "type",
        15: "type",
        22: "sparse",
        23: "sparse",
    },
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
    "value": {2: "type"},
    "type": {1: "type", 2: "shape", 4: "type", 5: "type", 8: "type", 9: "type"},
    "shape": {},
    "annotation": {},
}
"""The fields of each kind of message that hold further messages, with their kinds."""
_EXTERNAL_DATA = (13, 14)  # fields of a tensor: the location of its data, and whether that is another file
_PACKED = {"tensor": (5, 7, 11), "attribute": (8,)}  # packed integers: one byte each in the file, eight in memory


def read(path: str | Path) -> tuple[bytes, ExportMetadata]:
    """The bytes and the metadata of an exported generator.

    Raises:
        GanzooError: there is no such file; it is larger than :data:`MAX_FILE_BYTES`, is not ONNX, is cut short, was not
            exported by ganzoo or refers to another file; its metadata are too large or invalid.
    """
    content = _content(Path(path))
    properties: dict[bytes, bytes] = {}
    count = 0
    waiting = [("model", memoryview(content))]
    try:
        while waiting:
            kind, message = waiting.pop()
            fields: dict[int, memoryview] = {}
            for number, value in _fields(message):
                packed = not isinstance(value, int) and number in _PACKED.get(kind, ())
                count += len(value) if packed else 1  # type: ignore[arg-type]
                if count > MAX_FIELDS:
                    raise GanzooError(f"{path} has more than {MAX_FIELDS:,} fields, which no generator of ganzoo needs")
                if kind == "tensor" and number in _EXTERNAL_DATA and value != 0:
                    raise GanzooError(f"{path} keeps weights in another file, which is refused; export it again")
                if not isinstance(value, int):
                    fields[number] = value
                    if number in _MESSAGES.get(kind, {}):
                        waiting.append((_MESSAGES[kind][number], value))
            if kind == "metadata":
                properties[bytes(fields.get(1, b""))] = bytes(fields.get(2, b""))
    except ValueError:
        raise GanzooError(f"{path} is cut short, or no ONNX file at all") from None
    return content, ExportMetadata.from_json(_json(path, properties.get(b"ganzoo")), path)


def _content(path: Path) -> bytes:
    require_file(path)
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            content = file.read(size) if size <= MAX_FILE_BYTES else b""
    except OSError as error:
        raise GanzooError(f"cannot read {path}: {error.strerror or error}") from None
    if size > MAX_FILE_BYTES:
        raise GanzooError(f"{path} has more than {MAX_FILE_BYTES:,} bytes, which no generator of ganzoo needs")
    return content


def _json(path: str | Path, text: bytes | None) -> dict[str, Any]:
    if text is None:
        raise GanzooError(f"{path} was not exported by ganzoo: its metadata have no entry 'ganzoo'")
    require_short(text, path)
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise GanzooError(f"{path} has bad metadata: not JSON, {first_line(error)}") from None
    if not isinstance(values, dict):
        raise GanzooError(f"{path} has bad metadata: not a JSON object")
    return values


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """The number and value of each field of a message. A value is an integer, or bytes."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = _varint(message, at)
            yield number, value
            continue
        if wire == 2:
            size, at = _varint(message, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ValueError("a field of an unknown kind")
        if not number or tag >= 2**32 or size > len(message) - at:
            raise ValueError("a field beyond the end")
        yield number, message[at : at + size]
        at += size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """An integer of seven bits in each byte, lowest first, and the position behind it."""
    value = 0
    for place in range(10):
        if at + place >= len(message):
            raise ValueError("a number beyond the end")
        byte = message[at + place]
        value |= (byte & 127) << 7 * place
        if byte < 128:
            return value, at + place + 1
    raise ValueError("a number of more than ten bytes")
