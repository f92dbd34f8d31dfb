"""A hub on this machine: as much of the hub's HTTP protocol as downloading a repository needs."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@contextmanager
def serve(repository: str, folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Serve `folder` as the main branch and the tag v1 of `repository`; yields URL and the files fetched."""
    fetched: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self.answer(body=False)

        def do_GET(self) -> None:
            self.answer(body=True)

        def answer(self, *, body: bool) -> None:
            path = self.path.partition("?")[0]
            names = [file.name for file in sorted(folder.iterdir())]
            known = {"main", "v1", COMMIT}
            if path.startswith("/api/"):
                return self.describe(path.removeprefix("/api/models/"), names, known, body)
            revision, _, name = path.removeprefix(f"/{repository}/resolve/").partition("/")
            if revision not in known or name not in names:
                return self.fail(404, "EntryNotFound")
            content = (folder / name).read_bytes()
            if body:
                fetched.append(name)
            etag = hashlib.sha256(content).hexdigest()
            return self.send(content, {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT}, body)

        def describe(self, path: str, names: list[str], known: set[str], body: bool) -> None:
            asked, _, revision = path.rpartition("/")
            if asked.rpartition("/")[0] != repository:
                return self.fail(404, "RepoNotFound")
            if revision not in known:
                return self.fail(404, "RevisionNotFound")
            if asked.endswith("/tree"):
                found = [
                    {"type": "file", "path": name, "size": (folder / name).stat().st_size, "oid": "0" * 40}
                    for name in names
                ]
                return self.send(json.dumps(found).encode(), {}, body)
            siblings = [{"rfilename": name} for name in names]
            said = {"id": repository, "sha": COMMIT, "siblings": siblings}
            return self.send(json.dumps(said).encode(), {}, body)

        def fail(self, status: int, code: str) -> None:
            self.send(b"", {"X-Error-Code": code}, False, status)

        def send(self, content: bytes, headers: dict[str, str], body: bool, status: int = 200) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            if body:
                self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", fetched
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
