"""What distinguishes one run of a recipe from another: data, seed, device, and how often it saves."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

from ganzoo import data as datasets
from ganzoo.util.errors import GanzooError


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of a run, besides its recipe. Together they are the content of ``run.json``.

    Attributes:
        data: name of the data set.
        image_size: height and width in pixels, for data sets of any size.
        channels: ``grey``, ``rgb`` or ``rgba``, for a folder of images; those of the images by default.
        data_dir: folder for files of downloaded data sets.
        seed: of all random numbers.
        device, precision, compile, graph: see :func:`ganzoo.training.device.choose_device`.
        threads: of the CPU; see :func:`ganzoo.training.device.configure_process`.
        sample_every, save_every: iterations between sample grids, and between checkpoints; a tenth of the run by
            default.
        evaluate_every: iterations between scores of generated samples; ``None`` for never.
        metrics: metrics of plugins that are computed with each score.
        keep_every: iterations between checkpoints that later ones do not replace; ``None`` for none.
        init: run folder, file or name of the trained weights that the run began with; ``None`` for random ones.
        freeze: layers that are not trained; see :func:`ganzoo.training.initial.chosen_layers`.
        log_to: loggers that get the metrics and pictures of the run.
        command: the command line of the user.
    """

    data: str
    image_size: int | None = None
    channels: datasets.Channels | None = None
    data_dir: str | None = None
    seed: int = 0
    device: str = "auto"
    precision: str = "auto"
    threads: int | None = None
    compile: bool = False
    graph: bool = False
    sample_every: int | None = None
    save_every: int | None = None
    evaluate_every: int | None = None
    metrics: tuple[str, ...] = ()
    keep_every: int | None = None
    init: str | None = None
    freeze: tuple[str, ...] = ()
    log_to: tuple[str, ...] = ()
    command: str = ""

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Self:
        """The options in the record of a run, as :meth:`ganzoo.records.run_folder.RunFolder.read_record` returns it."""
        found = ((field.name, record[field.name]) for field in fields(cls))
        values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in found}
        return cls(**values)

    def of_parent(self) -> Self:
        """The same for a parent that is trained first, whose networks are new."""
        return replace(self, init=None, freeze=())

    def with_absolute_paths(self) -> Self:
        """The same data, found from any working directory."""
        directory = self.data_dir or os.environ.get("GANZOO_DATA_DIR")
        return replace(
            self,
            data=datasets.absolute_name(self.data),
            data_dir=str(Path(directory).expanduser().absolute()) if directory else None,
        )

    def load_data(self, split: Literal["train", "test"] = "train") -> datasets.Data:
        """Load the data set; once, however often these options are asked.

        Raises:
            GanzooError: it cannot be read, or has no images of the size or channels that are asked for.
        """
        if split not in self._loaded:
            self._loaded[split] = self._load(split)
        return self._loaded[split]

    @cached_property
    def _loaded(self) -> dict[str, datasets.Data]:
        return {}

    def _load(self, split: Literal["train", "test"]) -> datasets.Data:
        data = datasets.load(
            self.data, split=split, directory=self.data_dir, size=self.image_size, channels=self.channels
        )
        if self.image_size and data.shape[1:] != (self.image_size, self.image_size):
            size = "x".join(map(str, data.shape[1:])) if data.is_images else "no pixels"
            raise GanzooError(f"{self.data} has samples of {size} only; leave out --image-size {self.image_size}")
        if self.channels and self.channels != (found := datasets.channels_of(data.shape)):
            colours = f"in {found}" if found else "without colours"
            raise GanzooError(f"{self.data} has samples {colours} only; leave out --channels {self.channels}")
        return data


def load_same(places: Sequence[Options], sha256: str, whose: str) -> tuple[Options, datasets.Data]:
    """The data with that SHA-256, from the first of some places that has them; without one, whatever is there.

    Args:
        places: where the data may be, at least one. The last is how the user names them.
        sha256: of the data.
        whose: for the message, such as ``the run in runs/cats``.

    Returns:
        The place, and the data under the name of the last place.

    Raises:
        GanzooError: they are in none of the places.
    """
    problem = None
    for place in places:
        try:
            data = place.load_data()
        except GanzooError as error:
            problem = problem or GanzooError(f"{error}; if the data of {whose} were moved, say where to with --data")
            continue
        if sha256 in ("", data.sha256):
            typed = places[-1]
            return place, data if place is typed else replace(data, name=datasets.dataset_name(typed.data))
        problem = GanzooError(
            f"data set {place.data} differs from that of {whose}: its SHA-256 is {data.sha256}, not {sha256}; name the "
            "same data with --data"
        )
    raise problem or AssertionError
