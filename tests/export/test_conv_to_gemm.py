"""Convolutions as matrix products give the same samples for all sizes, and int8 products nearly the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from ganzoo.export.conv_to_gemm import conv_to_gemm
from ganzoo.export.graph import strip
from ganzoo.export.quantize import quantize
from tests.support.onnx_files import METADATA as TINY

LATENT = 6
METADATA = replace(TINY, latent_dim=LATENT)
Z = np.random.default_rng(1).standard_normal((5, LATENT)).astype(np.float32)


def network(*layers: tuple[str, int, dict[str, Any]], plane: tuple[int, int], channels: int = 8) -> onnx.ModelProto:
    """A dense layer to an image, ReLU, and then convolutions, each with a leaky ReLU."""
    rng = np.random.default_rng(0)
    size = channels * plane[0] * plane[1]
    arrays = {"w": rng.standard_normal((LATENT, size)), "b": rng.standard_normal(size)}
    shape = numpy_helper.from_array(np.array([-1, channels, *plane]), "shape")
    nodes = [
        helper.make_node("Gemm", ["z", "w", "b"], ["dense"]),
        helper.make_node("Reshape", ["dense", "shape"], ["image"]),
        helper.make_node("Relu", ["image"], ["x0"]),
    ]
    for index, (kind, outputs, options) in enumerate(layers):
        sides = options["kernel_shape"]
        ends = (channels, outputs) if kind == "ConvTranspose" else (outputs, channels)
        arrays |= {f"w{index}": rng.standard_normal((*ends, *sides)) / 9, f"b{index}": rng.standard_normal(outputs)}
        nodes.append(helper.make_node(kind, [f"x{index}", f"w{index}", f"b{index}"], [f"c{index}"], **options))
        nodes.append(helper.make_node("LeakyRelu", [f"c{index}"], [f"x{index + 1}"], alpha=0.2))
        channels = outputs
    nodes[-1].output[0] = "samples"
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, ["N", LATENT])],
        [helper.make_tensor_value_info("samples", TensorProto.FLOAT, ["N", channels, None, None])],
        [shape, *(numpy_helper.from_array(array.astype(np.float32), name) for name, array in arrays.items())],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    del model.graph.output[:]
    inferred = onnx.shape_inference.infer_shapes(model)
    sides = next(value for value in inferred.graph.value_info if value.name == "samples").type.tensor_type.shape.dim
    model.graph.output.append(
        helper.make_tensor_value_info("samples", TensorProto.FLOAT, ["N", *(side.dim_value for side in sides[1:])])
    )
    return model


def samples(model: onnx.ModelProto, z: NDArray[np.float32] = Z) -> NDArray[np.float32]:
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    result: NDArray[np.float32] = session.run(None, {"z": z})[0]
    return result


def operators(model: onnx.ModelProto) -> set[str]:
    return {node.op_type for node in model.graph.node}


pair = st.tuples(st.integers(1, 4), st.integers(1, 4))


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(["Conv", "ConvTranspose"]),
    plane=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    kernel=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    strides=pair,
    pads=st.tuples(*[st.integers(0, 2)] * 4),
    extra=st.tuples(st.integers(0, 2), st.integers(0, 2)),
)
def test_every_convolution_equals_its_matrix_product(
    kind: str,
    plane: tuple[int, int],
    kernel: tuple[int, int],
    strides: tuple[int, int],
    pads: tuple[int, ...],
    extra: tuple[int, int],
) -> None:
    options: dict[str, Any] = {"kernel_shape": kernel, "strides": strides, "pads": pads}
    around = [pads[0] + pads[2], pads[1] + pads[3]]
    if kind == "Conv":
        assume(all(side + more >= under for side, more, under in zip(plane, around, kernel, strict=True)))
        assume(all(pad < under for pad, under in zip(pads, kernel * 2, strict=True)))
    else:
        assume(all(more < stride for more, stride in zip(extra, strides, strict=True)))
        options["output_padding"] = extra
        made = [
            (side - 1) * stride - more + under + rest
            for side, stride, more, under, rest in zip(plane, strides, around, kernel, extra, strict=True)
        ]
        assume(min(made) > 0)
    model = network((kind, 9, options), plane=plane)
    expected = samples(model)
    conv_to_gemm(model, all_convs=True)
    assert not operators(model) & {"Conv", "ConvTranspose"}
    np.testing.assert_allclose(samples(model), expected, atol=1e-4, rtol=1e-4)


K4 = {"kernel_shape": (4, 4), "strides": (2, 2), "pads": (1, 1, 1, 1)}
K3 = {"kernel_shape": (3, 3), "strides": (2, 2), "pads": (1, 1, 1, 1)}
WHOLE = {"kernel_shape": (7, 7), "strides": (2, 2), "pads": (1, 1, 1, 1)}


def test_consecutive_layers_exchange_rows() -> None:
    """A layer of few channels in between stays a convolution."""
    layers = [("ConvTranspose", 12, K4), ("Conv", 8, K3), ("Conv", 2, K3), ("ConvTranspose", 8, K4)]
    model = network(*layers, ("ConvTranspose", 10, K4), plane=(4, 6))
    expected = samples(model)
    conv_to_gemm(model, all_convs=True)
    assert [node.op_type for node in model.graph.node].count("Gemm") == 4
    assert operators(model) >= {"Conv", "ConvTranspose"}, "a product of few channels is slower"
    np.testing.assert_allclose(samples(model), expected, atol=1e-4)


def test_in_float32_only_faster_products_replace_convolutions() -> None:
    for kind, options, plane, product in (
        ("ConvTranspose", WHOLE, (2, 2), True),
        ("ConvTranspose", K4, (4, 4), False),
        ("Conv", WHOLE, (7, 7), True),
        ("Conv", K3, (16, 16), False),
    ):
        model = network((kind, 9, options), plane=plane)
        expected, before = samples(model), model.SerializeToString()
        conv_to_gemm(model)
        assert (kind not in operators(model)) is product
        assert (model.SerializeToString() != before) is product
        np.testing.assert_allclose(samples(model), expected, atol=1e-4)


def test_an_assembled_weight_matrix_is_not_stored_in_the_file() -> None:
    model = network(("ConvTranspose", 64, WHOLE), plane=(2, 2), channels=32)
    size = model.ByteSize()
    conv_to_gemm(model)
    strip(model)
    assert model.ByteSize() < 1.1 * size


@pytest.mark.parametrize("change", [{"group": 2}, {"dilations": (2, 2)}, {"auto_pad": "SAME_UPPER"}])
def test_grouped_dilated_and_auto_padded_convolutions_stay(change: dict[str, Any]) -> None:
    options = K3 | change
    if "auto_pad" in change:
        del options["pads"]
    model = network(("Conv", 8, options), plane=(8, 8))
    if "group" in change:
        weight = next(tensor for tensor in model.graph.initializer if tensor.name == "w0")
        weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight)[:, :4].copy(), "w0"))
    conv_to_gemm(model, all_convs=True)
    assert "Conv" in operators(model)
    samples(model)


def quantized_network() -> tuple[NDArray[np.float32], onnx.ModelProto]:
    z = np.random.default_rng(2).standard_normal((300, LATENT)).astype(np.float32)
    model = network(("ConvTranspose", 12, K4), ("Conv", 16, K3), ("ConvTranspose", 9, WHOLE), plane=(2, 2))
    expected = samples(model, z)
    conv_to_gemm(model, all_convs=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ganzoo.export.quantize.MIN_WEIGHTS", 0)
        quantize(model, METADATA)
    error = samples(model, z) - expected
    assert 0 < np.square(error).mean() < 1e-3 * np.square(expected).mean()
    return z, model


def test_int8_products_have_integer_weights() -> None:
    _, model = quantized_network()
    kinds = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    weights = [name for node in model.graph.node if node.op_type == "Gemm" for name in node.input[1:2]]
    assert [name for name in weights if name in kinds] == ["w.rows"], "the first layer stays float32"
    assert {TensorProto.INT8, TensorProto.INT32} <= {*kinds.values()}


def test_an_int8_sample_does_not_depend_on_its_batch() -> None:
    z, model = quantized_network()
    whole = samples(model, z)
    np.testing.assert_array_equal(samples(model, z[7:8])[0], whole[7])
    np.testing.assert_array_equal(samples(model, z[:40]), whole[:40])


def test_a_product_with_a_constant_activation_or_weight_of_zeros() -> None:
    model = network(("ConvTranspose", 12, K4), ("Conv", 16, K3), plane=(2, 2))
    for tensor in model.graph.initializer:
        if tensor.name in ("w", "b", "w0"):
            tensor.raw_data = bytes(len(tensor.raw_data))
    expected = samples(model)
    conv_to_gemm(model, all_convs=True)
    quantize(model, METADATA)
    np.testing.assert_allclose(samples(model), expected, atol=0.05)
