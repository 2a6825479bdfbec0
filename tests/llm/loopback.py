"""A server of the OpenAI protocol on loopback, with faults at will: what the openai backend is tried on."""

import json
import threading
import time
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FAULTS = ("429", "500", "slow", "cut-off", "html", "reset")


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, say, fault):
        super().__init__(("127.0.0.1", 0), Handler)
        self.say, self.fault, self.lock = say, fault, threading.Lock()
        self.requests, self.faults, self.auth = [], Counter(), set()

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
        if fault == "500":
            return self.reply(500, {"error": {"message": "oops"}})
        if fault == "413":
            return self.reply(413, {"error": {"message": "This model's maximum context length is 8 tokens."}})
        if fault and fault.isdigit():
            return self.reply(int(fault), {"error": {"message": f"no: {self.headers['Authorization']}"}})
        if fault == "reset":
            self.close_connection = True
            return self.connection.close()
        if fault == "slow":
            time.sleep(1.5)
        text = server.say(body)
        answer = {
            "id": "x",
            "object": "chat.completion",
            "created": 0,
            "model": body["model"],
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12},
        }
        if fault == "length":
            answer["choices"][0]["finish_reason"] = "length"
        if fault == "html":
            return self.send(200, b"<html>Bad gateway</html>", "text/html")
        data = json.dumps(answer).encode()
        if fault == "cut-off":
            data = data[: len(data) // 2]
        return self.send(200, data)

    def reply(self, code, body, headers=None):
        self.send(code, json.dumps(body).encode(), headers=headers)

    def send(self, code, data, kind="application/json", headers=None):
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def serving(say, fault=lambda number: None):
    """A server that says `say(request)`; `fault(number)` names what goes wrong with a request, or None."""
    server = Server(say, fault)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
