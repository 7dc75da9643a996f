"""The metadata of generator files: one record for weights (safetensors), and one for exports (ONNX)."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self, get_args

from ganzoo.registry.gan import PARTS
from ganzoo.registry.renamed import rename_settings
from ganzoo.util.errors import GanzooError, first_line, printable
from ganzoo.util.files import require_file
from ganzoo.util.optional import needs

FORMAT = 2
"""The format that is written. All formats from 1 are read."""
MAX_VALUES = 2**26
"""Values that a file may ask for in one sample, latent or embedding."""

MAX_LATENT = 2**20
"""Length of a latent or a condition, as in :class:`ganzoo.registry.recipe.LoopSettings`."""
MAX_CLASSES = 2**16
MAX_SIDE = 2**16  # pixels
MAX_TEXT = 1000  # characters
MAX_SETTINGS = 1000
MAX_LIST = 64  # values of one setting, such as the widths of layers
MAX_PARENTS = 8  # of parents of parents
MAX_ITERATIONS = 10**12
MAX_NUMBER = 2**64
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
MAX_JSON_BYTES = 2**20

Distribution = Literal["normal", "uniform", "sphere"]
Stage = Literal["child", "parent"]
Precision = Literal["fp32", "fp16", "int8"]
OutputDtype = Literal["float32", "uint8"]

ENTRY_INPUTS = ("z", "labels", "conditions", "samples")
"""What a method of a network may take to be exported, by the names of its arguments."""

_FORMAT_1_KEYS = {
    "rounds": "iterations",
    "latent": "latent_dim",
    "labels": "num_classes",
    "conditions": "condition_dim",
    "form": "precision",
}


@dataclass(frozen=True, kw_only=True)
class DataMetadata:
    """The data set that a generator was trained on.

    Attributes:
        name: of the data set.
        sha256: of its samples, labels and conditions; empty where it is not known.
        licence: empty where it is not known.
        classes: names in the order of the labels.
    """

    name: str
    sha256: str = ""
    licence: str = ""
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """What a file says about its generator.

    Attributes:
        gan: name of the GAN.
        settings: all settings of the training by key, see :meth:`ganzoo.registry.recipe.Recipe.flat`.
        data: the data set.
        shape: of one sample: ``(C, H, W)`` or ``(features,)``.
        range: smallest and largest value of a sample, (-1, 1) or (0, 1); ``None`` where it is unbounded.
        num_classes: of a class-conditional GAN; 0 for others.
        condition_dim: length of the regression inputs; 0 where there are none.
        condition_image: shape ``(c, h, w)`` of the images that samples are made from; ``()`` where there are none.
        free: whether images of any height and width can be made, from such images.
        reach: how many pixels of a condition away from it a pixel depends on at most; ``None`` where that may be all.
        multiple: of which tiles of a large image have to begin at multiples.
        latent_dim: length of z; 0 for a generator that takes none.
        distribution: of z, see :mod:`ganzoo.generators.latents`.
        iterations: of training so far.
        seed: of the training; ``None`` where it is not known.
        ganzoo, torch: the versions that trained it; empty where they are not known.
        frozen: SHA-256 of networks that helped in the training, and were neither trained nor saved, by name.
    """

    gan: str
    settings: Mapping[str, Any]
    data: DataMetadata
    shape: tuple[int, ...]
    range: tuple[float, float] | None
    num_classes: int
    condition_dim: int
    latent_dim: int
    distribution: Distribution
    iterations: int
    seed: int | None = None
    ganzoo: str = ""
    torch: str = ""
    frozen: Mapping[str, str] = field(default_factory=dict)
    condition_image: tuple[int, ...] = ()
    free: bool = False
    reach: int | None = None
    multiple: int = 1

    @property
    def condition(self) -> tuple[int, ...]:
        """Shape of what each sample is made from besides z and a label; ``()`` for nothing."""
        return self.condition_image or ((self.condition_dim,) if self.condition_dim else ())

    @property
    def scale(self) -> int:
        """How many times as large as the image that it is made from a sample is."""
        return self.shape[1] // self.condition_image[1] if self.condition_image else 1

    def shape_from(self, condition: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of a sample that is made from an image of that shape."""
        return (self.shape[0], *(side * self.scale for side in condition[1:])) if self.free else self.shape

    @property
    def is_image(self) -> bool:
        """Whether a sample is an image, ``(C, H, W)`` in a bounded range."""
        return len(self.shape) == 3 and self.range is not None

    def to_json(self) -> dict[str, Any]:
        """All fields as JSON values; :meth:`from_json` reads them back."""
        values = asdict(self)
        values["shape"], values["range"] = list(self.shape), list(self.range) if self.range else None
        values["data"]["classes"] = list(self.data.classes)
        if not self.frozen:
            del values["frozen"]
        values["condition_image"] = list(self.condition_image)
        if not self.condition_image:  # as files had it before there were any
            for name in ("condition_image", "free", "reach", "multiple"):
                del values[name]
        return {"format": FORMAT, **values}

    def require_readable(self, source: str) -> None:
        """Refuse what :func:`read_metadata` would not read again, before anything is trained or written.

        Raises:
            GanzooError: a field is out of bounds, or all together are too long; the message names ``source``.
        """
        text = json.dumps(self.to_json())
        require_short(text, source)
        self.from_json(json.loads(text), source)

    @classmethod
    def from_json(cls, values: Mapping[str, Any], source: str | Path) -> Self:
        """The metadata in a JSON object of any format up to :data:`FORMAT`; further keys are ignored.

        Args:
            values: the object.
            source: the file that it is from, for the message of an error.

        Raises:
            GanzooError: the format is newer, or a field is missing, of the wrong type or out of bounds.
        """
        check_format(values, source)
        if values["format"] == 1:
            values = {_FORMAT_1_KEYS.get(key, key): value for key, value in values.items()}
            if isinstance(settings := values.get("settings"), dict):
                values["settings"] = rename_settings(settings)
        for name, is_valid in cls._checks(values):
            if not is_valid:
                raise GanzooError(f"{source} has bad metadata: '{name}' is {shown(values.get(name))}")
        return cls(**cls._fields(values))

    @classmethod
    def _checks(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
        """Each field's name and whether it is valid. A check may rely on those before it."""
        get = values.get
        gan: Any = get("gan")
        yield "gan", _is_text(gan) and gan != "" and not CONTROL.search(gan)
        settings: Any = get("settings")
        yield "settings", isinstance(settings, dict) and len(settings) <= MAX_SETTINGS
        yield "settings", all(map(_is_setting, settings, settings.values()))
        data: Any = get("data")
        yield "data", isinstance(data, dict) and isinstance(data.get("classes"), list)
        yield "data", _is_text(data.get("name"), data.get("sha256", ""), data.get("licence", ""))
        yield "data", len(data["classes"]) <= MAX_CLASSES and _is_text(*data["classes"])
        shape = get("shape")
        yield "shape", isinstance(shape, list) and 1 <= len(shape) <= 3 and all(_is_count(side, 1) for side in shape)
        yield "shape", math.prod(get("shape", ())) <= MAX_VALUES
        yield "range", "range" in values and get("range") in (None, [-1.0, 1.0], [0.0, 1.0])
        for name, smallest, largest in (
            ("num_classes", 0, MAX_CLASSES),
            ("condition_dim", 0, MAX_LATENT),
            ("latent_dim", 0, MAX_LATENT),
            ("iterations", 0, MAX_ITERATIONS),
        ):
            yield name, _is_count(get(name), smallest, largest)
        yield from cls._condition_checks(values)
        yield "distribution", get("distribution") in get_args(Distribution)
        yield "seed", get("seed") is None or _is_count(get("seed"), -(2**63), 2**64)
        for name in ("ganzoo", "torch"):
            yield name, _is_text(get(name, ""))
        frozen: Any = get("frozen", {})
        yield "frozen", isinstance(frozen, dict) and len(frozen) <= MAX_LIST and _is_text(*frozen, *frozen.values())

    @classmethod
    def _condition_checks(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
        image, shape = values.get("condition_image", []), values["shape"]
        yield "latent_dim", values["latent_dim"] > 0 or image != []
        yield (
            "condition_image",
            isinstance(image, list) and len(image) in (0, 3) and all(_is_count(n, 1) for n in image),
        )
        yield (
            "condition_image",
            not image
            or (
                math.prod(image) <= MAX_VALUES
                and not values["condition_dim"]
                and len(shape) == 3
                and values["range"] is not None
            ),
        )
        free, reach, multiple = values.get("free", False), values.get("reach"), values.get("multiple", 1)
        sides = [divmod(made, given) for made, given in zip(shape[1:], image[1:], strict=True)] if image else []
        yield (
            "free",
            type(free) is bool and (not free or (len(set(sides)) == 1 and sides[0][0] > 0 and not sides[0][1])),
        )
        yield "reach", reach is None or (free and _is_count(reach, 0, MAX_SIDE))
        yield "multiple", _is_count(multiple, 1, MAX_SIDE)

    @classmethod
    def _fields(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of the constructor, from values that were checked."""
        names = [name for name in Metadata.__dataclass_fields__ if name in values]
        data = {name: values["data"][name] for name in DataMetadata.__dataclass_fields__ if name in values["data"]}
        return {name: values[name] for name in names} | {
            "data": DataMetadata(**data | {"classes": tuple(data["classes"])}),
            "shape": tuple(values["shape"]),
            "range": tuple(values["range"]) if values["range"] else None,
            "condition_image": tuple(values.get("condition_image", ())),
        }


class Tensor(NamedTuple):
    """An input or output of an exported graph. ``N`` in a shape is the number of samples."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]


@dataclass(frozen=True, kw_only=True)
class ExportMetadata(Metadata):
    """The metadata of an ONNX file.

    Attributes:
        output_dtype: ``float32`` samples ``(N, *shape)``, or ``uint8`` images ``(N, H, W, C)``.
        precision: of weights and arithmetic: ``fp32``, ``fp16`` or ``int8``.
        stage: whether the graph is the generator, or the parent inside it.
        opset: version of the ONNX operators.
        weights_sha256: of the weights file that was exported.
        entry: the method that the graph is of, such as ``generator.encode``; empty for the generator itself.
        entry_inputs: what that method takes: some of ``z``, ``labels``, ``conditions`` and ``samples``.
        entry_shape: shape of what it gives for one of them; ``H`` and ``W`` are the sides of the input.
        sampling: values of the settings of sampling that are fixed in the graph.
        sampling_inputs: the settings of sampling that are inputs of the graph, float32 scalars, with their defaults.
        parity: how the graph differs from torch, see :class:`ganzoo.export.parity.Report`.
    """

    output_dtype: OutputDtype = "float32"
    precision: Precision = "fp32"
    stage: Stage = "child"
    opset: int = 0
    weights_sha256: str = ""
    entry: str = ""
    entry_inputs: tuple[str, ...] = ()
    entry_shape: tuple[int | str, ...] = ()
    sampling: Mapping[str, Any] = field(default_factory=dict)
    sampling_inputs: Mapping[str, float] = field(default_factory=dict)
    parity: Mapping[str, Any] = field(default_factory=dict)

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The inputs of the graph in order: ``z``, and ``labels``, ``conditions`` or both for a conditional GAN.

        Those of an entry are what its method takes.
        """
        if self.entry:
            known = {one.name: one for one in replace(self, entry="").inputs}
            sides = (self.shape[0], "H", "W") if self.free and self.scale == 1 else self.shape
            known["samples"] = Tensor("samples", "float32", ("N", *sides))
            return tuple(known[name] for name in self.entry_inputs if name in known)
        inputs = [Tensor("z", "float32", ("N", self.latent_dim))]
        if self.num_classes:
            inputs.append(Tensor("labels", "int64", ("N",)))
        if self.condition:
            sides = (self.condition[0], "H", "W") if self.free else self.condition
            inputs.append(Tensor("conditions", "float32", ("N", *sides)))
        return (*inputs, *(Tensor(name, "float32", ()) for name in self.sampling_inputs))

    @property
    def output(self) -> Tensor:
        """The output of the graph, ``samples``. Free sides are those of the input, H and W, or multiples such as 4H."""
        if self.entry:
            return Tensor("outputs", "float32", ("N", *self.entry_shape))
        times = "" if self.scale == 1 else str(self.scale)
        shape: tuple[int | str, ...] = (self.shape[0], f"{times}H", f"{times}W") if self.free else self.shape
        if self.output_dtype == "uint8":
            shape = (*shape[1:], shape[0])
        return Tensor("samples", self.output_dtype, ("N", *shape))

    def output_shape(self, feeds: Mapping[str, Any]) -> tuple[int, ...]:
        """Shape of one output for such arrays as inputs, by their names; free sides follow from theirs."""
        sizes = {
            side: feeds[name].shape[axis]
            for name, _, shape in self.inputs
            for axis, side in enumerate(shape)
            if isinstance(side, str)
        }
        sizes |= {f"{self.scale}{name}": self.scale * sizes[name] for name in "HW" if name in sizes}
        return tuple(sizes[side] if isinstance(side, str) else side for side in self.output.shape[1:])

    @property
    def output_range(self) -> tuple[float, float] | None:
        """Smallest and largest value of the output; ``None`` where it is unbounded, or of an entry."""
        if self.entry:
            return None
        return (0, 255) if self.output_dtype == "uint8" else self.range

    @property
    def layout(self) -> str:
        """Order of the output's axes: ``NCHW``, ``NHWC`` or ``vector``."""
        return "NHWC" if self.output_dtype == "uint8" else "NCHW" if len(self.shape) == 3 else "vector"

    def to_json(self) -> dict[str, Any]:
        """All fields as JSON values, with ``inputs`` and ``output`` spelled out for other programs."""
        values = super().to_json()
        del values["output_dtype"]
        values |= {name: list(values[name]) for name in ("entry_inputs", "entry_shape")}
        for name in ("entry", "entry_inputs", "entry_shape", "sampling", "sampling_inputs"):
            if not values[name]:
                del values[name]
        extras: dict[str, dict[str, Any]] = {
            "z": {"distribution": self.distribution},
            "labels": {"classes": values["data"]["classes"]},
            **{name: {"default": default} for name, default in self.sampling_inputs.items()},
        }
        values["inputs"] = [_tensor_json(tensor) | extras.get(tensor.name, {}) for tensor in self.inputs]
        limits = list(self.output_range) if self.output_range else None
        return values | {"output": _tensor_json(self.output) | {"layout": self.layout, "range": limits}}

    @classmethod
    def _checks(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
        yield from super()._checks(values)
        output, is_image = values.get("output"), len(values["shape"]) == 3 and values["range"] is not None
        yield "output", isinstance(output, dict) and output.get("dtype") in get_args(OutputDtype)[: 1 + is_image]
        yield "precision", values.get("precision") in get_args(Precision)
        yield "stage", values.get("stage") in get_args(Stage)
        yield "opset", _is_count(values.get("opset"), 1)
        yield "weights_sha256", _is_text(values.get("weights_sha256"))
        parity: Any = values.get("parity", {})
        yield "parity", isinstance(parity, dict) and len(parity) <= MAX_LIST
        entry, taken, shape = (values.get(f"entry{part}", []) for part in ("", "_inputs", "_shape"))
        yield "entry", entry == [] or (_is_text(entry) and all(part.isidentifier() for part in entry.split(".")))
        yield "entry_inputs", isinstance(taken, list) and all(name in ENTRY_INPUTS for name in taken)
        yield "entry_inputs", len(set(taken)) == len(taken) and bool(taken) == bool(entry)
        yield "entry_shape", isinstance(shape, list) and len(shape) <= 3
        yield "entry_shape", all(side in ("H", "W") or _is_count(side, 1) for side in shape)
        fixed, inputs = values.get("sampling", {}), values.get("sampling_inputs", {})
        yield "sampling", isinstance(fixed, dict) and len(fixed) <= MAX_LIST
        yield "sampling", all(name.isidentifier() and _is_setting(name, value) for name, value in fixed.items())
        yield "sampling_inputs", isinstance(inputs, dict) and len(inputs) <= MAX_LIST
        yield (
            "sampling_inputs",
            all(_is_input(name) and type(n) is float and _is_scalar(n) for name, n in inputs.items()),
        )
        expected = cls(**cls._fields(values)).to_json()
        for name in ("inputs", "output"):
            yield name, values.get(name) == expected[name]

    @classmethod
    def _fields(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        names = ("precision", "stage", "opset", "weights_sha256", "entry", "sampling", "sampling_inputs", "parity")
        return {
            **super()._fields(values),
            **{name: values[name] for name in names if name in values},
            **{name: tuple(values.get(name, ())) for name in ("entry_inputs", "entry_shape")},
            "output_dtype": values["output"]["dtype"],
        }


def check_format(values: Mapping[str, Any], source: str | Path) -> None:
    """Refuse a JSON object whose ``format`` is not one that this version reads."""
    found = values.get("format")
    if type(found) is int and found > FORMAT:
        raise GanzooError(
            f"{source} has format {shown(found)}, and this ganzoo reads formats up to {FORMAT}; "
            "run: pip install --upgrade ganzoo-kit"
        )
    if type(found) is not int or found < 1:
        raise GanzooError(f"{source} has bad metadata: 'format' is {shown(found)}")


def read_json(path: str | Path) -> dict[str, Any]:
    """The JSON object in a safetensors file that ganzoo wrote. Needs no torch.

    Raises:
        GanzooError: there is no such file, or it is not one of ganzoo's, or its format is newer.
    """
    with needs():
        from safetensors import SafetensorError, safe_open
    require_file(path)
    try:
        with safe_open(str(path), "np") as file:
            text = (file.metadata() or {}).get("ganzoo", "null")
        require_short(text, path)
        values = json.loads(text)
    except (SafetensorError, OSError, ValueError, RecursionError, MemoryError) as error:
        raise GanzooError(f"{path} is no readable safetensors file: {first_line(error)}") from None
    if not isinstance(values, dict):
        raise GanzooError(f"{path} was not written by ganzoo: its header has no entry 'ganzoo'")
    check_format(values, path)
    return values


def require_short(text: str | bytes, source: str | Path) -> None:
    """Refuse metadata that are too long to be read."""
    if len(text) > MAX_JSON_BYTES:
        raise GanzooError(f"{source} has metadata of {len(text):,} bytes; at most {MAX_JSON_BYTES:,} are read")


def read_metadata(path: str | Path) -> Metadata:
    """The metadata of a weights file or checkpoint (safetensors). Needs no torch.

    Raises:
        GanzooError: see :func:`read_json` and :meth:`Metadata.from_json`.
    """
    return Metadata.from_json(read_json(path), path)


def shown(value: object) -> str:
    """A value from a file, cut to a length that fits into one line."""
    try:
        return printable(repr(value), 63)
    except (RecursionError, ValueError):  # nested too deeply, or an integer with too many digits
        return f"a {type(value).__name__} that is too large to show"


def _is_text(*values: object) -> bool:
    return all(isinstance(value, str) and len(value) <= MAX_TEXT for value in values)


def _is_count(value: Any, smallest: int, largest: int = MAX_VALUES) -> bool:
    return type(value) is int and smallest <= value <= largest


def _is_setting(key: str, value: Any) -> bool:
    """Whether a key has few parents, and its value is a text, a number, or a short list of these."""
    if len(key) > MAX_TEXT or key.count("parent.") > MAX_PARENTS:
        return False
    if key.rpartition(".")[2] in (*PARTS, "parent"):
        return _is_text(value)
    if isinstance(value, list):
        return len(value) <= MAX_LIST and all(map(_is_scalar, value))
    return _is_scalar(value)


def _is_input(name: str) -> bool:
    """Whether a setting may be an input of a graph in addition to the usual ones."""
    return name.isidentifier() and len(name) <= MAX_LIST and name not in (*ENTRY_INPUTS, "outputs")


def _is_scalar(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= MAX_TEXT
    if isinstance(value, float):
        return not math.isnan(value)
    return value is None or (isinstance(value, int) and abs(value) <= MAX_NUMBER)


def _tensor_json(tensor: Tensor) -> dict[str, Any]:
    return {"name": tensor.name, "dtype": tensor.dtype, "shape": list(tensor.shape)}
