"""Small files as the exporter writes them, made without torch, and spoilt in every way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

LATENT = 8
HEADER: dict[str, Any] = {
    "format": 1,
    "gan": "tiny",
    "settings": {},
    "data": {"name": "mnist-10k", "classes": []},
    "shape": [1, 4, 6],
    "range": [-1.0, 1.0],
    "num_classes": 0,
    "condition_dim": 0,
    "latent_dim": LATENT,
    "distribution": "normal",
    "iterations": 3,
    "seed": 0,
    "output": {"name": "samples", "dtype": "float32"},
}


def weights(name: str, *shape: int) -> NDArray[np.float32]:
    """The same numbers for the same name."""
    return np.random.default_rng(list(name.encode())).standard_normal(shape).astype(np.float32)


def tiny(*, uint8: bool = False, **changes: Any) -> onnx.ModelProto:
    """A generator tanh(z A + E[label] + conditions B), as an image or a vector; ``changes`` go into its header."""
    header = HEADER | ({"output": {"name": "samples", "dtype": "uint8"}} if uint8 else {}) | changes
    shape, classes, conditions = header["shape"], header["num_classes"], header["condition_dim"]
    size = int(np.prod(shape))
    arrays = {"A": weights("A", LATENT, size), "shape": np.array([-1, *shape])}
    inputs = [helper.make_tensor_value_info("z", TensorProto.FLOAT, ["N", LATENT])]
    nodes = [helper.make_node("MatMul", ["z", "A"], ["sum"])]
    if classes:
        arrays["E"] = weights("E", classes, size)
        inputs.append(helper.make_tensor_value_info("labels", TensorProto.INT64, ["N"]))
        nodes += [helper.make_node("Gather", ["E", "labels"], ["told"])]
    elif conditions:
        arrays["B"] = weights("B", conditions, size)
        inputs.append(helper.make_tensor_value_info("conditions", TensorProto.FLOAT, ["N", conditions]))
        nodes += [helper.make_node("MatMul", ["conditions", "B"], ["told"])]
    if len(inputs) > 1:
        nodes += [helper.make_node("Add", ["sum", "told"], ["both"])]
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
    describe(model, json.dumps(header))
    return model


def describe(model: onnx.ModelProto, text: str) -> None:
    helper.set_model_props(model, {"ganzoo": text})


def saved(model: onnx.ModelProto, path: Path) -> Path:
    path.write_bytes(model.SerializeToString())
    return path
