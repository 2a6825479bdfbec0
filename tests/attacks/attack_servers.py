"""Faulty servers on loopback: no run ends in a traceback or hangs, an outage is resumed to the tables of an undisturbed run.

A fault is a function of a connection whose request was read; it writes what it likes, byte by byte, and may wait.
From try `ALONE` on, two workers ask the server.
"""

import contextlib
import functools
import gzip
import json
import os
import random
import socket
import socketserver
import struct
import tempfile
import threading
import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path

import pandas as pd
from attack_tools import Found, command
from loopback import answer

from populace.errors import PopulaceError, Stopped
from populace.folder import TABLES
from populace.scenarios import load, runner

Fault = Callable[[socket.socket, dict], None]
ASKS = 40
"""Two arms of a model each, 1 world of 5 users, 4 ticks."""


def http(status: int = 200, body: bytes = b"", **headers: str) -> bytes:
    named = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items() if value != "")
    return f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode() + body


def whole(body: dict, **more) -> bytes:
    return json.dumps({**answer("clear", model=body["model"]), **more}).encode()


def error(status: int, message: str = "no", **headers: str) -> Fault:
    return lambda conn, body: conn.sendall(
        http(status, json.dumps({"error": {"message": message}}).encode(), **headers)
    )


def says(content: bytes | Callable[[dict], bytes], **headers: str) -> Fault:
    return lambda conn, body: conn.sendall(http(200, content(body) if callable(content) else content, **headers))


def wire(*pieces: bytes, wait: float = 0.0) -> Fault:
    def fault(conn: socket.socket, body: dict) -> None:
        for piece in pieces:
            conn.sendall(piece)
            time.sleep(wait)

    return fault


def reset(conn: socket.socket, body: dict) -> None:
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def never(conn: socket.socket, body: dict) -> None:
    time.sleep(3)


def endless(conn: socket.socket, body: dict) -> None:
    conn.sendall(http(200, b"", Content_Length="", Transfer_Encoding="chunked"))
    with contextlib.suppress(OSError):
        for _ in range(3000):
            conn.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")


def content(value, **more) -> Fault:
    def make(body: dict) -> bytes:
        found = answer("clear", model=body["model"])
        found["choices"][0]["message"]["content"] = value
        found["choices"][0]["message"].update(more)
        return json.dumps(found).encode()

    return says(make)


def usage(value) -> Fault:
    return says(lambda body: whole(body, usage=value))


