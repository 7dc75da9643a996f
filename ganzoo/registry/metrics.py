"""Calls of metrics that plugins register, whose results are checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Real
from typing import TYPE_CHECKING, Any

from ganzoo.registry.registry import check_name
from ganzoo.util.errors import GanzooError, first_line

if TYPE_CHECKING:
    from numpy.typing import NDArray


class MetricFailed(GanzooError):  # noqa: N818
    """A metric raises, or returns anything else than named numbers."""


def measure(name: str, function: Callable[..., Any], generated: NDArray[Any], real: NDArray[Any]) -> dict[str, float]:
    """The numbers of a metric, each as ``METRIC.NUMBER``.

    Args:
        name: of the metric.
        function: what is registered under it.
        generated, real: samples ``(N, ...)`` and ``(M, ...)``, which the function may only read.

    Raises:
        MetricFailed: it raises, or returns anything else than named numbers.
        GanzooError: it refuses these samples.
    """
    for samples in (generated, real):
        samples.setflags(write=False)
    try:
        found = function(generated, real)
    except GanzooError as error:
        raise GanzooError(f"metric '{name}': {error}") from None
    except (Exception, SystemExit) as error:
        raise MetricFailed(f"metric '{name}' failed: {first_line(error)} (GANZOO_DEBUG=1 shows where)") from error
    try:
        return {f"{name}.{key}": value for key, value in named_numbers(found).items()}
    except (TypeError, ValueError) as error:
        raise MetricFailed(f"metric '{name}' has to return named numbers: {error}") from None


def named_numbers(found: object) -> dict[str, float]:
    """A mapping from names to numbers, as floats; TypeError or ValueError for anything else."""
    if not isinstance(found, Mapping) or not found:
        raise TypeError(f"it returned {found!r:.60}")
    for key, value in found.items():
        check_name("number", key)
        if isinstance(value, bool) or not isinstance(value, Real):
            raise TypeError(f"{key} is {value!r:.60}")
    return {key: float(value) for key, value in found.items()}
