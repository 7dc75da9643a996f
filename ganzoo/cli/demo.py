"""``ganzoo demo``: a generator in a browser."""

from __future__ import annotations

from pathlib import Path

import click

from ganzoo.util.errors import GanzooError


@click.command()
@click.argument("file", metavar="FILE.onnx|NAME", type=click.Path())
@click.option("-o", "--out", type=click.Path(), help="x.html for a page, or a folder for the parts of your own.")
@click.option("--runtime", metavar="FOLDER|cdn", help="onnxruntime-web; node_modules/onnxruntime-web/dist by default.")
@click.option("--force", is_flag=True, help="Replace files that exist.")
def demo(file: str, out: str | None, runtime: str | None, force: bool) -> None:
    """Make a page that runs an exported generator in the browser.

    The page is one file without any connection to elsewhere: the generator and onnxruntime-web are inside. Install the
    latter with: npm install onnxruntime-web. Only with --runtime cdn does the page load it from a CDN instead.

    A folder takes what an app of your own needs: model.onnx, model.json (what the file says of itself), latents.js and
    generator.js.

    \b
    Examples:
      ganzoo demo cgan
      ganzoo demo cgan.onnx -o page.html --runtime ~/app/node_modules/onnxruntime-web/dist
      ganzoo demo cgan.onnx -o app/model
    """
    from ganzoo.generators.onnx_reader import read
    from ganzoo.generators.pretrained import exported
    from ganzoo.pages.demo import page, parts
    from ganzoo.util.files import atomic_write, writing

    model = exported(file)
    content, header = read(model)
    target = Path(out or model.with_suffix(".html").name)
    folder = not target.suffix or target.is_dir()
    if folder and runtime:
        raise GanzooError(f"--runtime is for a page, and {target} is a folder; leave it out, or name x.html with -o")
    if folder:
        made = {target / name: part for name, part in parts(content, header).items()}
    elif target.suffix == ".html":
        made = {target: page(content, header, runtime).encode()}
    else:
        raise GanzooError(f"cannot write '{target.suffix}' files; -o takes x.html or a folder")
    for path in made:
        if path.exists() and not force:
            raise GanzooError(f"{path} exists; replace it with --force, or name another with -o")
    if folder:
        with writing(target):
            target.mkdir(parents=True, exist_ok=True)
    for path, part in made.items():
        with atomic_write(path) as temporary:
            temporary.write_bytes(part)
    click.echo(f"{header['gan']} ({file}) in {target}, {sum(map(len, made.values())) / 1e6:.1f} MB")
