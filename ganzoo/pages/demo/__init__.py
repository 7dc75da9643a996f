"""A page that shows a generator in any browser: one file, with the generator and all that runs it inside."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganzoo.pages.html import hashed, page_of, text_of
from ganzoo.util.errors import GanzooError

__all__ = ["CDN", "LARGEST_MODEL", "RUNTIME", "metadata", "page", "parts"]

LARGEST_MODEL = 2**27
"""Bytes of a generator inside a page; browsers hold a page in memory several times over."""

RUNTIME = "node_modules/onnxruntime-web/dist"
"""Where npm puts onnxruntime-web, below the folder in which it is called."""

CDN = "https://cdn.jsdelivr.net/npm/onnxruntime-web@1.30.0/dist/"
_CODE, _WASM = "ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"  # the smallest build: for the CPU alone
_DIGESTS = {
    _CODE: "sha384-PLWz+nHEVHpjwBsO0YVdvQj6n5814Iv8E3b8FG0Rp/uIAtjFMCKOpP66iPzedrIG",
    _WASM: "sha384-vjBJ1z7qrhkTyYsNqKeF6c7N+nOJSU94czEo+tvZcu8G75JparGq9kB+kTnEUNVM",
}
"""Of the files at :data:`CDN`: a browser that receives others refuses them."""

_PROMISES = {
    True: "The runtime comes from a CDN. The generator and what you make with it stay in this page.",
    False: "Generator, runtime and code are inside this file, which asks no other computer for anything.",
}


def page(content: bytes, header: Mapping[str, Any], runtime: str | None = None) -> str:
    """The page, as HTML.

    Nothing in the header can become code: texts are escaped, and the page's policy lets a browser run one script alone,
    by its hash. The same policy forbids every connection but those to :data:`CDN`, if that was asked for.

    Args:
        content: of the ONNX file.
        header: what the file says of itself.
        runtime: the folder of onnxruntime-web, :data:`RUNTIME` by default, which goes into the page; or ``cdn``.

    Raises:
        GanzooError: the generator is larger than :data:`LARGEST_MODEL`, or the folder does not hold the runtime.
    """
    if len(content) > LARGEST_MODEL:
        raise GanzooError(
            f"the generator has {len(content):,} bytes, and a page holds at most {LARGEST_MODEL:,}; put it beside a "
            "page of your own: ganzoo demo FILE.onnx -o FOLDER"
        )
    online = runtime == "cdn"
    # The modules become one, so what they import from each other already stands above.
    modules = "".join(text_of(__name__, name) for name in ("latents.js", "generator.js", "page.js"))
    script = re.sub(r"(?m)^(import .*\n|export )", "", modules)
    values = {
        "promise": _PROMISES[online],
        "header": metadata(header).replace("<", "\\u003c"),  # still JSON, and no tag begins or ends in it
        "model": _packed(content),
        "runtime": _linked() if online else _inlined(Path(runtime or RUNTIME)),
    }
    sources = {"script_src": f"{hashed(script)} blob: 'wasm-unsafe-eval'", "connect_src": CDN if online else "'none'"}
    return page_of(__name__, f"{header['gan']} · {header['data']['name']}", script, values, **sources)


def parts(content: bytes, header: Mapping[str, Any]) -> dict[str, bytes]:
    """What a page or a Node program of one's own needs, by file name: the generator, its header and two modules."""
    modules = {name: text_of(__name__, name).encode() for name in ("latents.js", "generator.js")}
    return {"model.onnx": content, "model.json": metadata(header).encode(), **modules}


def metadata(header: Mapping[str, Any]) -> str:
    """The header as JSON, which runtimes for JavaScript cannot read out of the file itself."""
    strict = json.loads(json.dumps(header), parse_constant=str)  # JSON has no words for infinity and no number
    return json.dumps(strict, indent=2) + "\n"


def _inlined(folder: Path) -> str:
    for name in (_CODE, _WASM):
        if not (folder / name).is_file():
            raise GanzooError(
                f"there is no {name} in {folder}; run: npm install onnxruntime-web, and name its folder with "
                f"--runtime {RUNTIME}; or let the page load it from a CDN: --runtime cdn"
            )
    return "\n    ".join(
        f'<script type="text/plain" id="{name}">{_packed((folder / name).read_bytes())}</script>' for name in _DIGESTS
    )


def _linked() -> str:
    return "\n    ".join(
        f'<script type="text/plain" id="{name}" data-source="{CDN}{name}" data-integrity="{digest}"></script>'
        for name, digest in _DIGESTS.items()
    )


def _packed(content: bytes) -> str:
    return base64.b64encode(gzip.compress(content, 6, mtime=0)).decode()
