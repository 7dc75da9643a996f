"""``ganzoo train``: start a run, or resume one from its last checkpoint."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from ganzoo.cli import options as shared
from ganzoo.cli.options import FilePath
from ganzoo.util.errors import GanzooError
from ganzoo.util.optional import needs

if TYPE_CHECKING:
    from ganzoo.generators.weights import Model
    from ganzoo.records.options import Options
    from ganzoo.records.run_folder import RunFolder
    from ganzoo.registry.gan import GAN, Overrides
    from ganzoo.registry.recipe import Recipe
    from ganzoo.runs.run import Collapsed, Interrupted, Run

RESUMABLE = ("resume", "iterations", "data", "data_dir", "stop_on_collapse")  # what --resume takes


@click.command()
@click.argument("gan", required=False, metavar="[GAN]", type=shared.Name("gan"))
@click.option(
    "--data",
    metavar="NAME",
    type=shared.Name("dataset"),
    help="Data set (ganzoo list datasets), or a folder; with --resume, where the same data are now.",
)
@click.option(
    "--iterations",
    "--steps",
    type=shared.IntRange(min=1),
    metavar="N",
    help="Iterations; with --resume, the new total.",
)
@click.option(
    "--epochs",
    type=shared.Float(),
    metavar="E",
    help="Train for E passes over the data, in place of --iterations.",
)
@click.option("--batch-size", type=shared.Integer(), metavar="N", help="Samples in a batch.")
@click.option("--lr", type=shared.Float(), metavar="X", help="Learning rate.")
@click.option(
    "--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Any setting (ganzoo show GAN lists them)."
)
@click.option("--preset", metavar="NAME", help="A named set of settings (ganzoo show GAN).")
@click.option(
    "--generator", metavar="NAME", type=shared.Name("generator"), help="Another generator (ganzoo list generators)."
)
@click.option(
    "--discriminator",
    metavar="NAME",
    type=shared.Name("discriminator"),
    help="Another discriminator (ganzoo list discriminators).",
)
@click.option("--trainer", metavar="NAME", type=shared.Name("trainer"), help="Another trainer (ganzoo list trainers).")
@click.option(
    "--augment",
    metavar="NAME",
    type=shared.Name("augmentation"),
    help="What the discriminator sees: auto, none, flip, ... (ganzoo list augmentations).",
)
@click.option("--parent", metavar="RUN|FILE|NAME", help="Trained weights of the parent, instead of training it first.")
@click.option(
    "--init",
    metavar="RUN|FILE|NAME",
    type=shared.Name("source"),
    help="Begin with these trained weights, layer by layer where they fit.",
)
@click.option(
    "--freeze",
    multiple=True,
    metavar="LAYERS",
    help="Layers of --init that are not trained: discriminator.0-3, or a name (--dry-run).",
)
@shared.image_size
@shared.channels
@shared.data_dir
@click.option(
    "--seed",
    type=shared.IntRange(0, 2**63 - 1),
    default=0,
    metavar="N",
    show_default=True,
    help="Seed of all random numbers.",
)
@click.option("--name", metavar="NAME", help="Name of the run folder in runs/; made from the settings by default.")
@click.option("-o", "--out", type=FilePath(), help="Path of the run folder, in place of --name.")
@click.option("--force", is_flag=True, help="Replace a run in that folder.")
@click.option("--dry-run", is_flag=True, help="Check and print everything, and train nothing.")
@click.option("--device", metavar="NAME", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 or mps.")
@click.option(
    "--precision",
    type=click.Choice(["auto", "fp32", "bf16"]),
    default="auto",
    show_default=True,
    help="auto is bf16 for images on a device with units for it, and else fp32.",
)
@click.option(
    "--threads",
    type=shared.IntRange(1, 1024),
    metavar="N",
    help="CPU threads; by default one for small dense networks, else all cores.",
)
@click.option("--compile", is_flag=True, help="Compile iterations (experimental); needs a C++ compiler.")
@click.option(
    "--graph", is_flag=True, help="Capture an iteration as a CUDA graph (experimental); for small networks on a GPU."
)
@click.option(
    "--sample-every",
    type=shared.IntRange(1),
    metavar="N",
    help="Iterations between sample grids; a tenth of the run by default.",
)
@click.option(
    "--save-every",
    type=shared.IntRange(1),
    metavar="N",
    help="Iterations between checkpoints; a tenth of the run by default.",
)
@click.option(
    "--evaluate-every",
    type=shared.IntRange(1),
    metavar="N",
    help="Score 2,000 samples every N iterations and keep the best weights; never by default.",
)
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="NAME",
    type=shared.Name("metric"),
    help="A metric of a plugin that is computed with each score (ganzoo list metrics).",
)
@click.option(
    "--log-to",
    multiple=True,
    metavar="NAME",
    type=shared.Name("logger"),
    help="Send metrics and pictures to tensorboard, wandb, ... too (ganzoo list loggers).",
)
@click.option(
    "--keep-every",
    type=shared.IntRange(1),
    metavar="N",
    help="Keep the checkpoint of every N iterations (for ganzoo stability); only the last by default.",
)
@click.option("--stop-on-collapse", is_flag=True, help="Save and stop, with exit code 3, when training has failed.")
@click.option("--resume", type=FilePath(), metavar="RUN", help="Resume this run from its last checkpoint.")
@click.pass_context
def train(ctx: click.Context, /, gan: str | None, resume: str | None, stop_on_collapse: bool, **given: Any) -> None:
    """Train a GAN.

    A run folder gets weights, checkpoints, metrics, sample grids and a report. Ctrl-C finishes the iteration, saves,
    and prints the command that resumes the run.

    \b
    Examples:
      ganzoo train privileged-v2                           on handwritten digits
      ganzoo train dcgan --data mnist --epochs 20 --batch-size 128 --lr 2e-4
      ganzoo train dcgan --data folder:cats --image-size 64 --name cats
      ganzoo train dcgan --trainer wgan-gp --set norm=none
      ganzoo train dcgan --data folder:cats --augment diffaugment
      ganzoo train --data folder:cats                      the default for images
      ganzoo train --data folder:cats --init runs/dogs --freeze discriminator.0-3
      ganzoo train wgan-gp --evaluate-every 1000           keep the best weights
      ganzoo train dcgan --log-to tensorboard              watch it in TensorBoard
      ganzoo train simple --preset smoothing --stop-on-collapse
      ganzoo train dcgan --iterations 100000 --compile --threads 4
      ganzoo train simple --data ring8 --keep-every 500
      ganzoo train --resume runs/cats --iterations 40000
      torchrun --nproc-per-node 2 -m ganzoo train dcgan    on two GPUs
    """
    from ganzoo.training.distributed.ranks import process_group

    with process_group():
        if (gan and resume) or not (gan or resume or given["data"]):
            raise GanzooError("name either a GAN (ganzoo list) or a run to resume (--resume RUN)")
        if resume is None:
            start_run(gan, stop_on_collapse, **given)
            return
        for parameter in ctx.command.params:
            typed = ctx.get_parameter_source(str(parameter.name)) is click.core.ParameterSource.COMMANDLINE
            if typed and parameter.name not in RESUMABLE:
                flag = max(parameter.opts, key=len)
                raise GanzooError(
                    f"{flag} cannot change a run; --resume takes only --iterations, --data, --data-dir and "
                    "--stop-on-collapse"
                )
        names = {name: given[name] for name in ("data", "data_dir")}
        resume_run(Path(str(resume)), given["iterations"], stop_on_collapse, **names)


def start_run(
    gan: str | None, stop_on_collapse: bool, *, parent: str | None, force: bool, dry_run: bool, **given: Any
) -> None:
    """Start a run; or resume it, if torchrun has restarted this command."""
    from ganzoo.registry.recipe import refuse_ignored

    command = shlex.join(["ganzoo", *sys.argv[1:]])
    recipe, options, path, typed = plan_run(gan, command=command, **given)
    refuse_ignored(recipe, typed, trained_parent=parent is not None)
    if dry_run:
        print_dry_run(recipe, options, path, typed, parent, force=force)
        return

    from ganzoo.runs.progress import reporter

    with needs():
        from ganzoo.generators.weights import find, load
        from ganzoo.parts.build import refuse_ignored_with
        from ganzoo.records.run_folder import RunFolder
        from ganzoo.runs.folders import left_by, require_free
        from ganzoo.runs.parents import trained_parent
        from ganzoo.runs.run import Collapsed, Interrupted, Run
        from ganzoo.training.distributed.ranks import current_ranks, torchrun_restarts
        from ganzoo.training.initial import read_initial

    on_rank_zero, folder = current_ranks().on_rank_zero, RunFolder(path)
    left = on_rank_zero(lambda: left_by(command, folder)) if torchrun_restarts() else "nothing"
    if torchrun_restarts() and force:
        raise GanzooError("--force would replace the run at each restart; leave out --max-restarts")
    if left == "finished run":
        click.echo(f"The run in {path} is finished; nothing is left to do.")
        return
    if left == "checkpoint":
        resume_run(path, None, stop_on_collapse)
        return
    replace = force or left == "record"
    on_rank_zero(lambda: require_free(folder, replace=replace))
    initial = read_initial(options.init, options.freeze)  # before a parent is trained, whose run a name may mean then
    model: Model | None
    try:
        if parent is not None:
            model = load(find(parent))
        else:
            root = path.parent
            model = trained_parent(recipe, options, root, reporter(), click.echo, stop_on_collapse=stop_on_collapse)
    except (Interrupted, Collapsed) as stop:
        click.echo(f"Stopped while training the parent; everything is saved in {stop.folder}.")
        exit_after(stop, command)
    run = Run.start(path, recipe, options, model, initial, replace=replace)
    refuse_ignored_with(run.training.data, recipe, typed)
    train_and_report(run, stop_on_collapse)


def print_dry_run(
    recipe: Recipe, options: Options, path: Path, typed: Overrides, parent: str | None, *, force: bool
) -> None:
    """Check everything that comes before the first iteration, and print it with an estimate of the time."""
    from ganzoo.cli.list import table
    from ganzoo.registry.values import format_value
    from ganzoo.runs.progress import hardware

    with needs():
        from ganzoo.generators.weights import find, load
        from ganzoo.parts.build import refuse_ignored_with
        from ganzoo.records.run_folder import RunFolder
        from ganzoo.runs import dry_run as trial
        from ganzoo.runs.folders import require_free
        from ganzoo.runs.log import before_training
        from ganzoo.runs.pace import duration_in_words

    require_free(RunFolder(path), replace=force)
    model = None if parent is None else load(find(parent))
    training, seconds = trial.try_training(recipe, options, model)
    refuse_ignored_with(training.data, recipe, typed)
    click.echo(f"{recipe.gan.name} on {options.data}, seed {options.seed}, in {path} (dry run):")
    for line in training.beginning.lines:
        click.echo(line)
    table((key, format_value(value)) for key, value in training.recipe.flat().items())
    click.echo()
    rows = [*trial.describe(training, seconds), ("device", hardware(training))]
    for wanted in trial.parents_to_train(recipe) if model is None else ():
        _, seconds = trial.try_training(wanted, options.of_parent())
        duration = duration_in_words(seconds * wanted.loop.iterations)
        rows.append(("parent", f"{wanted.gan.name} is trained first, unless it has been: about {duration}"))
    table(rows)
    if finding := before_training(training):
        click.echo(f"Warning: {finding.line}")
    click.echo("Nothing was written.")


def plan_run(
    gan: str | None,
    *,
    command: str,
    assignments: tuple[str, ...],
    preset: str | None,
    epochs: float | None,
    out: str | None,
    name: str | None,
    data: str | None,
    **given: Any,
) -> tuple[Recipe, Options, Path, Overrides]:
    """The recipe, the options and the folder of a new run, and the settings that were typed.

    Without a GAN, the data have to be there; they decide which it is.
    """
    from ganzoo.cli.settings import OPTIONS, overrides_from, resolve_typed
    from ganzoo.records.options import Options
    from ganzoo.registry.registry import registry
    from ganzoo.runs.folders import folder_name

    shortcuts = {key: given.pop(key) for key in OPTIONS if key != "epochs"}
    overrides = overrides_from({**shortcuts, "epochs": epochs}, assignments)
    if gan is None:
        options = Options(data=str(data), command=command, **given)
        record = gan_for(options)
    else:
        record = registry().gan(gan)
        options = Options(data=data or record.data, command=command, **given)
    if epochs is not None:
        del overrides["loop.iterations"]
        recipe = resolve_typed(record, overrides, preset)
        with needs():
            from ganzoo.cli.epochs import iterations_of
            from ganzoo.training.distributed.ranks import current_ranks
        overrides["loop.iterations"], line = iterations_of(
            epochs, recipe, current_ranks().rank_zero_first(options.load_data)
        )
        click.echo(line)
    recipe = resolve_typed(record, overrides, preset)
    refuse_useless(options)
    if out and name:
        raise GanzooError("--out and --name both name the run folder; leave one out")
    if name is not None and (name in ("", "..") or Path(name).name != name):
        raise GanzooError(f"--name takes the name of a folder in runs/, not '{name}'; for a path use --out")
    chosen = ({"preset": preset} if preset else {}) | overrides
    path = Path(out) if out else Path("runs") / (name or folder_name(record.name, options, chosen))
    return recipe, options, path, overrides


def refuse_useless(options: Options) -> None:
    """Refuse options that change nothing."""
    if options.metrics and options.evaluate_every is None:
        raise GanzooError("--metric is computed with the scores of --evaluate-every; give --evaluate-every N too")
    shared.refuse_twice("--metric", options.metrics)
    shared.refuse_twice("--log-to", options.log_to)


def gan_for(options: Options) -> GAN:
    """The default GAN for the data of the options, which one line names."""
    from ganzoo.cli.default_gan import default_gan

    with needs():
        from ganzoo.training.distributed.ranks import current_ranks
    record, line = default_gan(current_ranks().rank_zero_first(options.load_data))
    click.echo(line)
    return record


def resume_run(folder: Path, iterations: int | None, stop_on_collapse: bool, **data: str | None) -> None:
    with needs():
        from ganzoo.runs.run import Run

    run = Run.resume(folder, iterations, **data)
    if run.is_complete:
        raise GanzooError(
            f"the run in {folder} has done its {run.training.iteration:,} iterations; train longer with --iterations N"
        )
    train_and_report(run, stop_on_collapse)


def train_and_report(run: Run, stop_on_collapse: bool) -> None:
    """Train, and print what the run has left."""
    from ganzoo.runs.progress import reporter
    from ganzoo.runs.run import Collapsed, Interrupted

    folder = run.folder
    try:
        run.train(reporter(), stop_on_collapse=stop_on_collapse)
    except (Interrupted, Collapsed) as stop:
        print_report(folder)
        click.echo(f"Stopped after iteration {run.training.iteration}; everything is saved.")
        exit_after(stop, f"ganzoo train --resume {folder.in_shell}")
    click.echo(f"Done. Samples: {folder.picture(run.training.iteration)}")
    print_report(folder)
    click.echo(f"Weights: {folder.weights}")
    if best := run.best_weights:
        click.echo(f"Best weights: {best.path} ({best.name} {best.value:.4g}, iteration {best.iteration})")
    click.echo(f"More samples: ganzoo sample {folder.in_shell} -n 64 --out grid.png")
    for finding in run.findings:
        click.echo(f"Finding: {finding}")


def exit_after(stop: Interrupted | Collapsed, command: str) -> NoReturn:
    """Say why a run has stopped and how to resume it, and exit."""
    finding = getattr(stop, "finding", None)
    if finding:
        click.echo(f"Finding: {finding}")
    click.echo(f"Resume{' anyway' if finding else ''} with: {command}")
    raise SystemExit(3 if finding else 130) from None


def print_report(folder: RunFolder) -> None:
    if folder.report.is_file():  # otherwise a warning has said why
        click.echo(f"Report: {folder.report} (open it in a browser)")
