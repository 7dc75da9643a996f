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
from importlib import import_module
from importlib.metadata import version
from operator import index
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsIndex

from ganzoo.parts.task import Task
from ganzoo.registry.gan import GAN
from ganzoo.registry.hookspecs import hookimpl
from ganzoo.registry.registry import registry
from ganzoo.util.errors import GanzooError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ganzoo.data import Data
    from ganzoo.evaluation import evaluate
    from ganzoo.generators.onnx_session import Sampler
    from ganzoo.generators.weights import Model
    from ganzoo.training.loop import Training

__all__ = ["GAN", "GanzooError", "Sampler", "Task", "evaluate", "get", "hookimpl", "load", "train"]
__version__ = version("ganzoo-kit")

_LAZY = {"Sampler": "ganzoo.generators.onnx_session", "evaluate": "ganzoo.evaluation"}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'ganzoo' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


def get(name: str) -> GAN:
    """The registered GAN of that name.

    Raises:
        GanzooError: there is none; the message suggests the nearest name.
    """
    return registry().gan(name)


def train(
    gan: str | GAN,
    data: str | Data | None = None,
    *,
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
    """A training, as an iterator of iterations. Nothing is written to disk.

    Sample the result with ``training.model().sample(64)``, save it with ``training.model().save(path)``.

    Args:
        gan: a record, or the name of a registered one.
        data: a data set or its name; the GAN's own choice by default.
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
        GanzooError: an unknown name or setting, a value that does not fit, a missing parent, or weights of which
            nothing fits.
    """
    from ganzoo import data as datasets
    from ganzoo.generators.weights import Model, with_parent
    from ganzoo.parts.build import refuse_ignored_with
    from ganzoo.registry.recipe import refuse_ignored, resolve
    from ganzoo.training.device import choose_device, configure_process
    from ganzoo.training.initial import Initial, read_initial, require_weights
    from ganzoo.training.loop import Training

    record = get(gan) if isinstance(gan, str) else gan
    if not isinstance(record, GAN):
        raise GanzooError(f"gan={gan!r:.60} is neither the name of a GAN nor a ganzoo.GAN; list them with: ganzoo list")
    if isinstance(seed, bool) or not isinstance(seed, SupportsIndex) or not 0 <= (seed := index(seed)) < 2**63:
        raise GanzooError(f"seed={seed!r:.60} is not a whole number from 0 to 2**63 - 1")
    recipe = resolve(record, settings, preset=preset)
    if recipe.parent and parent is None and recipe.loop.parent_training == "first":
        raise GanzooError(
            f"{record.name} has the parent {recipe.parent.gan.name}: train that first and pass "
            "parent=ganzoo.load(path), or train both in every iteration with parent_training='joint'"
        )
    if data is None or isinstance(data, str):
        data = datasets.load(record.data if data is None else data)
    if not isinstance(data, datasets.Data):
        raise GanzooError(f"data is a {type(data).__name__}; give the name of a data set, or a ganzoo.data.Data")
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


def load(source: str | Path) -> Model:
    """Trained weights, ready to be sampled: of a run folder, a safetensors file, or the name of a GAN.

    Raises:
        GanzooError: there are none, or they do not fit.
    """
    from ganzoo.generators import weights

    return weights.load(weights.find(str(source)))
