"""Run folders: where the files of a run are, and what they hold. Reading them needs no torch."""
