"""The metrics of a training or of a run, for Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ganzoo.util.display import MOST_ROWS, escaped, unless_it_fails
from ganzoo.util.errors import GanzooError

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-not-found, import-untyped, unused-ignore]


class History(list[dict[str, Any]]):
    """Metrics in the order of the iterations, a dictionary for each: ``{"iteration": 50, "loss.generator": 0.7, ...}``.

    A notebook shows them as a table.
    """

    @property
    def names(self) -> list[str]:
        """The metrics of all entries, in the order of their first appearance."""
        return list(dict.fromkeys(name for entry in self for name in entry if name != "findings"))

    def frame(self) -> pd.DataFrame:
        """The numbers as a table of pandas, a row for each entry, with the iterations as its index.

        Raises:
            GanzooError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ModuleNotFoundError:
            raise GanzooError("this needs pandas, which is not installed; run: pip install pandas") from None
        rows = [{name: entry.get(name) for name in self.names} for entry in self]
        return pd.DataFrame(rows, columns=self.names or ["iteration"]).set_index("iteration")

    @unless_it_fails
    def _repr_html_(self) -> str:
        names = self.names[:12]
        head = "".join(f"<th>{escaped(name)}</th>" for name in names)
        shown = self if len(self) <= MOST_ROWS // 4 else [*self[:5], {}, *self[-10:]]
        rows = "".join(
            "<tr>"
            + "".join(f"<td>{escaped(written(entry.get(name, '...' if not entry else '')))}</td>" for name in names)
            + "</tr>"
            for entry in shown
        )
        return f"<div><b>{len(self):,} entries</b><table><tr>{head}</tr>{rows}</table></div>"


def written(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
