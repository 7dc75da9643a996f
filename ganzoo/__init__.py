"""A registry of GANs, one training loop, and generators that run anywhere.

    >>> import ganzoo
    >>> ganzoo.get("dcgan").paper
    'Radford et al., 2016, arXiv:1511.06434'

    >>> for iteration in ganzoo.train("simple", iterations=2, batch_size=8):
    ...     print(iteration.number, sorted(iteration.losses))
    1 ['discriminator', 'generator']
    2 ['discriminator', 'generator']

torch is imported when something that needs it is first used.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from importlib import import_module
from importlib.metadata import version
from operator import index
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsIndex

from ganzoo.parts.task import Task
from ganzoo.registry.gan import GAN
from ganzoo.registry.hookspecs import hookimpl
from ganzoo.registry.registry import KINDS, check_record, registry
from ganzoo.util.errors import GanzooError, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ganzoo.evaluation import evaluate
    from ganzoo.generators.onnx_session import Sampler
    from ganzoo.generators.weights import Model
    from ganzoo.pages.explore import explore
    from ganzoo.records.history import History
    from ganzoo.runs.in_python import run
    from ganzoo.training.loop import Training

__all__ = [
    "GAN",
    "GanzooError",
    "Sampler",
    "Task",
    "evaluate",
    "explore",
    "get",
    "history",
    "hookimpl",
    "load",
    "part",
    "run",
    "train",
]
__version__ = version("ganzoo-kit")

_LAZY = {
    "Sampler": "ganzoo.generators.onnx_session",
    "evaluate": "ganzoo.evaluation",
    "explore": "ganzoo.pages.explore",
    "run": "ganzoo.runs.in_python",
}
_MODULES = ("data", "evaluation", "export", "parts", "testing")
"""The public modules, which are imported at their first use: ``ganzoo.data`` after ``import ganzoo``."""


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    if name in _MODULES:
        return import_module(f"ganzoo.{name}")
    raise AttributeError(f"module 'ganzoo' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted((*__all__, *_MODULES))


def get(name: str) -> GAN:
    """The registered GAN of that name.

    Raises:
        GanzooError: there is none; the message suggests the nearest name.
    """
    return registry().gan(name)


def part(kind: str, name: str) -> Callable[..., Any]:
    """The registered part of that kind and name, such as ``part("generator", "dense")``.

    Args:
        kind: ``generator``, ``discriminator``, ``trainer``, ``optimizer``, ``augmentation``, ``schedule`` or
            ``dataset``.
        name: as ``ganzoo list generators`` and so on have it.

    Raises:
        GanzooError: there is none; the message suggests the nearest name.
    """
    if kind not in KINDS:
        raise GanzooError(f"there are no parts of the kind {kind!r:.60}; the kinds are {', '.join(KINDS)}")
    return registry().part(kind, name)


def train(
    gan: str | GAN,
    data: Any = None,
    *,
    labels: Any = None,
    seed: int = 0,
    device: str = "auto",
    precision: str = "auto",
    threads: int | None = None,
    compile: bool = False,
    graph: bool = False,
    preset: str | None = None,
    parent: Model | None = None,
    init: str | Path | Model | None = None,
    freeze: Sequence[str] = (),
    **settings: Any,
) -> Training:
    """A training, as an iterator of iterations. Nothing is written to disk; :func:`run` trains in a folder.

    Sample the result with ``training.model().sample(64)``, save it with ``training.model().save(path)``.

    Args:
        gan: a record, or the name of a registered one.
        data: a data set or its name; an array, a tensor, a list of images or whatever else
            :func:`ganzoo.data.as_data` takes; or the GAN's own choice by default. ``training.data.notes`` says what of
            it was guessed.
        labels: the class of each sample, for a class-conditional GAN and data that are given without.
        seed: of all random numbers.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.
        precision: ``auto``, ``fp32`` or ``bf16``.
        threads: CPU threads of the whole process. By default their number stays as it is.
        compile: compile iterations, which takes a while and a C++ compiler. Experimental.
        graph: capture an iteration as a CUDA graph and replay it. Experimental.
        preset: one of the GAN's named sets of settings.
        parent: the trained parent, ``ganzoo.load(path)``, for a GAN that has one.
        init: trained weights to begin with, as :func:`load` takes or returns them. Each layer whose tensors have the
            names and shapes of those here is taken over; ``training.beginning.lines`` says which.
        freeze: layers of those weights that are not trained, such as ``["discriminator.0-3"]`` (Mo et al., 2020).
        settings: what ``--set`` takes, such as ``batch_size=32``.

    Raises:
        GanzooError: an unknown name or setting, a value or data that do not fit, a missing parent, or weights of which
            nothing fits.
    """
    from ganzoo import data as datasets
    from ganzoo.generators.weights import Model, with_parent
    from ganzoo.parts.build import refuse_ignored_with
    from ganzoo.registry.recipe import refuse_ignored, resolve
    from ganzoo.training.device import choose_device, configure_process
    from ganzoo.training.initial import Initial, read_initial, require_weights
    from ganzoo.training.loop import Training

    record = _record(gan)
    if isinstance(seed, bool) or not isinstance(seed, SupportsIndex) or not 0 <= (seed := index(seed)) < 2**63:
        raise GanzooError(f"seed={seed!r:.60} is not a whole number from 0 to 2**63 - 1")
    recipe = resolve(record, settings, preset=preset)
    if recipe.parent and parent is None and recipe.loop.parent_training == "first":
        raise GanzooError(
            f"{record.name} has the parent {recipe.parent.gan.name}: train that first and pass "
            "parent=ganzoo.load(path), or train both in every iteration with parent_training='joint'"
        )
    if labels is not None and not record.conditional:
        raise GanzooError(
            f"labels change nothing: {record.name} is not class-conditional; leave them out, or train cgan"
        )
    data = datasets.as_data(record.data if data is None else data, labels)
    if threads is not None:
        configure_process(threads)
    refuse_ignored(recipe, settings, trained_parent=parent is not None)
    refuse_ignored_with(data, recipe, settings)
    recipe = with_parent(recipe, parent, data.shape)
    layers = (freeze,) if isinstance(freeze, str) else tuple(freeze)
    require_weights(init, layers)
    if not isinstance(init, str | Path | Model | None):
        raise GanzooError(f"init is a {type(init).__name__}; give a path or name, or what ganzoo.load returns")
    initial = read_initial(str(init), layers) if isinstance(init, str | Path) else Initial(init, layers)
    frozen = copy.deepcopy(parent.networks).freeze() if parent else None  # the caller may use the parent elsewhere
    chosen = choose_device(device, precision, images=data.is_images, compile=compile, graph=graph)
    return Training(recipe, data, chosen, seed=seed, parent=frozen, initial=initial)


def _record(gan: object) -> GAN:
    """The record of a GAN, or of that name; GanzooError for anything else."""
    if isinstance(gan, str):
        return get(gan)
    if not isinstance(gan, GAN):
        what = printable(repr(gan), 60)
        raise GanzooError(
            f"gan={what} is neither the name of a GAN nor a ganzoo.GAN; list them with: ganzoo list. Networks of your "
            "own become one by ganzoo.GAN(generator=..., discriminator=..., ...)"
        )
    try:
        check_record(gan)
    except (TypeError, ValueError) as error:
        raise GanzooError(str(error)) from None
    return gan


def history(source: Training | str | Path) -> History:
    """The metrics of a training so far, or of a run folder, as a list with a dictionary for each iteration.

    ``ganzoo.history(training).frame()`` is a table of pandas.

    Args:
        source: a training, of which at most 2,000 iterations are kept, at even distances; or a run folder, whose log
            has means over 50 iterations or 5 seconds.

    Raises:
        GanzooError: there is no such run, or its log cannot be read.
    """
    from ganzoo.records.history import History

    if isinstance(source, str | PathLike):
        from ganzoo.records.run_folder import RunFolder

        folder = RunFolder(source)
        folder.record  # noqa: B018  # raises if it is no run
        return History(folder.metrics)
    if (kept := getattr(source, "kept", None)) is None:
        raise GanzooError(f"a {type(source).__name__} has no metrics; give a training, or the path of a run folder")
    return History(kept.read())


def load(source: str | Path, *, gan: GAN | None = None) -> Model:
    """Trained weights, ready to be sampled: of a run folder, a safetensors file, or the name of a GAN.

    Args:
        source: a path, or a name.
        gan: the record that they were trained with, if no plugin registers it.

    Raises:
        GanzooError: there are none, or they do not fit.
    """
    from ganzoo.generators import weights
    from ganzoo.generators.metadata import read_metadata

    path = weights.find(str(source))
    if gan is None:
        return weights.load(path)
    record, known = _record(gan), registry()
    if (name := read_metadata(path).gan) != record.name:
        raise GanzooError(
            f"{path} holds weights of {name:.100}, and gan= is {record.name}; give the record of {name:.100}"
        )
    return weights.load(path, among=replace(known, gans=known.gans | {record.name: record}, conflicts={}))
