"""The log of a run while it is trained."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import NoReturn

import torch

from ganzoo.generators.metadata import read_metadata
from ganzoo.records.metrics import Entry
from ganzoo.records.run_folder import RunFolder
from ganzoo.runs.best_weights import BestWeights
from ganzoo.runs.doctor import Finding, describe, diagnose, few_images, findings_in
from ganzoo.runs.loggers import Loggers
from ganzoo.runs.pace import Pace
from ganzoo.runs.probe import TrainingProbe
from ganzoo.training.loop import Iteration, Training
from ganzoo.util.errors import GanzooError
from ganzoo.util.files import write_text, writing

log = logging.getLogger("ganzoo")


class RunLog:
    """Writes ``metrics.jsonl``: means of losses and metrics, speed, measures of samples, scores, and findings.

    The loggers of the run get the same numbers.

    Attributes:
        entries: what the file holds.
    """

    def __init__(
        self,
        folder: RunFolder,
        training: Training,
        probe: TrainingProbe,
        best_weights: BestWeights | None,
        loggers: Loggers,
        pace: Pace,
    ) -> None:
        self.folder, self.training, self.probe, self.best_weights = folder, training, probe, best_weights
        self.loggers, self.pace = loggers, pace
        self.entries: list[Entry] = []
        self._cpu_offset = 0.0

    @property
    def findings(self) -> list[Finding]:
        """What has gone wrong so far, each kind once."""
        return findings_in(self.entries)

    def truncate(self) -> None:
        """Read the log of a run that is resumed, and drop what came after its checkpoint."""
        entries, unreadable = self.folder.log
        if unreadable:
            log.warning("%s: %d unreadable lines are dropped", self.folder.log_file, unreadable)
        self.entries = [entry for entry in entries if entry["iteration"] <= self.training.iteration]
        write_text(self.folder.log_file, "".join(json.dumps(entry) + "\n" for entry in self.entries))

    def begin(self) -> None:
        """Log what is wrong before the first iteration."""
        if self.training.iteration == 0 and not self.entries and (finding := before_training(self.training)):
            self._write({"iteration": 0}, [finding])

    def start_clock(self) -> None:
        """Count CPU time from here, on top of what the entries have counted, which only rank 0 holds."""
        earlier = max((entry.get("cpu_seconds", 0.0) for entry in self.entries), default=0.0)
        self._cpu_offset = earlier - time.process_time()

    def append(self, iterations: Sequence[Iteration], seconds: float, *, score: bool) -> Entry:
        """Log some iterations. All ranks call it; rank 0 writes.

        Args:
            iterations: the last ones, at least one.
            seconds: wall time that they took on the host.
            score: whether to score the generator too.

        Raises:
            GanzooError: a loss, a gradient or a sample is not finite.
        """
        last, ranks = iterations[-1].number, self.training.ranks
        scalars = [
            (done.number, name, value)
            for done in iterations
            for name, value in (*((f"loss.{name}", loss) for name, loss in done.losses.items()), *done.metrics.items())
        ]
        scalars += [(last, f"gradient.{name}", norm) for name, norm in self.probe.gradient_norms().items()]
        # one transfer from the device for all of them; iterations that it still works on belong to the time
        start = time.perf_counter()
        values = torch.stack([value.detach().float().reshape(()) for *_, value in scalars]).tolist()
        seconds += time.perf_counter() - start
        *values, cpu = ranks.mean_over_ranks([*values, self._cpu_offset + time.process_time()])
        timing = {
            "iterations_per_second": float(f"{len(iterations) / seconds:.4g}"),
            "cpu_seconds": round(cpu * ranks.size, 1),
        }
        numbers = [(number, name, value) for (number, name, _), value in zip(scalars, values, strict=True)]
        return ranks.on_rank_zero(lambda: self._append(last, timing, numbers, score))

    def _append(
        self, last: int, timing: Mapping[str, float], numbers: Sequence[tuple[int, str, float]], score: bool
    ) -> Entry:
        by_name: dict[str, list[float]] = {}
        for number, name, value in numbers:
            kind, _, network = name.partition(".")
            if kind in ("loss", "gradient") and not math.isfinite(value):
                self.fail(number, f"the {kind} of the {network} became {value}")
            by_name.setdefault(name, []).append(value)
        entry: Entry = {"iteration": last, **timing}
        entry |= {name: sum(values) / len(values) for name, values in by_name.items()}
        scores: Entry = {}
        if self.best_weights and score:
            with self.pace.pause("scores"):
                scores = self.best_weights.score(self.training.model())
        if self.probe.is_due(self.entries):
            with self.pace.pause("measurements"):
                measures = self.probe.sample_measures()
            if not all(map(math.isfinite, measures.values())):
                self.fail(last, "the samples are no longer finite")
            entry |= measures
        metrics = {name: value for name, value in entry.items() if name != "iteration"}
        entry |= scores
        known = {found.kind for found in self.findings}
        found = diagnose([*self.entries, entry], self.training.recipe)
        self._write(entry, [one for one in found if one.kind not in known])
        self.loggers.log(last, metrics, scores)
        return entry

    def _write(self, entry: Entry, findings: Sequence[Finding]) -> None:
        if findings:
            entry["findings"] = [asdict(finding) for finding in findings]
        self.folder.require_unmoved()
        with writing(self.folder.path), self.folder.log_file.open("a") as file:
            file.write(json.dumps(entry) + "\n")
        self.entries.append(entry)

    def fail(self, iteration: int, what: str) -> NoReturn:
        """Log that something is not finite, and raise it. Nothing of this iteration has been saved."""
        finding = describe("non-finite", iteration, what, self.training.recipe)
        self._write({"iteration": iteration}, [finding])
        also = " (or --precision fp32)" if self.training.device.precision == "bf16" else ""
        if not self.folder.checkpoint.exists():
            raise GanzooError(f"{finding}{also}; {self.folder} holds no checkpoint yet")
        saved = read_metadata(self.folder.checkpoint).iterations
        raise GanzooError(f"{finding}{also}; {self.folder} keeps the last good checkpoint, of iteration {saved}")


def before_training(training: Training) -> Finding | None:
    """What is wrong with a training before its first iteration."""
    return few_images(training.recipe, training.batches.trained_on) if training.data.is_images else None
