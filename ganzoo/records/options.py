"""What distinguishes one run of a recipe from another: data, seed, device, and how often it saves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, Self

from ganzoo import data as datasets
from ganzoo.util.errors import GanzooError


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of a run, besides its recipe. Together they are the content of ``run.json``.

    Attributes:
        data: name of the data set.
        image_size: height and width in pixels, for data sets of any size.
        data_dir: folder for files of downloaded data sets.
        seed: of all random numbers.
        device, precision, compile, graph: see :func:`ganzoo.training.device.choose_device`.
        threads: of the CPU; see :func:`ganzoo.training.device.configure_process`.
        sample_every, save_every: iterations between sample grids, and between checkpoints; a tenth of the run by
            default.
        evaluate_every: iterations between scores of generated samples; ``None`` for never.
        keep_every: iterations between checkpoints that later ones do not replace; ``None`` for none.
        command: the command line of the user.
    """

    data: str
    image_size: int | None = None
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
    keep_every: int | None = None
    command: str = ""

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Self:
        """The options in the record of a run, as :meth:`ganzoo.records.run_folder.RunFolder.read_record` returns it."""
        return cls(**{field.name: record[field.name] for field in fields(cls)})

    def load_data(self, split: Literal["train", "test"] = "train") -> datasets.Data:
        """Load the data set.

        Raises:
            GanzooError: it cannot be read, or has no images of the size that ``image_size`` asks for.
        """
        data = datasets.load(self.data, split=split, directory=self.data_dir, size=self.image_size)
        if self.image_size and data.shape[1:] != (self.image_size, self.image_size):
            size = "x".join(map(str, data.shape[1:])) if data.is_images else "no pixels"
            raise GanzooError(f"{self.data} has samples of {size} only; leave out --image-size {self.image_size}")
        return data
