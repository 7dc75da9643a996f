"""A server on this machine that speaks the Hugging Face Hub's API, as far as downloads and commits of small files go.

The real client, huggingface_hub, talks to it: see :func:`serve`. Written from the requests that the client makes.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

LARGE = (".safetensors", ".onnx", ".png", ".webp", ".bin")
"""Files that are stored by their SHA-256 (Git LFS); others are blobs of git."""
TOKEN = "hf_secretofthetests"


def blob_id(content: bytes) -> str:
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest()


@dataclass
class Repository:
    """The files of each commit, the newest last."""

    private: bool = False
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    card: dict[str, Any] = field(default_factory=dict)

    def commit(self, changes: dict[str, bytes], branch: str = "main") -> str:
        files = {**self.files(branch), **changes}
        listed = [(name, blob_id(content)) for name, content in sorted(files.items())]
        oid = hashlib.sha1(repr((len(self.commits), listed)).encode(), usedforsecurity=False).hexdigest()
        self.commits[oid] = files
        self.branches[branch] = oid
        return oid

    def files(self, revision: str = "main") -> dict[str, bytes]:
        return self.commits.get(self.branches.get(revision, revision), {})


@dataclass
class Hub:
    """The state of the server, and the faults that it is asked for.

    Attributes:
        repositories: by kind (``models`` or ``spaces``) and name.
        objects: large files that were uploaded, by SHA-256.
        requests: method and path of each request, and its ``Authorization``.
        status: the answer to every request; 0 for the right one.
        damage: what is sent in place of the content of files.
        cut: close the connection in the middle of files.
    """

    repositories: dict[tuple[str, str], Repository] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    status: int = 0
    damage: bytes = b""
    cut: bool = False
    url: str = ""

    def repository(self, name: str, kind: str = "models") -> Repository:
        return self.repositories.setdefault((kind, name), Repository())


class Handler(BaseHTTPRequestHandler):
    """One request."""

    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        self.answer()

    do_HEAD = do_POST = do_PUT = do_GET  # noqa: N815

    def send(self, status: int, content: bytes = b"", *, cut: bool = False, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[: len(content) // 2] if cut else content)
        if cut:
            self.close_connection = True

    def send_json(self, value: Any, status: int = 200) -> None:
        self.send(status, json.dumps(value).encode(), Content_Type="application/json")

    def refuse(self, status: int, code: str) -> None:
        self.send(status, b'{"error": "refused"}', X_Error_Code=code, Content_Type="application/json")

    def answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        token = self.headers.get("Authorization", "")
        self.hub.requests.append((self.command, path, token))
        if self.hub.status:
            return self.send_json({"error": "refused"}, self.hub.status)
        if path == "/api/repos/create":
            return self.create(json.loads(body), token)
        if path == "/api/validate-yaml":
            return self.send_json({"errors": [], "warnings": []})
        if found := re.fullmatch(r"/objects/(\w{64})", path):
            self.hub.objects[found[1]] = body
            return self.send(200)
        if found := re.fullmatch(r"/(spaces/)?([^/]+/[^/]+)\.git/info/lfs/objects/batch", path):
            return self.batch(json.loads(body))
        if found := re.fullmatch(
            r"/(?:api/)?(?:(models|spaces)/)?([^/]+/[^/]+?)(?:/(revision|resolve|preupload|commit)/(.+))?", path
        ):
            return self.of_repository(found[1] or "models", found[2], found[3], found[4] or "main", body, token)
        return self.refuse(404, "")

    def create(self, wanted: dict[str, Any], token: str) -> None:
        if token != f"Bearer {TOKEN}":
            return self.refuse(401, "")
        name, kind = (
            "/".join(filter(None, (wanted.get("organization"), wanted["name"]))),
            f"{wanted.get('type') or 'model'}s",
        )
        url = {"url": f"{self.hub.url}/{'spaces/' if kind == 'spaces' else ''}{name}"}
        if (kind, name) in self.hub.repositories:
            return self.send_json(url, 409)
        made = self.hub.repository(name, kind)
        made.private = wanted.get("visibility") == "private"
        made.commit({".gitattributes": b""})
        return self.send_json(url)

    def batch(self, wanted: dict[str, Any]) -> None:
        objects = [
            {**one, "actions": {"upload": {"href": f"{self.hub.url}/objects/{one['oid']}", "header": {}}}}
            for one in wanted["objects"]
        ]
        self.send_json({"transfer": "basic", "objects": objects})

    def of_repository(self, kind: str, name: str, what: str | None, rest: str, body: bytes, token: str) -> None:
        repository = self.hub.repositories.get((kind, name))
        if repository is None or (repository.private and token != f"Bearer {TOKEN}"):
            return self.refuse(401, "RepoNotFound")
        revision, _, file = rest.partition("/") if what == "resolve" else (rest, "", "")
        oid = repository.branches.get(revision, revision)
        if oid not in repository.commits:
            return self.refuse(404, "RevisionNotFound")
        if what == "preupload":
            return self.send_json({"files": [mode(one["path"]) for one in json.loads(body)["files"]]})
        if what == "commit":
            return self.commit(repository, name, revision, body)
        if what == "resolve":
            return self.resolve(repository.commits[oid], oid, file)
        siblings = [described(path, content) for path, content in repository.commits[oid].items()]
        return self.send_json({"id": name, "sha": oid, "private": repository.private, "siblings": siblings, "tags": []})

    def commit(self, repository: Repository, name: str, branch: str, body: bytes) -> None:
        changes = {}
        for one in map(json.loads, body.splitlines()):
            value = one["value"]
            if one["key"] == "file":
                changes[value["path"]] = base64.b64decode(value["content"])
            elif one["key"] == "lfsFile":
                changes[value["path"]] = self.hub.objects[value["oid"]]
        oid = repository.commit(changes, branch)
        self.send_json(
            {"success": True, "commitOid": oid, "commitUrl": f"{self.hub.url}/{name}/commit/{oid}", "hookOutput": ""}
        )

    def resolve(self, files: dict[str, bytes], oid: str, name: str) -> None:
        if name not in files:
            return self.refuse(404, "EntryNotFound")
        content = files[name]
        tag = described(name, content)
        etag = f'"{tag["lfs"]["sha256"] if "lfs" in tag else tag["blobId"]}"'
        headers = {"ETag": etag, "X_Repo_Commit": oid, "X_Linked_Size": str(len(content)), "X_Linked_Etag": etag}
        damaged = (self.hub.damage * len(content))[: len(content)] if self.hub.damage else content
        return self.send(200, damaged, cut=self.hub.cut, **headers)


def mode(path: str) -> dict[str, Any]:
    return {"path": path, "uploadMode": "lfs" if path.endswith(LARGE) else "regular", "shouldIgnore": False}


def described(path: str, content: bytes) -> dict[str, Any]:
    entry: dict[str, Any] = {"rfilename": path, "size": len(content), "blobId": blob_id(content)}
    if path.endswith(LARGE):
        entry["lfs"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 130}
    return entry


@contextmanager
def serve() -> Iterator[Hub]:
    """A server on the loopback address, until the block ends."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("OfHub", (Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
