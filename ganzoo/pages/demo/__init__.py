"""A demo page for a generator: one HTML file that runs it in the browser."""

from __future__ import annotations

import base64
import gzip
import json
import re
from pathlib import Path

from ganzoo.generators.metadata import ExportMetadata
from ganzoo.pages.html import csp_hash, json_for_script, read_package_text, render_page
from ganzoo.util.errors import GanzooError

__all__ = ["CDN", "LARGEST_MODEL", "RUNTIME", "json_text", "page", "parts"]

LARGEST_MODEL = 2**27
"""Bytes of a generator inside a page. Browsers keep several copies of a page in memory."""

RUNTIME = "node_modules/onnxruntime-web/dist"
"""Where npm installs onnxruntime-web, relative to the folder in which it is called."""

CDN = "https://cdn.jsdelivr.net/npm/onnxruntime-web@1.30.0/dist/"
_CODE, _WASM = "ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"  # the smallest build, for the CPU only
_DIGESTS = {
    _CODE: "sha384-PLWz+nHEVHpjwBsO0YVdvQj6n5814Iv8E3b8FG0Rp/uIAtjFMCKOpP66iPzedrIG",
    _WASM: "sha384-vjBJ1z7qrhkTyYsNqKeF6c7N+nOJSU94czEo+tvZcu8G75JparGq9kB+kTnEUNVM",
}
"""Of the files at :data:`CDN`. A browser refuses files of another digest."""

MODULES = ("latents.js", "latents.d.ts", "generator.js", "generator.d.ts")

SCRIPTS = ("latents.js", "generator.js", "address.js", "grid.js", "picked.js", "translation.js", "page.js")
"""The modules of the page; each imports from those before it."""

_PRIVACY = {
    True: "The runtime is loaded from a CDN. The generator and your samples stay in this page.",
    False: "Generator, runtime and code are inside this file. It makes no network requests.",
}


def page(content: bytes, metadata: ExportMetadata, runtime: str | None = None) -> str:
    """The page, as HTML.

    Nothing in the metadata can become code: texts are escaped, and the page's content security policy allows a single
    script, by its hash. The policy also forbids every connection, except to :data:`CDN` where that is asked for.

    Args:
        content: of the ONNX file.
        metadata: of the ONNX file.
        runtime: the folder of onnxruntime-web, :data:`RUNTIME` by default, which is put into the page; or ``cdn``.

    Raises:
        GanzooError: the generator is larger than :data:`LARGEST_MODEL`, or takes images that are no pictures; the file
            holds an encoder or the like; or the folder does not hold the runtime.
    """
    _require_generator(metadata)
    if metadata.condition_image and metadata.condition_image[0] not in (1, 3, 4):
        raise GanzooError(
            f"{metadata.gan} takes images of {metadata.condition_image[0]} channels, and a page takes pictures of 1, 3 "
            "or 4; write the files for a page of your own instead: ganzoo demo FILE.onnx -o FOLDER"
        )
    if len(content) > LARGEST_MODEL:
        raise GanzooError(
            f"the generator has {len(content):,} bytes, and a page holds at most {LARGEST_MODEL:,}; write the files "
            "for a page of your own instead: ganzoo demo FILE.onnx -o FOLDER"
        )
    online = runtime == "cdn"
    # The modules become one script, so their imports and exports are removed.
    modules = "".join(read_package_text(__name__, name) for name in SCRIPTS)
    script = re.sub(r"(?m)^(import .*\n|export )", "", modules)
    values = {
        "privacy": _PRIVACY[online],
        "metadata": json_for_script(metadata.to_json()),
        "model": _compressed(content),
        "runtime": _linked() if online else _inlined(Path(runtime or RUNTIME)),
    }
    sources = {"script_src": f"{csp_hash(script)} blob: 'wasm-unsafe-eval'", "connect_src": CDN if online else "'none'"}
    return render_page(__name__, f"{metadata.gan} · {metadata.data.name}", script, values, **sources)


def parts(content: bytes, metadata: ExportMetadata) -> dict[str, bytes]:
    """The files for a page or Node program of your own, by name: the generator, its metadata, and modules with types.

    ``package.json`` tells Node that the files are ECMAScript modules, whatever the program is.

    Raises:
        GanzooError: the file holds no generator, but an encoder or the like.
    """
    _require_generator(metadata)
    modules = {name: read_package_text(__name__, name).encode() for name in MODULES}
    package = json.dumps({"private": True, "type": "module", "main": "generator.js", "types": "generator.d.ts"})
    files = {"model.onnx": content, "model.json": json_text(metadata).encode(), **modules}
    return {**files, "package.json": f"{package}\n".encode()}


def json_text(metadata: ExportMetadata) -> str:
    """The metadata as JSON, because the JavaScript runtimes cannot read them from the ONNX file."""
    strict = json.loads(json.dumps(metadata.to_json()), parse_constant=str)  # JSON has neither infinity nor nan
    return json.dumps(strict, indent=2) + "\n"


def _require_generator(metadata: ExportMetadata) -> None:
    if metadata.entry:
        raise GanzooError(
            f"the file holds {metadata.entry} of {metadata.gan}, which makes no samples; export the generator: "
            "ganzoo export RUN"
        )


def _inlined(folder: Path) -> str:
    for name in (_CODE, _WASM):
        if not (folder / name).is_file():
            raise GanzooError(
                f"there is no {name} in {folder}; run: npm install onnxruntime-web, and name its folder with "
                f"--runtime {RUNTIME}; or let the page load it from a CDN: --runtime cdn"
            )
    return "\n    ".join(
        f'<script type="text/plain" id="{name}">{_compressed((folder / name).read_bytes())}</script>'
        for name in _DIGESTS
    )


def _linked() -> str:
    return "\n    ".join(
        f'<script type="text/plain" id="{name}" data-source="{CDN}{name}" data-integrity="{digest}"></script>'
        for name, digest in _DIGESTS.items()
    )


def _compressed(content: bytes) -> str:
    return base64.b64encode(gzip.compress(content, 6, mtime=0)).decode()
