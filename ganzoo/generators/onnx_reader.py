"""What an ONNX file says of itself, read without onnx or onnxruntime and trusted in nothing.

An ONNX file is one protobuf message. Its wire format is a few lines; of the schema (onnx.proto3) only the paths matter
that lead to metadata and to tensors, since a tensor may point to another file, and ours never do.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ganzoo.generators.header import FORMAT, check
from ganzoo.util.errors import GanzooError

__all__ = ["LARGEST_FILE", "LARGEST_METADATA", "read"]

LARGEST_FILE = 2**30
"""Bytes of a file; protobuf itself ends at twice as many."""
LARGEST_METADATA = 2**20
MOST_FIELDS = 2**18
"""Fields of all messages, nodes and tensors among them. A graph of a thousand layers has a tenth of that; each may take
a hundred times its bytes in memory, and some microseconds here."""

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
"""By kind of message, the fields that hold further ones."""
_EXTERNAL = (13, 14)  # of a tensor: where its data lies, and whether that is elsewhere
_PACKED = {"tensor": (5, 7, 11), "attribute": (8,)}  # whole numbers, which may be a byte each and eight in memory


def read(path: str | Path) -> tuple[bytes, dict[str, Any]]:
    """An exported generator and its header.

    Besides what :func:`ganzoo.generators.header.check` asks for, the header's ``output`` names the dtype of the samples.

    Returns:
        The bytes of the file, whose weights are all inside, and the header.

    Raises:
        GanzooError: there is no such file, it is larger than :data:`LARGEST_FILE`, no ONNX, cut short, not exported by
            ganzoo, refers to another file, or its header is too large or not what it should be.
    """
    content = _content(Path(path))
    metadata: dict[bytes, bytes] = {}
    count = 0
    waiting = [("model", memoryview(content))]
    try:
        while waiting:
            kind, message = waiting.pop()
            entry: dict[int, memoryview] = {}
            for number, value in _fields(message):
                packed = not isinstance(value, int) and number in _PACKED.get(kind, ())
                count += len(value) if packed else 1  # type: ignore[arg-type]
                if count > MOST_FIELDS:
                    raise GanzooError(
                        f"{path} has more than {MOST_FIELDS:,} fields, which no generator of ganzoo needs"
                    )
                if kind == "tensor" and number in _EXTERNAL and value != 0:
                    raise GanzooError(f"{path} keeps weights in another file, which is refused; export it again")
                if not isinstance(value, int):
                    entry[number] = value
                    if number in _MESSAGES.get(kind, {}):
                        waiting.append((_MESSAGES[kind][number], value))
            if kind == "metadata":
                metadata[bytes(entry.get(1, b""))] = bytes(entry.get(2, b""))
    except ValueError:
        raise GanzooError(f"{path} is cut short, or no ONNX file at all") from None
    header = _header(path, metadata.get(b"ganzoo"))
    check(header, path)
    output, images = header.get("output"), len(header["shape"]) == 3
    dtype = output.get("dtype") if isinstance(output, dict) else None
    if dtype not in (("float32", "uint8") if images else ("float32",)):
        raise GanzooError(f"{path} has a bad header: 'output' says dtype {dtype!r:.60}")
    return content, header


def _content(path: Path) -> bytes:
    if not path.is_file():
        raise GanzooError(f"there is no file {path}")
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            content = file.read(size) if size <= LARGEST_FILE else b""
    except OSError as error:
        raise GanzooError(f"cannot read {path}: {error.strerror or error}") from None
    if size > LARGEST_FILE:
        raise GanzooError(f"{path} has more than {LARGEST_FILE:,} bytes, which no generator of ganzoo needs")
    return content


def _header(path: str | Path, text: bytes | None) -> dict[str, Any]:
    if text is None:
        raise GanzooError(f"{path} was not exported by ganzoo: its metadata has no entry 'ganzoo'")
    if len(text) > LARGEST_METADATA:
        raise GanzooError(f"{path} has a header of {len(text):,} bytes; at most {LARGEST_METADATA:,} are read")
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise GanzooError(f"{path} has a header that is no JSON: {error}") from None
    if not isinstance(header, dict):
        raise GanzooError(f"{path} has a header that is no JSON object")
    if header.get("format") != FORMAT:
        raise GanzooError(f"{path} has the format {header.get('format')!r:.60}, and this ganzoo reads {FORMAT}")
    return header


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field of a message: a whole number, or the bytes of anything longer."""
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
    """A number of seven bits a byte, lowest first, and where the next field begins."""
    value = 0
    for place in range(10):
        if at + place >= len(message):
            raise ValueError("a number beyond the end")
        byte = message[at + place]
        value |= (byte & 127) << 7 * place
        if byte < 128:
            return value, at + place + 1
    raise ValueError("a number of more than ten bytes")
