"""What the arrays of a data set have to be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzoo.data.arrays import CHANNELS
from ganzoo.util.errors import GanzooError


def check_samples(samples: Any, what: str) -> None:
    """Refuse what are neither images nor vectors. What is read lazily is not read."""
    dtype, shape = getattr(samples, "dtype", None), getattr(samples, "shape", None)
    good = (
        "give images as uint8 (N, channels, height, width), or vectors as float32 (N, features); "
        "ganzoo.data.as_data converts others"
    )
    if not isinstance(dtype, np.dtype) or not isinstance(shape, tuple) or isinstance(samples, np.ma.MaskedArray):
        raise GanzooError(f"the {what} are a {type(samples).__name__}, not an array of numpy; {good}")
    if len(shape) != {np.dtype(np.uint8): 4, np.dtype(np.float32): 2}.get(dtype) or 0 in shape[1:]:
        raise GanzooError(f"the {what} are {dtype} {shape}; {good}")
    last = len(shape) == 4 and shape[1] not in CHANNELS and shape[3] in CHANNELS
    if last and shape[2] != shape[3]:  # which would be square images of several channels, and of few pixels
        raise GanzooError(f"the {what} have the shape {shape}, where the channels seem to come last; {good}")
    if isinstance(samples, np.ndarray) and len(shape) == 2 and not np.isfinite(samples).all():
        count = int((~np.isfinite(samples)).sum())
        raise GanzooError(f"the {what} hold {count:,} values that are not finite; remove them")


def checked_labels(labels: Any, count: int, classes: Sequence[str], name: str) -> NDArray[np.int64]:
    """Labels as int64; GanzooError unless they are whole numbers of classes, one for each of ``count`` samples."""
    if not isinstance(labels, np.ndarray) or labels.dtype.kind not in "iu" or labels.shape != (count,):
        about = f"{labels.dtype} {labels.shape}" if isinstance(labels, np.ndarray) else f"a {type(labels).__name__}"
        raise GanzooError(f"the labels of {name} are {about}; give an array of whole numbers of shape ({count},)")
    if count and (labels.min() < 0 or (classes and labels.max() >= len(classes))):
        most = f"{len(classes) - 1}, the last of its classes" if classes else "the number of classes, less one"
        raise GanzooError(f"the labels of {name} go from {labels.min()} to {labels.max()}; give 0 to {most}")
    return labels.astype(np.int64, copy=False)
