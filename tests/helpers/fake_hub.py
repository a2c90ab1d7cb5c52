"""Provide a local stand-in for the Hugging Face Hub, which serves folders and records requests."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar
from urllib.parse import unquote


class FakeHub(ThreadingHTTPServer):
    """A server for model repositories that supports the requests made by the Hub's client."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.commits: dict[tuple[str, str], Path] = {}
        self.branches: dict[tuple[str, str], str] = {}
        self.gated: set[str] = set()
        self.private: set[str] = set()
        self.broken = False
        self.storage: Path | None = None  # folder for what is pushed
        self.refusals: dict[str, tuple[int, str]] = {}  # status and message by the kind of request, such as "commit"
        self.messages: list[str] = []  # of the commits that were pushed
        self.asked: list[str] = []

    def add(self, name: str, folder: Path, *, branch: str = "main") -> str:
        """Serve a folder as a repository and return the commit hash."""
        commit = hashlib.sha1(f"{name} {folder}".encode()).hexdigest()
        self.commits[name, commit] = folder
        self.branches[name, branch] = commit
        return commit

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def files(self) -> set[str]:
        """Return the files requested since the last call, for example `HEAD config.json`, and clear the record."""
        found = {f"{line.split()[0]} {line.rpartition('/')[2]}" for line in self.asked if "/resolve/" in line}
        self.asked.clear()
        return found


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # otherwise, each response takes 40 ms longer
    server: FakeHub
    causes: ClassVar = {"RepoNotFound": 401, "RevisionNotFound": 404, "EntryNotFound": 404, "GatedRepo": 403}

    def do_GET(self) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        if self.server.broken:
            return self.answer(500)
        path = unquote(self.path.partition("?")[0])
        if match := re.fullmatch(r"/api/models/((?:[^/]+/)?[^/]+)(?:/(?:revision/|tree/(?=\w+$))(.+))?", path):
            name, revision, file = match[1], match[2] or "main", None
        elif match := re.fullmatch(r"/(.+?)/resolve/([^/]+|refs/pr/\d+)/(.+)", path):
            name, revision, file = match[1], match[2], match[3]
        else:
            return self.refuse("EntryNotFound")
        if not any(name == known for known, _ in self.server.commits):
            return self.refuse("RepoNotFound")
        commit = self.server.branches.get((name, revision), revision)
        folder = self.server.commits.get((name, commit))
        if folder is None:
            return self.refuse("RevisionNotFound")
        if file is None:
            names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
            if "/tree/" in path:
                sizes = {name: (folder / name).stat().st_size for name in names}
                return self.answer_json([{"type": "file", "path": n, "size": sizes[n], "oid": n} for n in names])
            siblings = [{"rfilename": name} for name in names]
            is_private = name in self.server.private
            return self.answer_json(
                {"id": name, "sha": commit, "siblings": siblings, "private": is_private, "tags": []}
            )
        if name in self.server.gated:
            return self.refuse("GatedRepo")
        if not (folder / file).is_file():
            return self.refuse("EntryNotFound", {"X-Repo-Commit": commit})
        content = (folder / file).read_bytes()
        headers = {"X-Repo-Commit": commit, "ETag": f'"{hashlib.sha1(content).hexdigest()}"', "Accept-Ranges": "bytes"}
        if match := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            start, end = int(match[1]), min(int(match[2] or len(content)), len(content) - 1)
            headers["Content-Range"] = f"bytes {start}-{end}/{len(content)}"
            self.server.asked[-1] = f"PART {self.path}"
            return self.answer(206, content[start : end + 1], headers)
        return self.answer(200, content, headers)

    do_HEAD = do_GET  # noqa: N815 - as http.server calls it

    def do_POST(self) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        body = self.body()
        route = r"/api/(?:models/([^/]+/[^/]+)/)?(validate-yaml|repos/create|preupload|branch|commit)(?:/(.+))?"
        match = re.fullmatch(route, self.path.partition("?")[0])
        if match is None:
            return self.refuse("EntryNotFound")
        name, kind, revision = match[1], match[2], unquote(match[3] or "")
        if refusal := self.server.refusals.get(kind):
            return self.answer_json({"error": refusal[1], "errors": [{"message": refusal[1]}]}, refusal[0])
        if kind == "validate-yaml":
            return self.answer_json({"errors": [], "warnings": []})
        if kind == "repos/create":
            return self.create(json.loads(body))
        if kind == "branch":
            is_known = (name, revision) in self.server.branches
            self.server.branches.setdefault((name, revision), self.server.branches[name, "main"])
            return self.answer_json({}, 409 if is_known else 200)
        if (name, revision) not in self.server.branches:
            return self.refuse("RevisionNotFound")
        if kind == "preupload":
            paths = [file["path"] for file in json.loads(body)["files"]]
            files = [{"path": path, "uploadMode": "regular", "shouldIgnore": False} for path in paths]
            return self.answer_json({"files": files})
        return self.commit(name, revision, [json.loads(line) for line in body.splitlines()])

    def create(self, settings: dict) -> None:
        name = f"{settings['organization']}/{settings['name']}"
        url = {"url": f"{self.server.address}/{name}"}
        if (name, "main") in self.server.branches:
            return self.answer_json(url, 409)
        if settings.get("private") or settings.get("visibility") == "private":
            self.server.private.add(name)
        self.server.add(name, self.new_folder())
        return self.answer_json(url)

    def commit(self, name: str, branch: str, lines: list[dict]) -> None:
        """Add a commit with the files of the last one and those in the request."""
        folder = self.new_folder()
        last = self.server.commits[name, self.server.branches[name, branch]]
        shutil.copytree(last, folder, dirs_exist_ok=True)
        self.server.messages.append(lines[0]["value"]["summary"])
        for line in lines[1:]:
            path = folder / line["value"]["path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(base64.b64decode(line["value"]["content"]))
        commit = self.server.add(name, folder, branch=branch)
        url = f"{self.server.address}/{name}/commit/{commit}"
        self.answer_json({"commitUrl": url, "commitOid": commit, "success": True})

    def new_folder(self) -> Path:
        assert self.server.storage is not None, "set hub.storage to a folder first"
        folder = self.server.storage / str(len(self.server.commits))
        folder.mkdir(parents=True)
        return folder

    def body(self) -> bytes:
        if "Content-Length" in self.headers:
            return self.rfile.read(int(self.headers["Content-Length"]))
        parts = []  # a body in chunks
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def answer_json(self, content: object, status: int = 200) -> None:
        self.answer(status, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def refuse(self, cause: str, headers: dict[str, str] | None = None) -> None:
        self.answer(self.causes[cause], headers={"X-Error-Code": cause, "X-Error-Message": cause, **(headers or {})})

    def answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def serving() -> Iterator[FakeHub]:
    """Run a fake Hub in a thread until the end of the `with` block or of the process."""
    with FakeHub() as hub:
        thread = Thread(target=hub.serve_forever, args=(0.005,), daemon=True)
        thread.start()
        try:
            yield hub
        finally:
            hub.shutdown()
            thread.join(10)
