"""A server on this machine that speaks the formats of OpenAI and Anthropic, and misbehaves on request."""

from __future__ import annotations

import json
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SO_LINGER, SOL_SOCKET
from typing import Any


@dataclass
class Response:
    """`status` None: the connection is reset. `pieces` are the events of a stream; `cut` ends it early."""

    status: int | None = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    pieces: list[bytes] | None = None
    cut: bool = False
    seconds: float = 0.0


@dataclass
class Call:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def prompt(self) -> str:
        return self.body["messages"][-1]["content"]


class Served:
    """What a test sees of the server: its address, the calls, and how many came at once."""

    def __init__(self, answer: Callable[[Call], Response], url: str = ""):
        self.answer = answer
        self.url = url
        self.calls: list[Call] = []
        self.most = 0
        self.finished = 0
        self._now = 0
        self._lock = threading.Lock()

    def enter(self, call: Call) -> None:
        with self._lock:
            self.calls.append(call)
            self._now += 1
            self.most = max(self.most, self._now)

    def came(self, prompt: str, times: int) -> bool:
        """Whether this many calls with the prompt come, and no more."""
        until = time.monotonic() + 60
        while self._times(prompt) < times and time.monotonic() < until:
            time.sleep(0.01)
        return self._times(prompt) == times

    def _times(self, prompt: str) -> int:
        return sum(call.prompt == prompt for call in self.calls)

    def leave(self, whole: bool) -> None:
        with self._lock:
            self._now -= 1
            self.finished += whole


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *args: object) -> None:
        """A client that hangs up is part of the play."""


@contextmanager
def serve(answer: Callable[[Call], Response]) -> Iterator[Served]:
    """A server on loopback whose responses `answer` makes."""
    served = Served(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            call = Call(self.path, {key.lower(): value for key, value in self.headers.items()}, body)
            served.enter(call)
            whole = False
            try:
                response = served.answer(call)
                time.sleep(response.seconds)
                whole = response.status is not None
                self._send(response)
            except OSError:
                whole = False
            finally:
                served.leave(whole)

        def _send(self, response: Response) -> None:
            if response.status is None:
                self.connection.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                self.close_connection = True
                return
            self.send_response(response.status)
            kind = "application/json" if response.pieces is None else "text/event-stream"
            for key, value in ({"Content-Type": kind} | response.headers).items():
                self.send_header(key, value)
            if response.pieces is None:
                self.send_header("Content-Length", str(len(response.body)))
                self.end_headers()
                self.wfile.write(response.body)
                return
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for piece in response.pieces:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                self.wfile.flush()
            if response.cut:
                self.close_connection = True
            else:
                self.wfile.write(b"0\r\n\r\n")

    server = _Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    served.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()


def answer(value: Any, status: int = 200, **headers: str) -> Response:
    """A JSON body; `retry_after="1"` becomes the header."""
    named = {key.replace("_", "-"): text for key, text in headers.items()}
    return Response(status, json.dumps(value).encode(), named)


def completion(text: str | None, finish: str = "stop", **more: Any) -> Response:
    """A whole chat completion of OpenAI's format: 10 tokens in, 5 out."""
    message = {"role": "assistant", "content": text} | more.pop("message", {})
    found = {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "served-1",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }
    return answer(found | more)


def chunks(texts: list[str], finish: str | None = "stop", *, cut: bool = False) -> Response:
    """The same as a stream, one event a text; without `finish` it has no end."""
    events = [{"delta": {"content": text}, "index": 0, "finish_reason": None} for text in texts]
    if finish is not None:
        events.append({"delta": {}, "index": 0, "finish_reason": finish})
    common = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "served-1"}
    lines = [common | {"choices": [event]} for event in events]
    if finish is not None:
        usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
        lines.append(common | {"choices": [], "usage": usage})
    pieces = [b"data: " + json.dumps(line).encode() + b"\n\n" for line in lines]
    return Response(pieces=pieces if cut else [*pieces, b"data: [DONE]\n\n"], cut=cut)


def message(text: str, stop: str = "end_turn", **more: Any) -> Response:
    """A whole message of Anthropic's format: 10 tokens in, 5 out."""
    return answer(_message(text, stop) | more)


def events(texts: list[str], stop: str | None = "end_turn", *, cut: bool = False) -> Response:
    """The same as a stream."""
    start = _message("", None) | {"content": []}
    lines: list[dict[str, Any]] = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *(
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
            for text in texts
        ),
    ]
    if stop is not None:
        lines += [
            {"type": "content_block_stop", "index": 0},
            {
                "type": "message_delta",
                "delta": {"stop_reason": stop, "stop_sequence": None},
                "usage": {"output_tokens": 5},
            },
            {"type": "message_stop"},
        ]
    pieces = [f"event: {line['type']}\ndata: {json.dumps(line)}\n\n".encode() for line in lines]
    return Response(pieces=pieces, cut=cut)


def _message(text: str, stop: str | None) -> dict[str, Any]:
    return {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "served-1",
        "content": [{"type": "text", "text": text}],
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 5},
    }
