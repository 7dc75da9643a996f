"""The hooks of the pluggy entry-point group ``ganzoo``. A plugin implements those that it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pluggy

from ganzoo.registry.gan import GAN

hookspec = pluggy.HookspecMarker("ganzoo")
hookimpl = pluggy.HookimplMarker("ganzoo")

Parts = Mapping[str, Callable[..., Any]]


@hookspec
def ganzoo_gans() -> Iterable[GAN]:  # type: ignore[empty-body]
    """The GANs of this plugin."""


@hookspec
def ganzoo_generators() -> Parts:  # type: ignore[empty-body]
    """Makers ``make(task, *, setting=default, ...) -> nn.Module`` of generators, by name."""


@hookspec
def ganzoo_discriminators() -> Parts:  # type: ignore[empty-body]
    """Makers ``make(task, *, setting=default, ...) -> nn.Module`` of discriminators (critics), by name."""


@hookspec
def ganzoo_trainers() -> Parts:  # type: ignore[empty-body]
    """Trainers ``train(nets, draw, *, setting=default, ...)``, generator functions of one iteration, by name."""


@hookspec
def ganzoo_optimizers() -> Parts:  # type: ignore[empty-body]
    """Makers ``make(parameters, *, lr=..., ...) -> torch.optim.Optimizer``, by name."""


@hookspec
def ganzoo_augmentations() -> Parts:  # type: ignore[empty-body]
    """Makers ``make(task, *, setting=default, ...) -> nn.Module | None`` of augmentations, by name; for ``--augment``.

    The module maps the samples and conditions that a discriminator is given to as many tensors.
    """


@hookspec
def ganzoo_schedules() -> Parts:  # type: ignore[empty-body]
    """Functions of the progress from 0 to 1, which give a factor from 1 to 0, by name; for ``lr_schedule``."""


@hookspec
def ganzoo_datasets() -> Parts:  # type: ignore[empty-body]
    """Loaders ``load(request) -> ganzoo.data.Data``, by name; ``name:ARGUMENT`` passes ARGUMENT in the request."""


@hookspec
def ganzoo_loggers() -> Parts:  # type: ignore[empty-body]
    """Makers ``make() -> ganzoo.loggers.Logger`` of what gets the metrics of a run, by name; for ``--log-to``."""


@hookspec
def ganzoo_metrics() -> Parts:  # type: ignore[empty-body]
    """Functions ``measure(generated, real) -> Mapping[str, float]`` of samples, by name; for ``--metric``.

    Both are uint8 images ``(N, channels, height, width)`` or float vectors ``(N, features)``, of different N. The
    function may raise a GanzooError for samples that it is not meant for. It changes neither array, and gives the same
    names and numbers for the same samples. Lower is better where the first number decides on the best weights.
    """
