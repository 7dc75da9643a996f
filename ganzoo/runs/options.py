"""What makes a run besides its recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ganzoo import data as datasets
from ganzoo.util.errors import GanzooError


@dataclass(frozen=True, kw_only=True)
class Options:
    """What makes a run besides its recipe; with that, the text of ``run.json``.

    Attributes:
        data: name of the data set.
        image_size: height and width, for data sets of any size.
        data_dir: where files of downloaded data sets lie.
        seed: of all that is random.
        device, precision, compile, graph: see :func:`ganzoo.training.device.choose_device`.
        threads: of the CPU; see :func:`ganzoo.training.device.configure_process`.
        sample_every, save_every: iterations between pictures, and between checkpoints; a tenth of the run by default.
        evaluate_every: iterations between scores of what is generated; never by default.
        keep_every: iterations between checkpoints that are kept beside later ones; none by default.
        command: what the user typed.
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

    def load_data(self, split: Literal["train", "test"] = "train") -> datasets.Data:
        """Load the data set.

        Raises:
            GanzooError: it cannot be read, or has no images of the size that is wanted.
        """
        data = datasets.load(self.data, split=split, directory=self.data_dir, size=self.image_size)
        if self.image_size and data.shape[1:] != (self.image_size, self.image_size):
            sides = "x".join(map(str, data.shape[1:])) if data.is_images else "no pixels"
            raise GanzooError(f"{self.data} has samples of {sides} alone; leave out --image-size {self.image_size}")
        return data
