"""Normal images of a labelled data set to train on, and all of it to find the others in."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzoo.data import Data, Request, fingerprint, load
from ganzoo.data.arguments import convert_settings, split_argument
from ganzoo.data.source import Selected
from ganzoo.util.errors import GanzooError, printable

CLASSES = ("normal", "anomaly")
MOST_NAMED = 20  # classes in an error


def one_class(request: Request) -> Data:
    """Anomaly detection in labelled data, as one-class:NAME,normal=CLASS or one-class:NAME,anomaly=CLASS.

    With ``normal=7`` only the class 7 is normal, with ``anomaly=7`` all others are. The training split has the normal
    samples, without labels. The test split has all samples of the test split, labelled 0, normal, or 1, anomaly.
    A class is given by its name or its number.

    Returns:
        Samples of the shape that the data set has.

    Raises:
        GanzooError: there is no such data set or class, it has no labels, no class or two are given, or nothing is
            left to train on.
        NoTestSplit: the test split is requested, and the data set has none.
    """
    name = printable(request.name, 200)
    names, given = split_argument(request.argument)
    settings = convert_settings(request.name, given, {"normal": str, "anomaly": str})
    if not (source := ",".join(names)) or len(settings) != 1:
        raise GanzooError(
            f"{name} needs a data set and one class; use: --data one-class:mnist-10k,normal=7, or anomaly=7"
        )
    data = load(source, split=request.split, directory=request.directory, size=request.size, channels=request.channels)
    if data.labels is None or data.conditions is not None:
        raise GanzooError(f"{name}: {printable(data.name, 200)} is no data set with classes; see: ganzoo list datasets")
    [(kind, chosen)] = settings.items()
    is_anomaly = (data.labels == class_of(data, chosen, name)) == (kind == "anomaly")
    if request.split == "test":
        index, labels = np.arange(len(data)), is_anomaly.astype(np.int64)
    else:
        index, labels = np.flatnonzero(~is_anomaly), None
    if not len(index):
        raise GanzooError(f"{name} has no normal samples to train on; choose another class")
    return Data(
        name=request.name,
        labels=labels,
        classes=() if labels is None else CLASSES,
        licence=data.licence,
        **_chosen(data, index, labels),
    )


def class_of(data: Data, text: str, name: str) -> int:
    """The label of the class of that name or number. Raises GanzooError if there is none."""
    assert data.labels is not None
    count = max(len(data.classes), int(data.labels.max(initial=-1)) + 1)
    classes = data.classes or tuple(map(str, range(count)))
    for found in (
        [label for label, each in enumerate(classes) if each == text],
        [label for label, each in enumerate(classes) if each.casefold() == text.casefold()],
    ):
        if len(found) == 1:
            return found[0]
    if text.isascii() and text.isdigit() and len(text) < 10 and int(text) < count:
        return int(text)
    known = ", ".join(printable(each, 40) for each in classes[:MOST_NAMED])
    raise GanzooError(f"{name}: there is no class {printable(text, 40)!r}; there are {known}")


def _chosen(data: Data, index: NDArray[np.int64], labels: NDArray[np.int64] | None) -> dict[str, Any]:
    """Samples at an index, and the fingerprint of lazily read ones."""
    if isinstance(data.samples, np.ndarray):
        return {"samples": data.samples[index]}
    parts = np.frombuffer(data.sha256.encode(), np.uint8), index, labels
    return {"samples": Selected(data.samples, index), "sha256": fingerprint(*parts)}
