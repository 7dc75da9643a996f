"""Run folders: a training on disk, from its first iteration to its last, across any number of interruptions.

A folder holds ``run.json`` (all that repeats the run), ``checkpoint.safetensors`` (all that continues it),
``checkpoints/iteration-*.safetensors`` (those that it was asked to keep), ``weights.safetensors`` (the generator as it is
sampled), ``metrics.jsonl`` (with what was found wrong) and ``samples/*.png``. For people it holds what
:mod:`ganzoo.pages.report` writes.
"""
