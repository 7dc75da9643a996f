"""Run folders: a training on disk, from its first round to its last, across any number of interruptions.

A folder holds ``run.json`` (all that repeats the run), ``checkpoint.safetensors`` (all that continues it),
``checkpoints/round-*.safetensors`` (those that it was asked to keep), ``weights.safetensors`` (the generator as it is
sampled), ``metrics.jsonl`` (with what was found wrong) and ``samples/*.png``. For people it holds what
:mod:`ganzoo.report` writes.
"""

from __future__ import annotations

from ganzoo.runs.folders import claim, folder_name, left_by
from ganzoo.runs.options import Options
from ganzoo.runs.parents import parent_of
from ganzoo.runs.run import Collapsed, Interrupted, Reporter, Run

__all__ = ["Collapsed", "Interrupted", "Options", "Reporter", "Run", "claim", "folder_name", "left_by", "parent_of"]
