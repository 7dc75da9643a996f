"""Small files as the exporter writes them, made without torch, for tests that spoil them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from ganzoo.generators.metadata import DataMetadata, ExportMetadata

LATENT = 8
METADATA = ExportMetadata(
    gan="tiny",
    settings={},
    data=DataMetadata(name="mnist-10k"),
    shape=(1, 4, 6),
    range=(-1.0, 1.0),
    num_classes=0,
    condition_dim=0,
    latent_dim=LATENT,
    distribution="normal",
    iterations=3,
    seed=0,
    opset=20,
)


def weights(name: str, *shape: int) -> NDArray[np.float32]:
    """The same values for the same name."""
    return np.random.default_rng(list(name.encode())).standard_normal(shape).astype(np.float32)


def tiny(*, uint8: bool = False, **changes: Any) -> onnx.ModelProto:
    """A generator tanh(z A + E[label] + conditions B), as an image or a vector; ``changes`` are those of METADATA."""
    changes |= {name: tuple(changes[name]) for name in ("shape", "range") if changes.get(name)}
    if isinstance(data := changes.get("data"), dict):
        changes["data"] = DataMetadata(name=data["name"], classes=tuple(data["classes"]))
    metadata = replace(METADATA, output_dtype="uint8" if uint8 else "float32", **changes)
    shape, classes, conditions = metadata.shape, metadata.num_classes, metadata.condition_dim
    size = int(np.prod(shape))
    arrays = {"A": weights("A", LATENT, size), "shape": np.array([-1, *shape])}
    inputs = [helper.make_tensor_value_info("z", TensorProto.FLOAT, ["N", LATENT])]
    nodes = [helper.make_node("MatMul", ["z", "A"], ["sum"])]
    if classes:
        arrays["E"] = weights("E", classes, size)
        inputs.append(helper.make_tensor_value_info("labels", TensorProto.INT64, ["N"]))
        nodes += [helper.make_node("Gather", ["E", "labels"], ["condition"])]
    elif conditions:
        arrays["B"] = weights("B", conditions, size)
        inputs.append(helper.make_tensor_value_info("conditions", TensorProto.FLOAT, ["N", conditions]))
        nodes += [helper.make_node("MatMul", ["conditions", "B"], ["condition"])]
    if len(inputs) > 1:
        nodes += [helper.make_node("Add", ["sum", "condition"], ["both"])]
    nodes += [
        helper.make_node("Tanh", [nodes[-1].output[0]], ["flat"]),
        helper.make_node("Reshape", ["flat", "shape"], ["samples"]),
    ]
    output = helper.make_tensor_value_info("samples", TensorProto.FLOAT, ["N", *shape])
    if uint8:
        nodes[-1].output[0] = "image"
        arrays |= {"one": np.float32(1), "half": np.float32(127.5)}
        nodes += [
            helper.make_node("Add", ["image", "one"], ["positive"]),
            helper.make_node("Mul", ["positive", "half"], ["levels"]),
            helper.make_node("Round", ["levels"], ["whole"]),
            helper.make_node("Cast", ["whole"], ["bytes"], to=TensorProto.UINT8),
            helper.make_node("Transpose", ["bytes"], ["samples"], perm=[0, 2, 3, 1]),
        ]
        output = helper.make_tensor_value_info("samples", TensorProto.UINT8, ["N", *shape[1:], shape[0]])
    initializers = [numpy_helper.from_array(np.asarray(array), name) for name, array in arrays.items()]
    graph = helper.make_graph(nodes, "tiny", inputs, [output], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    describe(model, metadata.to_json())
    return model


def describe(model: onnx.ModelProto, metadata: str | dict[str, Any]) -> None:
    """Replace the metadata of a model."""
    text = metadata if isinstance(metadata, str) else json.dumps(metadata)
    helper.set_model_props(model, {"ganzoo": text})


def saved(model: onnx.ModelProto, path: Path) -> Path:
    path.write_bytes(model.SerializeToString())
    return path
