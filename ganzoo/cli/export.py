"""``ganzoo export``: a trained generator as a file for other runtimes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ganzoo.util.errors import GanzooError

if TYPE_CHECKING:
    from ganzoo.export import Form, Report
    from ganzoo.generators.base import Stage


@click.command()
@click.argument("source", metavar="RUN|FILE|NAME")
@click.option(
    "--onnx", "target", is_flag=False, flag_value="", metavar="[PATH]", help="Write ONNX; NAME.onnx by default."
)
@click.option("--uint8", is_flag=True, help="Images leave the graph as bytes (N, H, W, C).")
@click.option("--fp16", "form", flag_value="fp16", help="Half precision, half the size.")
@click.option("--int8", "form", flag_value="int8", help="Eight-bit weights, a quarter of the size.")
@click.option("--stage", type=click.Choice(["child", "parent"]), help="Of a GAN with a parent; the child by default.")
@click.option("--force", is_flag=True, help="Replace a file that exists.")
@click.option(
    "--verify-only",
    "file",
    is_flag=False,
    flag_value="",
    metavar="[FILE]",
    help="Write nothing: compare this ONNX file with SOURCE, or judge SOURCE, an ONNX file, by itself.",
)
def export(source: str, target: str | None, file: str | None, force: bool, **options: Any) -> None:
    """Export a trained generator to ONNX.

    It is run in onnxruntime beside torch, and written only if both make the same samples.

    \b
    Examples:
      ganzoo export privileged-v2 --onnx
      ganzoo export runs/dcgan-mnist-10k-seed0 --onnx digits.onnx --uint8
      ganzoo export privileged-v2 --onnx small.onnx --int8
      ganzoo export privileged-v2 --verify-only digits.onnx
      ganzoo export digits.onnx --verify-only
    """
    if (target is None) == (file is None):
        raise GanzooError("say what to do, either to write --onnx [PATH] or to check --verify-only [FILE]")
    if target is not None:
        write(source, target, force=force, **options)
        return
    if force or any(options.values()):
        raise GanzooError("--verify-only takes the file as it is; leave out the other options")
    if file:
        compare(source, file)
    elif source.endswith(".onnx"):
        judge(source)
    else:
        raise GanzooError("--verify-only needs an ONNX file; name it after --verify-only, or as the source")


def write(source: str, target: str, *, uint8: bool, form: Form | None, stage: Stage | None, force: bool) -> None:
    from ganzoo.util.optional import needs

    with needs():
        from ganzoo.export import export
        from ganzoo.generators.weights import find, load

    weights = find(source)
    model = load(weights)
    path = Path(target or f"{model.header['gan']}.onnx")
    if path.suffix != ".onnx":
        raise GanzooError(f"cannot write {path}; --onnx takes the name of a file that ends in .onnx")
    if path.exists() and not force:
        raise GanzooError(f"{path} exists; replace it with --force, or name another with --onnx PATH")
    report = export(model, path, uint8=uint8, form=form or "fp32", stage=stage or "child")
    click.echo(f"{model.header['gan']} ({weights}) in {path}: {path.stat().st_size / 1e6:.2f} MB, {report.form}")
    show(report)


def compare(source: str, file: str) -> None:
    from ganzoo.util.optional import needs

    with needs():
        from ganzoo.export import verify
        from ganzoo.generators.weights import find, load

    weights = find(source)
    report = verify(file, load(weights))
    click.echo(f"{file} makes what {weights} makes ({report.form})")
    show(report)


def judge(file: str) -> None:
    from ganzoo.cli.list import table
    from ganzoo.registry.recipe import format_value
    from ganzoo.util.optional import needs

    with needs():
        from ganzoo.export import check

    metadata = check(file)
    click.echo(f"{file} keeps the contract; its samples are finite and in range")
    made, keys = metadata["output"], ("gan", "stage", "form", "iterations", "opset", "weights_sha256", "ganzoo")
    table(
        [
            *((key, format_value(metadata.get(key))) for key in keys),
            *(("input", shape_of(value)) for value in metadata["inputs"]),
            ("output", f"{shape_of(made)} in {made['range'] or 'no bounds'}"),
        ]
    )


def shape_of(value: Mapping[str, Any]) -> str:
    """An input or output, as metadata describe it."""
    return f"{value['name']} {value['dtype']} ({', '.join(map(str, value['shape']))})"


def show(report: Report) -> None:
    """The parity report as a table."""
    from ganzoo.cli.list import table

    click.echo(
        f"onnxruntime {report.onnxruntime} ({report.provider}) beside torch, {report.seeds:,} seeds, "
        f"{report.seconds:.1f} s:"
    )
    limit = "" if report.tolerance is None else f"tolerance {report.tolerance:g}"
    table(
        [
            ("batch", f"largest difference in {report.unit}"),
            *((f"{batch:,}", f"{difference:.2g}") for batch, difference in report.batches.items()),
            ("all", f"{report.largest:.2g}", limit),
            ("PSNR", f"{report.psnr:.1f} dB", f"floor {report.floor:g} dB"),
        ]
    )
