"""``ganzoo export``: a trained generator as a file for other runtimes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ganzoo.cli import options
from ganzoo.cli.options import FilePath
from ganzoo.util.errors import GanzooError

if TYPE_CHECKING:
    from ganzoo.export import Precision, Report
    from ganzoo.generators.metadata import Stage


@click.command()
@click.argument("source", metavar="RUN|FILE|NAME", type=options.Name("source"))
@click.option("-o", "--out", type=FilePath(), help="The file, x.onnx; GAN.onnx by default.")
@click.option("--uint8", is_flag=True, help="Output images as bytes (N, H, W, C).")
@click.option("--fp16", is_flag=True, help="Half precision, half the size.")
@click.option("--int8", is_flag=True, help="8-bit weights, a quarter of the size.")
@click.option(
    "--opset",
    type=options.Integer(),
    metavar="N",
    help="Version of the ONNX operators, 13 to 20; the lowest possible by default.",
)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="Fix a setting of sampling in the file, such as psi=0.7 (ganzoo show RUN lists them).",
)
@click.option(
    "--input",
    "inputs",
    multiple=True,
    metavar="KEY",
    help="Make a setting of sampling an input of the graph, a number.",
)
@click.option(
    "--entry",
    default="",
    metavar="NAME",
    help="Export another method of the networks, such as generator.encode, or discriminator.",
)
@options.stage
@options.force
@click.option(
    "--verify-only",
    "file",
    is_flag=False,
    flag_value="",
    metavar="[FILE]",
    help="Write nothing: compare an ONNX file with the weights; without FILE, check an ONNX file alone.",
)
def export(source: str, out: str | None, file: str | None, force: bool, **form: Any) -> None:
    """Export a trained generator to ONNX.

    The file is run in onnxruntime and compared with torch. It is written only if both give the same samples.

    \b
    Examples:
      ganzoo export privileged-v2                            privileged-v2.onnx
      ganzoo export runs/dcgan-mnist-10k-seed0 -o x.onnx --uint8
      ganzoo export privileged-v2 -o small.onnx --int8       a quarter of the size
      ganzoo export runs/x --set psi=0.7 -o calm.onnx        with this setting
      ganzoo export runs/x --entry generator.encode          its encoder
      ganzoo export privileged-v2 --verify-only digits.onnx  compare both
      ganzoo export digits.onnx --verify-only                check a file alone
    """
    if file is None:
        write(source, out, force=force, precision=precision_of(form.pop("fp16"), form.pop("int8")), **form)
        return
    if out or force or any(value not in (None, False, (), "") for value in form.values()):
        raise GanzooError("--verify-only writes nothing; leave out the other options")
    if file:
        compare(source, file)
    elif source.endswith(".onnx"):
        check_alone(source)
    else:
        raise GanzooError("--verify-only needs an ONNX file: name it after --verify-only, or in place of the weights")


def precision_of(fp16: bool, int8: bool) -> Precision:
    """The precision that the flags ask for; GanzooError for both."""
    if fp16 and int8:
        raise GanzooError("--fp16 and --int8 are two precisions of one file; leave one out")
    return "fp16" if fp16 else "int8" if int8 else "fp32"


def write(
    source: str,
    out: str | None,
    *,
    uint8: bool,
    precision: Precision,
    opset: int | None,
    stage: Stage | None,
    assignments: tuple[str, ...],
    inputs: tuple[str, ...],
    entry: str,
    force: bool,
) -> None:
    from ganzoo.registry.recipe import parse_assignments
    from ganzoo.util.optional import needs

    with needs():
        from ganzoo.export import export
        from ganzoo.generators.weights import find, load
    from ganzoo.generators.hub import described

    weights = find(source)
    model = load(weights).with_settings(**parse_assignments(assignments))
    name = "-".join(filter(None, [model.metadata.gan, *entry.split(".")]))
    path = Path(out or f"{name}.onnx")
    if path.suffix != ".onnx":
        raise GanzooError(f"cannot write {path}; --out takes the name of a file that ends in .onnx")
    options.require_new(path, force=force)
    report = export(
        model,
        path,
        uint8=uint8,
        precision=precision,
        opset=opset,
        stage=stage or "child",
        inputs=inputs,
        entry=entry,
    )
    size = f"{path.stat().st_size / 1e6:.2f} MB"
    click.echo(f"{model.metadata.gan} ({described(weights)}) in {path}: {size}, {report.precision}")
    show(report)


def compare(source: str, file: str) -> None:
    from ganzoo.util.optional import needs

    with needs():
        from ganzoo.export import verify
        from ganzoo.generators.weights import find, load

    weights = find(source)
    report = verify(file, load(weights))
    click.echo(f"{file} gives the samples of {weights} ({report.precision})")
    show(report)


def check_alone(file: str) -> None:
    from ganzoo.cli.list import signature, table
    from ganzoo.registry.values import format_value
    from ganzoo.util.optional import needs

    with needs():
        from ganzoo.export import check

    metadata = check(file)
    click.echo(f"{file} keeps the contract; its samples are finite and in range")
    entries = metadata.to_json()
    keys = ("gan", "stage", "precision", "iterations", "opset", "weights_sha256", "ganzoo")
    output, limits = metadata.output, metadata.output_range
    table(
        [
            *((key, format_value(entries[key])) for key in keys),
            *(("input", f"{one.name} {signature(one.dtype, one.shape)}") for one in metadata.inputs),
            ("output", f"{output.name} {signature(output.dtype, output.shape)} in {limits or 'no bounds'}"),
        ]
    )


def show(report: Report) -> None:
    """The comparison with torch, as a table."""
    from ganzoo.cli.list import table

    click.echo(
        f"onnxruntime {report.onnxruntime} ({report.provider}) compared with torch, {report.seeds:,} seeds, "
        f"{report.seconds:.1f} s:"
    )
    limit = "" if report.tolerance is None else f"tolerance {report.tolerance:g}"
    table(
        [
            ("batch size", f"largest difference in {report.unit}"),
            *((f"{batch:,}", f"{difference:.2g}") for batch, difference in report.batches.items()),
            ("all", f"{report.largest:.2g}", limit),
            ("PSNR", f"{report.psnr:.1f} dB", f"at least {report.min_psnr:g} dB"),
        ]
    )
