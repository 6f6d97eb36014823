"""A hub of models on loopback: the part of the Hugging Face hub's HTTP interface that fetching a model takes."""

import hashlib
import json
import re
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit


@dataclass
class Repository:
    """A model on the hub.

    Attributes:
        commits: the content of each commit, by its name, and by a file's path.
        branches: the commit of each branch.
        gate: whether its files ask for a token.
        stated: digests that the hub states wrongly, by a file's path.
    """

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    gate: bool = False
    stated: dict[str, str] = field(default_factory=dict)

    def commit(self, folder: Path, more: dict[str, bytes] | None = None, branch: str = "main") -> str:
        """Adds the files of a folder, and more, as the newest commit of a branch."""
        files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        files |= more or {}
        name = hashlib.sha1(repr(sorted(files.items())).encode()).hexdigest()
        self.commits[name], self.branches[branch] = files, name
        return name

    def resolve(self, revision: str) -> str | None:
        return self.branches.get(revision, revision if revision in self.commits else None)


class Hub:
    """Attributes:
    repositories: by their ids.
    token: the one that opens gates.
    asked: what was asked for, as "GET /path", the newest last.
    cut: how many answers with a file are yet to be broken off in their middle.
    ranges: the ranges that were asked for.
    failing: how many requests for a model are yet to be answered with 503.
    pause: the seconds that each kilobyte of a large file takes.
    missing: the files that are answered with 503 while they are in here.
    """

    def __init__(self):
        self.repositories: dict[str, Repository] = {}
        self.token = "hf_right"
        self.asked: list[str] = []
        self.ranges: list[str] = []
        self.cut = self.failing = 0
        self.missing: set[str] = set()
        self.pause = 0.0
        self.address = ""

    def environment(self, home: Path, **more: str) -> dict[str, str]:
        """What makes huggingface_hub use it, and a cache of its own."""
        return {
            "HF_ENDPOINT": self.address,
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_OFFLINE": "0",
            "HF_TOKEN": "",
            "NO_PROXY": "127.0.0.1",
        } | more


@contextmanager
def serving(hub: Hub):
    """Serves a hub until the block ends."""

    class Handler(Answer):
        pass

    Handler.hub = hub
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


class Answer(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self._answer()

    def do_GET(self):
        self._answer()

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.asked.append(f"{self.command} {path}")
        if self.hub.failing and not path.startswith("/api/agent"):
            self.hub.failing -= 1
            return self._refuse(503, "", "The hub is tired")
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/(revision|tree)/([^/]+))?/?", path):
            return self._about(*found.groups())
        if found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            return self._file(*found.groups())
        return self._refuse(404, "", "no such page")

    def _about(self, name: str, what: str | None, revision: str | None) -> None:
        repository = self.hub.repositories.get(name)
        if repository is None:
            return self._refuse(401, "RepoNotFound", "Repository not found")
        commit = repository.resolve(revision or "main")
        if commit is None:
            return self._refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        files = repository.commits[commit]
        if what == "tree":
            return self._json(
                [self._entry(repository, path, content, "path", "oid", "oid") for path, content in files.items()]
            )
        siblings = [
            self._entry(repository, path, content, "rfilename", "blobId", "sha256") for path, content in files.items()
        ]
        return self._json({"id": name, "sha": commit, "siblings": siblings, "cardData": {"license": "openrail++"}})

    def _entry(self, repository: Repository, path: str, content: bytes, name: str, blob: str, sha: str) -> dict:
        entry = {"type": "file", name: path, "size": len(content), blob: etag(path, content)}
        if large(path):
            digest = repository.stated.get(path, etag(path, content))
            entry |= {blob: "0" * 40, "lfs": {sha: digest, "size": len(content), "pointerSize": 130}}
        elif path in repository.stated:
            entry[blob] = repository.stated[path]
        return entry

    def _file(self, name: str, revision: str, path: str) -> None:
        repository = self.hub.repositories.get(name)
        if repository is None:
            return self._refuse(401, "RepoNotFound", "Repository not found")
        if repository.gate and self.headers.get("Authorization") != f"Bearer {self.hub.token}":
            return self._refuse(403, "GatedRepo", "Access to the model is restricted")
        commit = repository.resolve(revision)
        content = repository.commits[commit].get(path) if commit else None
        if content is None:
            return self._refuse(404, "EntryNotFound", "Entry not found")
        if path in self.hub.missing and self.command == "GET":
            return self._refuse(503, "", "The hub is tired")
        begin = 0
        if asked := self.headers.get("Range"):
            self.hub.ranges.append(asked)
            begin = int(re.match(r"bytes=(\d+)-", asked)[1])
        self.send_response(206 if begin else 200)
        self.send_header("ETag", f'"{etag(path, content)}"')
        self.send_header("X-Repo-Commit", commit)
        self.send_header("X-Linked-Size", str(len(content)))
        self.send_header("Accept-Ranges", "bytes")
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - begin))
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.hub.cut and large(path):
            self.hub.cut -= 1
            self.wfile.write(content[begin : begin + (len(content) - begin) // 2])
            self.wfile.flush()
            self.close_connection = True
            return
        if self.hub.pause and large(path):
            for start in range(begin, len(content), 1024):
                self.wfile.write(content[start : start + 1024])
                time.sleep(self.hub.pause)
            return
        self.wfile.write(content[begin:])

    def _json(self, value: object) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _refuse(self, status: int, code: str, message: str) -> None:
        self._send(status, b"", {"X-Error-Code": code, "X-Error-Message": message} if code else {})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def large(path: str) -> bool:
    """Whether the hub keeps a file by its own SHA-256 digest, and not by git's."""
    return path.endswith((".safetensors", ".bin"))


def etag(path: str, content: bytes) -> str:
    if large(path):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
