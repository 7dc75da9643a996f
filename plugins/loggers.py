"""Loggers: TensorBoard, Weights & Biases, Trackio and MLflow."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from ganzoo import hookimpl
from ganzoo.loggers import LoggedRun, Logger, Outcome
from ganzoo.parts import needs


@hookimpl
def ganzoo_loggers() -> Mapping[str, Callable[[], Logger]]:
    return {"tensorboard": TensorBoard, "wandb": wandb, "trackio": trackio, "mlflow": MLflow}


def grouped(values: Mapping[str, float]) -> dict[str, float]:
    """The values under names such as ``loss/generator``, which dashboards show in groups."""
    return {name.replace(".", "/", 1): value for name, value in values.items()}


def facts(run: LoggedRun) -> dict[str, Any]:
    """All that repeats the run, by name."""
    return {"gan": run.gan, **run.facts, **run.settings}


class TensorBoard(Logger):
    """TensorBoard's event files, in the folder tensorboard of the run."""

    rewinds = True

    def __init__(self) -> None:
        with needs("tensorboard"):
            from torch.utils.tensorboard import SummaryWriter
        self.open = SummaryWriter

    def start(self, run: LoggedRun) -> None:
        folder = run.folder / "tensorboard"
        if run.iteration == 0:  # these are of a run that this one replaces
            for old in folder.glob("events.out.tfevents.*"):
                old.unlink()
        self.writer = self.open(str(folder), purge_step=run.iteration + 1)
        if run.iteration == 0:
            rows = (f"| {name} | `{value}` |" for name, value in facts(run).items())
            self.writer.add_text("run", "\n".join(["| | |", "|---|---|", *rows]), 0)

    def metrics(self, iteration: int, values: Mapping[str, float]) -> None:
        for name, value in grouped(values).items():
            self.writer.add_scalar(name, value, iteration)

    def samples(self, iteration: int, picture: Any) -> None:
        self.writer.add_image("samples", picture, iteration, dataformats="HWC")

    def end(self, outcome: Outcome) -> None:
        self.writer.close()


class WandbLike(Logger):
    """A module with the functions of wandb."""

    def __init__(self, module: Any) -> None:
        self.module = module

    def samples(self, iteration: int, picture: Any) -> None:
        drawable = picture[..., 0] if picture.shape[2] == 1 else picture
        self.module.log({"samples": self.module.Image(drawable)}, step=iteration)

    def metrics(self, iteration: int, values: Mapping[str, float]) -> None:
        self.module.log(grouped(values), step=iteration)


class Wandb(WandbLike):
    """Weights & Biases."""

    def start(self, run: LoggedRun) -> None:
        project = os.environ.get("WANDB_PROJECT", "ganzoo")
        self.module.init(
            project=project, id=run.id, name=run.name, dir=str(run.folder), config=facts(run), resume="allow"
        )

    def end(self, outcome: Outcome) -> None:
        self.module.finish(exit_code=int(outcome == "failed"))


class Trackio(WandbLike):
    """Trackio, whose runs have no other id than their names."""

    def start(self, run: LoggedRun) -> None:
        project = os.environ.get("TRACKIO_PROJECT", "ganzoo")
        self.module.init(project=project, name=f"{run.name}-{run.id[:8]}", config=facts(run), resume="allow")

    def end(self, outcome: Outcome) -> None:
        self.module.finish()


def wandb() -> Logger:
    """Weights & Biases (env: WANDB_PROJECT, ganzoo by default)."""
    with needs(package="wandb"):
        import wandb
    return Wandb(wandb)


def trackio() -> Logger:
    """Trackio, a local dashboard (env: TRACKIO_PROJECT, ganzoo by default)."""
    with needs(package="trackio"):
        import trackio
    return Trackio(trackio)


class MLflow(Logger):
    """MLflow (env: MLFLOW_TRACKING_URI, MLFLOW_EXPERIMENT_NAME)."""

    def __init__(self) -> None:
        with needs(package="mlflow"):
            import mlflow
        self.mlflow = mlflow

    def start(self, run: LoggedRun) -> None:
        known = self.mlflow.search_runs(filter_string=f"tags.ganzoo_run = '{run.id}'", output_format="list")
        same = known[0].info.run_id if known else None
        self.mlflow.start_run(run_id=same, run_name=run.name, tags={"ganzoo_run": run.id})
        if same is None:
            self.mlflow.log_params(facts(run))

    def metrics(self, iteration: int, values: Mapping[str, float]) -> None:
        allowed = {re.sub(r"[^\w./: -]", "_", name): value for name, value in grouped(values).items()}
        self.mlflow.log_metrics(allowed, step=iteration, synchronous=False)  # the training does not wait for the server

    def samples(self, iteration: int, picture: Any) -> None:
        self.mlflow.log_image(picture, key="samples", step=iteration, synchronous=False)

    def end(self, outcome: Outcome) -> None:
        self.mlflow.end_run({"finished": "FINISHED", "stopped": "KILLED", "failed": "FAILED"}[outcome])
