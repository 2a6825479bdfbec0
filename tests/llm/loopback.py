"""A server of the OpenAI protocol on loopback, with faults at will: what the openai backend is tried on."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FAULTS = {
    "429": "rate-limited",
    "429 bare": "rate-limited",
    "500": "server-error",
    "slow": "timed-out",
    "cut-off": "unreadable-body",
    "html": "unreadable-body",
    "reset": "no-connection",
}
"""What goes wrong at the server, and what the client calls it."""


def told(faults):
    """Faults of the server, counted as the client should have counted them."""
    counts = Counter()
    for fault, count in faults.items():
        counts[FAULTS[fault]] += count
    return counts


@dataclass
class Raw:
    """An answer as it goes over the wire: `body` as bytes, or as pieces that come one after another."""

    status: int = 200
    body: bytes | Iterable[bytes] = b""
    headers: dict = field(default_factory=dict)


def answer(text="clear", finish="stop", usage=(10, 2), model="tiny", **more):
    """A whole answer of the protocol; `usage` is what it says of tokens, or (read, written)."""
    if isinstance(usage, tuple):
        usage = {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}
    message = {"role": "assistant", "content": text, **more}
    choice = {"index": 0, "finish_reason": finish, "message": message}
    return {"id": "x", "object": "chat.completion", "created": 0, "model": model, "choices": [choice], "usage": usage}


def error(status, message="no", headers=None, **more):
    """An answer that is an error, with the message where OpenAI puts it."""
    return Raw(status, json.dumps({"error": {"message": message, **more}}).encode(), headers or {})


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, say, fault, slow):
        super().__init__(("127.0.0.1", 0), Handler)
        self.say, self.fault, self.slow, self.lock = say, fault, slow, threading.Lock()
        self.requests, self.answered, self.faults, self.auth = [], [], Counter(), set()
        self.open = threading.Event()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v1"

    def handle_error(self, request, client_address):
        pass  # a client that gave up on a slow reply


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server = self.server
        with server.lock:
            number = len(server.requests)
            server.requests.append(body)
            server.auth.add(self.headers["Authorization"])
            fault = server.fault(number)
            if fault:
                server.faults[fault] += 1
        if fault == "429":
            return self.reply(429, {"error": {"message": "slow down"}}, {"Retry-After": "0.01"})
        if fault == "429 bare":
            return self.reply(429, {"error": {"message": "slow down"}})
        if fault == "500":
            return self.reply(500, {"error": {"message": "oops"}})
        if fault == "413":
            return self.reply(413, {"error": {"message": "This model's maximum context length is 8 tokens."}})
        if fault and fault.isdigit():
            return self.reply(int(fault), {"error": {"message": f"no: {self.headers['Authorization']}"}})
        if fault in ("reset", "slow", "held"):
            time.sleep(server.slow if fault == "slow" else 0.0)
            if fault == "held":
                server.open.wait(timeout=120)
            self.close_connection = True
            return self.connection.close()
        said = server.say(body)
        if isinstance(said, Raw):
            return self.send_raw(said)
        whole = said if isinstance(said, dict) else answer(said, model=body["model"])
        if fault == "length":
            whole["choices"][0]["finish_reason"] = "length"
        if fault == "html":
            return self.send(200, b"<html>Bad gateway</html>", "text/html")
        data = json.dumps(whole).encode()
        if fault == "cut-off":
            return self.send(200, data[: len(data) // 2])
        self.send(200, data)
        with server.lock:
            server.answered.append(body)

    def reply(self, code, body, headers=None):
        self.send(code, json.dumps(body).encode(), headers=headers)

    def send_raw(self, said):
        self.send_response(said.status)
        headers = {"Content-Type": "application/json", **said.headers}
        if isinstance(said.body, bytes):
            headers.setdefault("Content-Length", str(len(said.body)))
        else:
            headers["Transfer-Encoding"] = "chunked"
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if isinstance(said.body, bytes):
            return self.wfile.write(said.body)
        for piece in said.body:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def send(self, code, data, kind="application/json", headers=None):
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def serving(say, fault=lambda number: None, slow=1.5):
    """A server that says `say(request)`: a text, a whole answer as a dict, or any bytes as `Raw`.

    `fault(number)` names what goes wrong with a request, or None; a slow one takes `slow` seconds, and one that is held
    is hung up on when the server is `open`.
    """
    server = Server(say, fault, slow)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.open.set()
        server.shutdown()
        server.server_close()
        thread.join()
