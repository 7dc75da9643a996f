"""The page as text, and the command that writes it."""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ganzoo.cli import main
from ganzoo.generators.onnx_reader import read
from ganzoo.pages import demo
from ganzoo.util.errors import GanzooError
from tests.pages.demo.conftest import Made

HOSTILE = "</script><script>window.evil = 1</script><!-- <img src=x onerror=evil()> \" ' {{model}} & é \u2028"


class Elements(HTMLParser):
    """The scripts of a page: their attributes and texts. And all attributes that name an address."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.addresses: list[str | None] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href", "action", "data-source")]
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] == "script" and self.scripts:
            attributes, text = self.scripts[-1]
            self.scripts[-1] = attributes, text + data

    def by_id(self, name: str) -> str:
        return next(text for attributes, text in self.scripts if attributes.get("id") == name)


def command(*words: object) -> Any:
    return CliRunner().invoke(main, ["demo", *map(str, words)], prog_name="ganzoo")


def refused(*words: object) -> str:
    result = command(*words)
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    return str(result.stderr)


def test_a_page_holds_the_generator_its_metadata_and_the_runtime(made: Made, unreal: Path) -> None:
    content, metadata = read(made(num_classes=3))
    page = Elements(demo.page(content, metadata, str(unreal)))
    assert json.loads(page.by_id("metadata")) == metadata.to_json()
    for name, expected in {"model": content, "ort-wasm-simd-threaded.wasm": b"ort-wasm-simd-threaded.wasm"}.items():
        assert gzip.decompress(base64.b64decode(page.by_id(name))) == expected
    assert page.addresses == ["data:,"]
    assert "import " not in re.sub(r"(?s)/\*.*?\*/|//[^\n]*", "", page.scripts[-1][1]).replace("import(", "")


def test_nothing_in_the_metadata_becomes_code(made: Made, unreal: Path) -> None:
    content, metadata = read(made(gan=HOSTILE, data={"name": HOSTILE, "classes": [HOSTILE] * 2}, num_classes=2))
    text = demo.page(content, metadata, str(unreal))
    page, usual = Elements(text), Elements(demo.page(*read(made()), str(unreal)))
    assert page.tags == usual.tags
    assert page.scripts[-1] == usual.scripts[-1]
    assert json.loads(page.by_id("metadata")) == metadata.to_json()
    assert f"<h1>{html.escape(f'{HOSTILE} · {HOSTILE}')}</h1>" in text


def test_infinity_becomes_a_string_in_json(made: Made) -> None:
    _, metadata = read(made(settings={"clip": float("inf")}))
    assert json.loads(demo.json_text(metadata), parse_constant=pytest.fail)["settings"] == {"clip": "Infinity"}


def test_the_policy_allows_one_script_and_no_connection(made: Made, unreal: Path) -> None:
    text = demo.page(*read(made()), str(unreal))
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', text)
    assert re.fullmatch(
        r"default-src 'none'; script-src 'sha256-[\w+/=]+' blob: 'wasm-unsafe-eval'; "
        r"style-src 'sha256-[\w+/=]+'; img-src data:; connect-src 'none'",
        policy,
    )


def test_only_cdn_refers_to_the_cdn(made: Made, unreal: Path) -> None:
    assert demo.CDN not in demo.page(*read(made()), str(unreal))
    page = Elements(text := demo.page(*read(made()), "cdn"))
    assert page.addresses[1:] == [f"{demo.CDN}ort.wasm.bundle.min.mjs", f"{demo.CDN}ort-wasm-simd-threaded.wasm"]
    assert f"connect-src {demo.CDN}" in text


def test_the_digests_are_those_of_the_package(runtime: Path) -> None:
    version = json.loads((runtime.parent / "package.json").read_text())["version"]
    if f"@{version}/" not in demo.CDN:
        pytest.skip(f"onnxruntime-web {version} is installed, and the CDN's is another")
    for name, digest in demo._DIGESTS.items():
        assert digest == "sha384-" + base64.b64encode(hashlib.sha384((runtime / name).read_bytes()).digest()).decode()


def test_a_large_generator_does_not_go_into_a_page(made: Made, unreal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "LARGEST_MODEL", 100)
    with pytest.raises(
        GanzooError, match="a page holds at most 100; write the files for a page of your own instead: ganzoo demo"
    ):
        demo.page(*read(made()), str(unreal))


def test_the_command_writes_a_page(made: Made, unreal: Path, tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    result = command(made(), "-o", target, "--runtime", unreal)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.endswith(" MB\n")
    first = target.read_bytes()
    assert "exists; replace it with --force" in refused(made(gan="other"), "-o", target, "--runtime", unreal)
    assert target.read_bytes() == first
    assert command(made(gan="other"), "-o", target, "--runtime", unreal, "--force").exit_code == 0
    assert target.read_bytes() != first
    assert {path.name for path in tmp_path.iterdir()} == {"page.html", "dist", "tiny.onnx"}


def test_the_usual_places(made: Made, unreal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    message = refused(made())
    assert "npm install onnxruntime-web" in message
    assert "--runtime cdn" in message
    Path(demo.RUNTIME).parent.mkdir(parents=True)
    Path(demo.RUNTIME).symlink_to(unreal)
    assert command(made()).exit_code == 0
    assert "ort-wasm-simd-threaded.wasm" in Path("tiny.html").read_text()


def test_the_command_writes_parts(made: Made, tmp_path: Path) -> None:
    model, folder = made(num_classes=3), tmp_path / "app" / "model"
    assert command(model, "-o", folder).exit_code == 0
    assert {path.name for path in folder.iterdir()} == {
        "model.onnx", "model.json", "package.json", "latents.js", "latents.d.ts", "generator.js", "generator.d.ts",
    }  # fmt: skip
    assert (folder / "model.onnx").read_bytes() == model.read_bytes()
    assert json.loads((folder / "model.json").read_text()) == read(model)[1].to_json()
    assert "exists; replace it with --force" in refused(model, "-o", folder)
    assert command(model, "-o", folder, "--force").exit_code == 0


def test_types_declare_what_the_modules_export() -> None:
    folder = Path(demo.__file__).parent
    for name in ("latents", "generator"):
        exported = re.compile(r"^export (?:async )?(?:function|class) (\w+)", re.M)
        found = [exported.findall((folder / f"{name}.{suffix}").read_text()) for suffix in ("js", "d.ts")]
        assert found[0] == found[1]
        assert found[0]


def test_what_the_command_refuses(made: Made, unreal: Path, tmp_path: Path) -> None:
    assert "there is no file" in refused(tmp_path / "none.onnx")
    assert "no ONNX file" in refused(unreal / "ort.wasm.bundle.min.mjs")
    assert "--out takes x.html or a folder" in refused(made(), "-o", tmp_path / "x.txt")
    assert "--runtime is for a page" in refused(made(), "-o", tmp_path / "folder", "--runtime", "cdn")
    assert "cannot write" in refused(made(), "-o", tmp_path / "none" / "x.html", "--runtime", unreal)


def test_neither_torch_nor_onnxruntime_is_needed(made: Made, unreal: Path, tmp_path: Path) -> None:
    code = "import sys; from ganzoo.cli import main; main(sys.argv[1:], standalone_mode=False)\n"
    code += "print(*sorted({'torch', 'onnx', 'onnxruntime', 'numpy'} & set(sys.modules)))"
    words = ["demo", str(made()), "-o", str(tmp_path / "x.html"), "--runtime", str(unreal)]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == ""
