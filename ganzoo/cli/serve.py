"""``ganzoo serve``: a generator as an HTTP service."""

from __future__ import annotations

import hashlib
import signal
import socket
from contextlib import suppress
from pathlib import Path

import click

from ganzoo.cli import options
from ganzoo.util.errors import GanzooError, first_line

WAITING = 1024  # connections that nobody has accepted yet


@click.command()
@click.argument("source", metavar="FILE|NAME|RUN", type=options.Name("source"))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 for all.")
@click.option("--port", type=options.IntRange(0, 65_535), default=8000, show_default=True, help="0 takes a free one.")
@click.option("--provider", metavar="NAME", help="auto, cpu, cuda, tensorrt, directml or coreml.")
@click.option(
    "--most-waiting",
    type=options.IntRange(1, 1_000_000),
    default=4096,
    show_default=True,
    metavar="N",
    help="Images that may wait; further requests get status 503.",
)
@click.option(
    "--timeout",
    type=options.IntRange(1, 3600),
    default=30,
    show_default=True,
    metavar="S",
    help="Seconds that a request may take; then it gets status 504.",
)
def serve(source: str, host: str, port: int, provider: str | None, most_waiting: int, timeout: int) -> None:
    """Serve a generator over HTTP.

    The service needs no torch for an ONNX file. Requests that come while the
    generator runs are answered together. Ctrl-C answers those that wait, and
    stops. It has no logins and no encryption: put it behind a server that has.

    \b
    Paths:
      /                           a page to look at images
      /image.png?seed=7&label=3   one image
      /images.npz?seeds=0-15      arrays
      /images.json?seeds=1,5,9    images as PNG in base64
      /about.json  /openapi.json  /health  /metrics

    \b
    Examples:
      ganzoo serve cgan
      ganzoo serve cats.onnx --host 0.0.0.0 --port 80
      ganzoo serve hf:user/name
      curl -o seven.png 'http://127.0.0.1:8000/image.png?seed=1&label=7'
    """
    from ganzoo.cli.sample import open_generator
    from ganzoo.util.optional import needs

    model, path = open_generator(source, None, provider)
    with needs("serve"):
        import uvicorn

        from ganzoo.serving.app import Service, application
    version = hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12]
    service = Service(model, version, most_waiting=most_waiting, timeout=timeout)
    listening = listen(host, port)
    address = f"http://{host}:{listening.getsockname()[1]}"
    click.echo(f"{model.metadata.gan} ({source}) at {address}/ (stop with Ctrl-C)")
    config = uvicorn.Config(
        application(service),
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=timeout,
        h11_max_incomplete_event_size=16_384,
    )
    signal.signal(
        signal.SIGTERM, signal.default_int_handler
    )  # uvicorn stops at both signals, and then raises them again
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listening])
    click.echo(f"Stopped after {service.answers.total():,} requests and {service.batcher.counts.images:,} images.")


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; GanzooError if that is not possible."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=WAITING)
    except (OSError, UnicodeError) as error:
        raise GanzooError(f"cannot listen on {host}:{port}: {first_line(error)}; name another with --port") from None
