"""``ganzoo train``: a run from its first iteration to its last, or from its last checkpoint on."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from ganzoo.util.errors import GanzooError
from ganzoo.util.optional import needs


@click.command()
@click.argument("name", required=False)
@click.option("--data", metavar="NAME", help="Data set (ganzoo list datasets).")
@click.option("--iterations", type=click.IntRange(min=1), help="Iterations to play; with --resume, the new total.")
@click.option(
    "--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True, help="Seed of all that is random."
)
@click.option(
    "--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Set a number (ganzoo show NAME lists them)."
)
@click.option("--preset", help="A named set of settings (ganzoo show NAME).")
@click.option("--generator", metavar="NAME", help="Another generator (ganzoo list generators).")
@click.option("--discriminator", metavar="NAME", help="Another discriminator (ganzoo list discriminators).")
@click.option("--trainer", metavar="NAME", help="Another trainer (ganzoo list trainers).")
@click.option("--parent", metavar="RUN|FILE|NAME", help="Trained weights of the parent, instead of training it first.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, or mps.")
@click.option(
    "--precision",
    type=click.Choice(["auto", "fp32", "bf16"]),
    default="auto",
    show_default=True,
    help="auto takes bf16 for images where the device is made for it.",
)
@click.option(
    "--threads", type=click.IntRange(1, 1024), help="CPU threads; as many as the process has cores by default."
)
@click.option("--compile", is_flag=True, help="Compile iterations; takes a while at the start, and a C++ compiler.")
@click.option(
    "--graph", is_flag=True, help="Record an iteration as a CUDA graph and replay it, for small networks on a GPU."
)
@click.option("--data-dir", type=click.Path(), help="Where files of data sets lie, or go; GANZOO_DATA_DIR says it too.")
@click.option(
    "--image-size", type=click.IntRange(1), help="Height and width for data sets of any size, such as folder:PATH."
)
@click.option("--out", type=click.Path(), help="The run's folder; named from the options under runs/ by default.")
@click.option(
    "--sample-every", type=click.IntRange(1), help="Iterations between two pictures; a tenth of the run by default."
)
@click.option(
    "--save-every", type=click.IntRange(1), help="Iterations between two checkpoints; a tenth of the run by default."
)
@click.option(
    "--evaluate-every",
    type=click.IntRange(1),
    metavar="N",
    help="Score 2,000 generated images every N iterations, and keep the best weights; never by default.",
)
@click.option(
    "--keep-every",
    type=click.IntRange(1),
    metavar="N",
    help="Keep the checkpoints of every N iterations, for ganzoo stability; the last one alone by default.",
)
@click.option("--force", is_flag=True, help="Replace a run that is in the folder.")
@click.option("--dry-run", is_flag=True, help="Print what would be trained, and stop.")
@click.option("--stop-on-collapse", is_flag=True, help="Save and stop, with exit code 3, when nothing good can come.")
@click.option("--resume", type=click.Path(), metavar="RUN", help="Continue this run from its last checkpoint.")
@click.pass_context
def train(
    ctx: click.Context,
    /,
    name: str | None,
    resume: str | None,
    iterations: int | None,
    stop_on_collapse: bool,
    **options: Any,
) -> None:
    """Train a GAN, and leave a run folder with weights, metrics and pictures.

    Ctrl-C finishes the iteration, saves, and prints the command that goes on. What goes wrong is told in a line, with the
    number to turn.

    \b
    Examples:
      ganzoo train privileged-v2
      ganzoo train dcgan --data mnist --iterations 20000 --set generator.width=64
      ganzoo train dcgan --trainer wgan-gp --set norm=none
      ganzoo train dcgan --data folder:cats --image-size 64
      ganzoo train wgan-gp --evaluate-every 1000
      ganzoo train simple --data ring8 --keep-every 500
      ganzoo train dcgan --iterations 100000 --compile --threads 4
      ganzoo train simple --preset smoothing --stop-on-collapse
      ganzoo train --resume runs/dcgan-mnist-10k-seed0 --iterations 40000
      torchrun --nproc-per-node 2 -m ganzoo train dcgan
    """
    from ganzoo.training.distributed.ranks import process_group

    with process_group():
        if (name is None) == (resume is None):
            raise GanzooError("name either a GAN (ganzoo list) or a run to continue (--resume RUN)")
        if resume is not None:
            explicit = [p for p in options if ctx.get_parameter_source(p) is click.core.ParameterSource.COMMANDLINE]
            if explicit:
                flag = {"assignments": "set"}.get(explicit[0], explicit[0].replace("_", "-"))
                raise GanzooError(f"--{flag} cannot change a run that has begun; with --resume only --iterations can")
            go_on(Path(resume), iterations, stop_on_collapse)
        else:
            begin(str(name), iterations, stop_on_collapse, **options)


def begin(
    name: str,
    iterations: int | None,
    stop_on_collapse: bool,
    *,
    out: str | None,
    force: bool,
    dry_run: bool,
    parent: str | None,
    **given: Any,
) -> None:
    from ganzoo.registry.recipe import parse_assignments, resolve
    from ganzoo.registry.registry import registry

    gan = registry().gan(name)
    overrides: dict[str, Any] = {part: given.pop(part) for part in ("generator", "discriminator", "trainer")}
    overrides = {part: choice for part, choice in overrides.items() if choice} | parse_assignments(
        given.pop("assignments")
    )
    overrides |= {} if iterations is None else {"loop.iterations": iterations}
    preset = given.pop("preset")
    recipe = resolve(gan, overrides, preset=preset)
    if dry_run:
        from ganzoo.cli.list import table
        from ganzoo.registry.recipe import format_value

        click.echo(f"{name} on {given['data'] or gan.data}, seed {given['seed']}:")
        table((key, format_value(value)) for key, value in recipe.flat().items())
        return

    from ganzoo.cli.progress import reporter

    with needs():
        from ganzoo.generators.weights import find, load
        from ganzoo.runs.folders import claim, folder_name, left_by
        from ganzoo.runs.options import Options
        from ganzoo.runs.parents import parent_of
        from ganzoo.runs.run import Collapsed, Interrupted, Run
        from ganzoo.training.distributed.ranks import current_ranks, torchrun_restarts

    command = shlex.join(["ganzoo", *sys.argv[1:]])
    options = Options(**given | {"data": given["data"] or gan.data}, command=command)
    named = ({"preset": preset} if preset else {}) | overrides
    folder = Path(out) if out else Path("runs") / folder_name(name, options, named)
    left = current_ranks().on_rank_zero(lambda: left_by(command, folder)) if torchrun_restarts() else "nothing"
    if torchrun_restarts() and force:
        raise GanzooError("--force would replace at a restart what it should go on with; leave out --max-restarts")
    if left == "whole run":
        click.echo(f"The run in {folder} is whole; nothing is left to do.")
        return
    if left == "checkpoint":
        go_on(folder, None, stop_on_collapse)
        return
    current_ranks().on_rank_zero(lambda: claim(folder, force=force or left == "record"))
    try:
        if parent is None:
            trained = parent_of(
                recipe, options, folder.parent, reporter(), click.echo, stop_on_collapse=stop_on_collapse
            )
        else:
            trained = load(find(parent))
    except Interrupted as interrupted:
        click.echo(f"Stopped while training the parent; it is saved in {interrupted.folder}.\nGo on with: {command}")
        raise SystemExit(130) from None
    except Collapsed as collapsed:
        click.echo(f"Stopped while training the parent; it is saved in {collapsed.folder}.")
        click.echo(f"Found: {collapsed.finding}\nGo on all the same with: {command}")
        raise SystemExit(3) from None
    finish(Run.start(folder, recipe, options, trained), stop_on_collapse)


def go_on(folder: Path, iterations: int | None, stop_on_collapse: bool) -> None:
    with needs():
        from ganzoo.runs.run import Run

    run = Run.resume(folder, iterations)
    done = run.training.number
    if done == run.training.recipe.loop.iterations:
        raise GanzooError(f"the run in {folder} has played its {done} iterations; raise them with --iterations")
    finish(run, stop_on_collapse)


def finish(run: Any, stop_on_collapse: bool) -> None:
    from ganzoo.cli.progress import reporter
    from ganzoo.runs.run import Collapsed, Interrupted

    try:
        run.play(reporter(), stop_on_collapse=stop_on_collapse)
    except Interrupted:
        told_of_report(run.folder)
        click.echo(f"Stopped after iteration {run.training.number}; everything is saved.")
        click.echo(f"Go on with: ganzoo train --resume {shlex.quote(str(run.folder))}")
        raise SystemExit(130) from None
    except Collapsed as collapsed:
        click.echo(f"Stopped after iteration {run.training.number}; everything is saved.")
        click.echo(f"Found: {collapsed.finding}")
        click.echo(f"Go on all the same with: ganzoo train --resume {shlex.quote(str(run.folder))}")
        raise SystemExit(3) from None
    last = run.folder / "samples" / f"iteration-{run.training.number:06d}.png"
    click.echo(f"Done. Pictures: {run.folder / 'samples'} (the last: {last})")
    told_of_report(run.folder)
    click.echo(f"Weights: {run.folder / 'weights.safetensors'}")
    if run.best:
        click.echo(
            f"Best: {run.best.path} ({run.best.name} {run.best.value:.4g}, after iteration {run.best.iteration})"
        )
    click.echo(f"More samples: ganzoo sample {shlex.quote(str(run.folder))} -n 64 --out grid.png")
    for found in run.findings:
        click.echo(f"Found: {found}")


def told_of_report(folder: Path) -> None:
    report = folder / "report.html"
    if report.is_file():  # it is missing where it failed, which a warning has said
        click.echo(f"Report: {report} (open it in a browser)")
