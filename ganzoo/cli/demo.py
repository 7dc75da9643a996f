"""``ganzoo demo``: a generator in a browser."""

from __future__ import annotations

from pathlib import Path

import click

from ganzoo.cli import options
from ganzoo.cli.options import FilePath
from ganzoo.util.errors import GanzooError


@click.command()
@click.argument("file", metavar="FILE.onnx|NAME|URL", type=options.Name("source"))
@click.option("-o", "--out", type=FilePath(), help="x.html, or a folder for your own app; FILE.html by default.")
@click.option("--runtime", metavar="FOLDER|cdn", help="onnxruntime-web; node_modules/onnxruntime-web/dist by default.")
@options.force
def demo(file: str, out: str | None, runtime: str | None, force: bool) -> None:
    """Make a web page that runs a generator.

    The page is one file that makes no connection: the generator and onnxruntime-web are inside. Install onnxruntime-web
    with: npm install onnxruntime-web. With --runtime cdn, the page loads it from a CDN instead.

    URL is a service (ganzoo serve): the page has no generator, and asks the service for its images.

    A folder gets the files for an app of your own: model.onnx, model.json (its metadata), and the modules latents.js
    and generator.js with their types.

    \b
    Examples:
      ganzoo demo cgan                       cgan.html
      ganzoo demo cgan.onnx -o page.html --runtime cdn
      ganzoo demo cgan.onnx -o app/model     the files for an app of your own
      ganzoo demo http://127.0.0.1:8000/ -o page.html
    """
    from ganzoo.generators.onnx_reader import read
    from ganzoo.generators.pretrained import exported
    from ganzoo.pages.demo import page, parts
    from ganzoo.util.files import atomic_write, writing

    if file.startswith(("http://", "https://")):
        write_page_of_service(file, out, runtime, force)
        return
    model = exported(file)
    content, metadata = read(model)
    out = out or model.with_suffix(".html").name
    target, suffix = Path(out), options.file_suffix(out)
    folder = not suffix
    if folder and runtime:
        raise GanzooError(f"--runtime is for a page, and {target} is a folder; leave it out, or name x.html with --out")
    if folder:
        made = {target / name: part for name, part in parts(content, metadata).items()}
    elif suffix == ".html":
        made = {target: page(content, metadata, runtime).encode()}
    else:
        raise GanzooError(f"cannot write '{suffix}' files; --out takes x.html or a folder, such as {target}/")
    for path in made:
        options.require_new(path, force=force)
    if folder:
        with writing(target):
            target.mkdir(parents=True, exist_ok=True)
    for path, part in made.items():
        with atomic_write(path) as temporary:
            temporary.write_bytes(part)
    click.echo(f"{metadata.gan} ({file}) in {target}, {sum(map(len, made.values())) / 1e6:.1f} MB")


def write_page_of_service(address: str, out: str | None, runtime: str | None, force: bool) -> None:
    """Write a page that asks a service for its images."""
    from ganzoo.serving.page import page_of_service
    from ganzoo.util.files import write_text

    if runtime:
        raise GanzooError("--runtime is for a page that runs the generator itself; leave it out")
    target = Path(out or "service.html")
    if options.file_suffix(str(target)) != ".html":
        raise GanzooError(f"the page of a service is a file such as {target.with_suffix('.html')}; name it with --out")
    options.require_new(target, force=force)
    write_text(target, page_of_service(address))
    click.echo(f"The images of {address} in {target}")
