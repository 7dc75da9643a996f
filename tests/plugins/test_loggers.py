"""The loggers that ship: TensorBoard's files are read back; other services are represented by modules that record."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ganzoo.loggers import LoggedRun, Logger
from ganzoo.registry.registry import registry
from tests.support import python

PICTURE = np.zeros((4, 6, 1), np.uint8)


def run_in(folder: Path, iteration: int = 0) -> LoggedRun:
    return LoggedRun(
        id="0123456789abcdef", name="cats", folder=folder, gan="dcgan", iteration=iteration, iterations=9,
        settings={"loop.iterations": 9}, facts={"data": "mnist", "seed": 3, "freeze": [], "name": "a|b"},
    )  # fmt: skip


def make(name: str) -> Logger:
    made = registry().part("logger", name)()
    assert isinstance(made, Logger)
    return made


def train(logger: Logger, run: LoggedRun, last: int, outcome: Any = "finished") -> None:
    """What a run hands to a logger."""
    logger.start(run)
    for iteration in range(run.iteration + 1, last + 1):
        logger.metrics(iteration, {"loss.generator": iteration / 2, "cpu_seconds": 1.0, "loss.a+b": 1.0})
    logger.scores(last, {"mnist-fd": 3.5})
    logger.samples(last, PICTURE)
    logger.end(outcome)


# TensorBoard.


def events(folder: Path) -> Any:
    """What TensorBoard shows of a run."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder / "tensorboard"))
    found.Reload()
    return found


@pytest.fixture
def tensorboard() -> Callable[[], Logger]:
    pytest.importorskip("tensorboard")
    return lambda: make("tensorboard")


def test_tensorboard_holds_what_was_logged(tensorboard: Callable[[], Logger], tmp_path: Path) -> None:
    train(tensorboard(), run_in(tmp_path), 3)
    shown = events(tmp_path)
    assert [(point.step, point.value) for point in shown.Scalars("loss/generator")] == [(1, 0.5), (2, 1.0), (3, 1.5)]
    assert [(point.step, point.value) for point in shown.Scalars("mnist-fd")] == [(3, 3.5)]
    (image,) = shown.Images("samples")
    assert (image.step, image.width, image.height) == (3, 6, 4)
    (text,) = shown.Tensors("run/text_summary")
    (content,) = text.tensor_proto.string_val
    assert b"| loop.iterations | `9` |" in content
    assert b"| gan | `dcgan` |" in content


def test_tensorboard_shows_one_curve_of_a_resumed_run(tensorboard: Callable[[], Logger], tmp_path: Path) -> None:
    train(tensorboard(), run_in(tmp_path), 5, "failed")
    train(tensorboard(), run_in(tmp_path, 2), 4)
    assert [point.step for point in events(tmp_path).Scalars("loss/generator")] == [1, 2, 3, 4]


def test_tensorboard_shows_nothing_of_a_run_that_was_replaced(
    tensorboard: Callable[[], Logger], tmp_path: Path
) -> None:
    train(tensorboard(), run_in(tmp_path), 5)
    train(tensorboard(), run_in(tmp_path), 2)
    assert [point.step for point in events(tmp_path).Scalars("loss/generator")] == [1, 2]


# Services.


class Service(ModuleType):
    """A module whose functions record how they were called."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.results: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)

        def call(*arguments: Any, **options: Any) -> Any:
            self.calls.append((name, arguments, options))
            return self.results.get(name, f"{name} of {self.__name__}")

        return call

    def of(self, name: str) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
        return [call[1:] for call in self.calls if call[0] == name]


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Service]:
    def install(name: str) -> Service:
        module = Service(name)
        monkeypatch.setitem(sys.modules, name, module)
        return module

    return install


@pytest.mark.parametrize("name", ["wandb", "trackio"])
def test_metrics_and_pictures_reach_wandb_and_trackio(
    name: str, service: Callable[[str], Service], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{name.upper()}_PROJECT", "pets")
    module = service(name)
    train(make(name), run_in(tmp_path), 2)
    ((_, begun),) = module.of("init")
    assert begun["project"] == "pets"
    assert begun["resume"] == "allow", "a resumed run continues the one of this id or name"
    assert begun["config"] == {"gan": "dcgan", "loop.iterations": 9, **run_in(tmp_path).facts}
    if name == "wandb":
        assert (begun["id"], begun["name"], begun["dir"]) == ("0123456789abcdef", "cats", str(tmp_path))
    else:
        assert begun["name"] == "cats-01234567"
    logged = module.of("log")
    assert logged[0] == (({"loss/generator": 0.5, "cpu_seconds": 1.0, "loss/a+b": 1.0},), {"step": 1})
    assert logged[-2] == (({"mnist-fd": 3.5},), {"step": 2})
    assert logged[-1] == (({"samples": f"Image of {name}"},), {"step": 2})
    (((picture,), _),) = module.of("Image")
    assert picture.shape == (4, 6), "grey pictures have two axes there"
    assert module.calls[-1] == ("finish", (), {"exit_code": 0} if name == "wandb" else {})


def test_metrics_and_pictures_reach_mlflow(service: Callable[[str], Service], tmp_path: Path) -> None:
    module = service("mlflow")
    module.results["search_runs"] = []
    train(make("mlflow"), run_in(tmp_path), 2, "stopped")
    assert module.of("start_run") == [
        ((), {"run_id": None, "run_name": "cats", "tags": {"ganzoo_run": "0123456789abcdef"}})
    ]
    assert module.of("log_params")[0][0][0]["loop.iterations"] == 9
    assert module.of("log_metrics")[0] == (
        ({"loss/generator": 0.5, "cpu_seconds": 1.0, "loss/a_b": 1.0},), {"step": 1, "synchronous": False},
    )  # fmt: skip
    assert module.of("log_image")[0][1]["step"] == 2
    assert module.calls[-1] == ("end_run", ("KILLED",), {})


def test_mlflow_continues_the_run_of_the_same_id(service: Callable[[str], Service], tmp_path: Path) -> None:
    module = service("mlflow")
    module.results["search_runs"] = [SimpleNamespace(info=SimpleNamespace(run_id="old"))]
    train(make("mlflow"), run_in(tmp_path, 2), 3)
    ((_, searched),) = module.of("search_runs")
    assert searched["filter_string"] == "tags.ganzoo_run = '0123456789abcdef'"
    assert module.of("start_run")[0][1]["run_id"] == "old"
    assert not module.of("log_params")


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("tensorboard", "pip install 'ganzoo-kit[tensorboard]'"),
        ("wandb", "pip install wandb"),
        ("trackio", "pip install trackio"),
        ("mlflow", "pip install mlflow"),
    ],
)
def test_a_missing_package_is_one_line_with_the_command_that_installs_it(
    name: str, command: str, tmp_path: Path
) -> None:
    code = (
        "import sys\nfrom ganzoo.cli import main\n"
        f"sys.modules[{name!r}] = None\n"
        f"main(['train', 'simple', '--data', 'ring8', '--log-to', {name!r}, '--out', {str(tmp_path / 'x')!r}])\n"
    )
    done = python(code)
    assert done.returncode == 2
    said = f"Error: --log-to {name}: this needs {name}, which is not installed; run: {command}"
    assert done.stderr.splitlines() == [said]
    assert not (tmp_path / "x").exists()