OK: Fault = says(whole)
GONE: dict[str, Fault] = {
    "reset": reset,
    "closes": lambda conn, body: None,
    "never answers": never,
    "trickle of the head": wire(*[bytes([b]) for b in http(200, b"x" * 20)], wait=0.1),
    "trickle of the body": wire(http(200, b"", Content_Length="100"), *[b" "] * 30, wait=0.1),
    "endless body": endless,
    "gzip bomb": says(gzip.compress(b" " * 60_000_000), Content_Encoding="gzip"),
    "no gzip though it says so": says(b"clear", Content_Encoding="gzip"),
    "brotli": says(b"clear", Content_Encoding="br"),
    "no HTTP": wire(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "half a status line": wire(b"HTTP/1.1 2"),
    "absurd length": wire(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n{}"),
    "negative length": wire(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}"),
    "short body": wire(http(200, b'{"choices": [', Content_Length="9000")),
    "bad chunks": wire(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"),
    "many headers": wire(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 20_000 + b"\r\n{}"),
    "a long header": wire(b"HTTP/1.1 200 OK\r\nX-A: " + b"b" * 300_000 + b"\r\n\r\n{}"),
    "nested": says(b'{"choices":' + b"[" * 50_000 + b"]" * 50_000 + b"}"),
    "a web page": says(b"<html>Bad gateway</html>", Content_Type="text/html"),
    "bad UTF-8": says(b'{"choices": [{"message": {"content": "\xff\xfe\xc3"}}]}'),
    "empty body": says(b""),
    "empty choices": says(lambda body: whole(body, choices=[])),
    "choices are a text": says(lambda body: whole(body, choices="clear")),
    "no message": says(lambda body: whole(body, choices=[{"index": 0}])),
    "null": says(b"null"),
    "a number of many digits": says(b"9" * 6000),
    "content is a number": content(7),
    "an error inside a 200": says(b'{"error": {"message": "The engine is currently overloaded"}}'),
    "a bare error inside a 200": says(b'{"error": "x"}'),
    "an error of a wrong kind": says(b'{"error": [[[1]], {"code": {}}]}'),
    "500": error(500),
    "502 page": wire(http(502, b"<html>" + b"x" * 9000, Content_Type="text/html")),
    "503 soon": error(503, Retry_After="0"),
    "429 in a moment": error(429, Retry_After="0.1"),
    "429 by a date": lambda conn, body: error(429, Retry_After=formatdate(time.time() + 1, usegmt=True))(conn, body),
    "429 long ago": error(429, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"),
    "429 absurd": error(429, Retry_After="1e308"),
    "401": error(401, "bad key sk-canary"),
    "403": error(403),
    "404": error(404, "no such model"),
    "402": error(402),
    "418": error(418),
    "400 about messages": error(400, "messages must alternate"),
    "400 for ever a parameter": error(
        400, "temperature, top_p, max_tokens, max_completion_tokens and seed are unsupported"
    ),
    "307 to another host": lambda conn, body: conn.sendall(http(307, b"", Location=f"{other().url}/chat/completions")),
    "301 to itself": wire(http(301, b"", Location="/v1/chat/completions")),
    "204": wire(http(204, b"", Content_Length="")),
    "199": wire(b"HTTP/1.1 199 X\r\nContent-Length: 0\r\n\r\n"),
    "999": wire(http(999, b"{}")),
    "100 for ever": wire(*[b"HTTP/1.1 100 Continue\r\n\r\n"] * 30, wait=0.1),
}
"""What is no reply: for good, it ends the run, to be resumed."""
SAME: dict[str, Fault] = {
    "pieces": lambda conn, body: wire(
        http(200, whole(body)[:9], Content_Length=str(len(whole(body)))), whole(body)[9:]
    )(conn, body),
    "wrong content type": says(whole, Content_Type="text/plain"),
    "no content type": says(whole, Content_Type=""),
    "packed": says(lambda body: gzip.compress(whole(body)), Content_Encoding="gzip"),
    "content in parts": content([{"type": "text", "text": "cl"}, {"type": "text", "text": "ear"}]),
    "thinking apart": content("clear", reasoning_content="vague? " * 50),
    "negative usage": usage({"prompt_tokens": -5, "completion_tokens": -1}),
    "absurd usage": usage({"prompt_tokens": 10**15, "completion_tokens": 1e300, "total_tokens": "many"}),
    "usage is a text": usage("none"),
    "no usage": usage(None),
    "NaN usage": says(lambda body: whole(body).replace(b'"prompt_tokens": 10', b'"prompt_tokens": NaN')),
    "another model": says(lambda body: whole({**body, "model": "zzz"})),
}
"""Replies all the same: the tables are those of an undisturbed run but for tokens and faults."""
REPLIES: dict[str, Fault] = {
    "null content": content(None),
    "refusal": content(None, refusal="I cannot do that."),
    "lone surrogates": content("clear \ud800"),
    "control characters": content("\x1b[31mclear\x00"),
    "ten thousand words": content("clear " * 100_000),
    "filtered": error(400, "content filter: flagged by our moderation"),
    "too long": error(400, "This model's maximum context length is 8 tokens"),
}
"""Replies of another kind: the run is played to its end."""
MIXES = 82 - len(SAME) - len(REPLIES) - len(GONE)
ALL = [*(("gone", name) for name in GONE), *(("same", name) for name in SAME), *(("replies", name) for name in REPLIES)]
ALONE = len(ALL) + MIXES
"""Tries of one process."""
MOST = ALONE + 33


class Server(socketserver.ThreadingTCPServer):
    daemon_threads, allow_reuse_address, request_queue_size = True, True, 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.fault: Callable[[int], Fault] = lambda number: OK
        self.requests, self.auth, self.lock = 0, set[str](), threading.Lock()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request, client_address) -> None:
        pass


class Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        held = b""
        while b"\r\n\r\n" not in held:
            if not (more := self.request.recv(65536)):
                return
            held += more
        head, _, rest = held.partition(b"\r\n\r\n")
        lines = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
        found = {name.lower(): value for name, value in lines.items()}
        while len(rest) < int(found[b"content-length"]):
            rest += self.request.recv(65536)
        with self.server.lock:
            number, self.server.requests = self.server.requests, self.server.requests + 1
            self.server.auth |= {value.decode() for name, value in found.items() if name not in _USUAL}
        self.server.fault(number)(self.request, json.loads(rest))


_USUAL = (b"host", b"content-length", b"content-type", b"accept", b"accept-encoding", b"connection", b"user-agent")


@functools.cache
def other() -> Server:
    """A server at another address, to which nothing may be sent."""
    return Server()


def scenario(url: str, **seat) -> dict:
    asked = {"policy": "llm/openai", "model": "m", "base_url": url, "at_once": 2, "wait": 0.01, "retries": 1}
    return {
        "name": "servers",
        "world": {"id": "populace/payoff-v0"},
        "worlds": 1,
        "horizon": 4,
        "population": {"size": 5},
        "agents": {
            "assistant": "always",
            "user": {**asked, "timeout": 0.8, "max_body": 10**6, "give_up_after": 5, **seat},
        },
        "arms": {"a": {}, "b": {"agents.user.model": "n"}},
        "record": {"talk": "all"},
    }


@functools.cache
def undisturbed() -> Path:
    place = Path(tempfile.mkdtemp(prefix="populace-attack-whole-"))
    server = Server()
    # Time enough for a machine that is busy: no try is to be repeated here.
    runner.run(load(scenario(server.url, timeout=30.0)), place / "run")
    assert server.requests == ASKS, server.requests
    return place / "run"


def attack(number: int, folder: Path) -> str:
    """One faulty server: from the first ask on, or from the middle of the run on; or a mix of faults."""
    os.environ["OPENAI_API_KEY"] = os.environ["OPENAI_ORG_ID"] = "canary-value"
    right, server = undisturbed(), Server()
    workers = 1
    if number >= ALONE:
        workers, number = 2, (number - ALONE) * 5 % ALONE
    kind, name = ALL[number] if number < len(ALL) else ("mix", f"mix {number}")
    rng, healed = random.Random(0x5E21 + number), threading.Event()
    first = rng.choice([0, 7, 23, 39])
    if kind == "mix":
        # Nothing that refuses everybody, and nothing that is waited for.
        fits = [f for n, f in GONE.items() if not n.startswith(("4", "3", "never", "trickle", "100", "429 by"))]
        luck = random.Random(number)
        server.fault = lambda n: OK if healed.is_set() or luck.random() < 0.6 else luck.choice([*fits, *SAME.values()])
    else:
        bad = {"gone": GONE, "same": SAME, "replies": REPLIES}[kind][name]
        server.fault = lambda n: OK if healed.is_set() or n < first else bad
    try:
        seat = {} if kind != "mix" else {"retries": 6, "give_up_after": 20}
        return _tried(kind, folder, right, server, healed, seat, workers)
    except BaseException as error:
        error.args = (f"[{name} from ask {first} on] {error}",)
        raise
    finally:
        server.shutdown()
        server.server_close()


def _tried(
    kind: str, folder: Path, right: Path, server: Server, healed: threading.Event, seat: dict, workers: int
) -> str:
    out, began = folder / "run", time.monotonic()
    try:
        runner.run(load(scenario(server.url, **seat)), out, executor=runner.Choice(workers=workers))
        ended = "complete"
    except Stopped as error:
        ended = "stopped"
        if "populace resume" not in str(error) or "canary" in str(error):
            raise Found(f"how to go on is not told, or a key is: {error}") from None
    except PopulaceError as error:
        raise Found(f"{type(error).__name__}, not to be resumed: {error}") from error
    if (took := time.monotonic() - began) > 40 * workers:
        raise Found(f"it took {took:.0f} s")
    if server.auth & {"Bearer canary-value", "canary-value"}:
        raise Found(f"a key was sent that nobody named: {server.auth}")
    if other().requests:
        raise Found("a prompt followed a redirect to another host")
    if kind == "gone" and ended == "complete":
        last = runner.read_info(out)
        if not last.get("warnings"):
            raise Found("it is complete though the server was gone, and nothing is said")
    if ended == "stopped":
        if runner.read_info(out)["status"] != "interrupted":
            raise Found(f"status {runner.read_info(out)['status']}")
        healed.set()
        said = command("resume", out, "-q", "--no-report", *(["--workers", 2] if workers > 1 else []))
        if said.refusal is not None:
            raise Found(f"it cannot be resumed: {said.refusal}")
    if kind in ("gone", "same", "mix") and ended + kind != "completegone":
        _compare(out, right, exact=kind == "gone")
    return f"{kind}: {ended}" + (" (two workers)" if workers > 1 else "")


def _compare(out: Path, right: Path, exact: bool) -> None:
    for table in TABLES:
        a, b = out / f"{table}.parquet", right / f"{table}.parquet"
        if not b.exists() and not a.exists():
            continue
        if exact and a.read_bytes() == b.read_bytes():
            continue
        x, y = (_plain(pd.read_parquet(path), exact) for path in (a, b))
        if not x.equals(y):
            both = x.merge(y, how="outer", indicator=True)
            raise Found(f"other {table}: {both[both._merge != 'both'].head(6).to_dict('records')}")


def _plain(frame: pd.DataFrame, exact: bool) -> pd.DataFrame:
    """Without what faults and their tries count."""
    if "measure" in frame and not exact:
        counted = frame["measure"].str.startswith(("fault", "tokens", "failed", "cost", "timed_out"))
        frame = frame[~counted]
    return frame.reset_index(drop=True)
