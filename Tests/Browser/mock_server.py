"""Serves the page and plays the service: python3 mock_server.py [PORT].

`POST /mock` sets what it plays, in a JSON object: `key` (a text: needed from now on, null: none), `redis` (false: every
answer about the queue is 503), `token_ms` (the time between two tokens), `break_after` (tokens until a stream ends with
an error), `refuse` (an error object with a `status`, for the next request), `empty`, `paused`, `dead`.
`GET /mock` says what was received: the last body, the streams that were cut off by their reader, and whether the page
sent a key where it should.
"""

import json
import re
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import mock_model
import mock_openapi
from mock_queue import Queue

FILES = Path(__file__).resolve().parents[2] / "Sources/CWebPage/files"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
# Stricter than the service: an assignment of text as markup throws.
STRICTER = "require-trusted-types-for 'script'"
LIMITS = {
    "max_new_tokens": 512, "max_prompt_bytes": 65536, "max_body_bytes": 262144, "max_stop_strings": 8,
    "max_logprobs": 20, "max_n": 8, "context_length": 500}
FIELDS = {
    "prompt", "task_name", "max_new_tokens", "temperature", "top_k", "top_p", "min_p", "typical_p",
    "repetition_penalty", "presence_penalty", "frequency_penalty", "stop", "seed", "n", "logprobs", "stream"}


class State:
    """What the server plays, and what it saw."""

    def __init__(self):
        self.queue = Queue()
        self.reset()

    def reset(self):
        self.key = None
        self.redis = True
        self.token_ms = 12
        self.break_after = None
        self.refuse = None
        self.last = None
        self.cut_off = 0
        self.queue.__init__()


class Failure(Exception):
    def __init__(self, status, message, code, param=None, headers=()):
        super().__init__(message)
        kind = {401: "authentication_error", 503: "server_error"}.get(status, "invalid_request_error")
        self.status, self.headers = status, headers
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": code}}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state = State()

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        self.answer({
            "/mock": self.report, "/info": self.info, "/ready": self.ready, "/openapi.json": self.openapi,
            "/queue": self.queue, "/queue/dead": self.dead})

    def do_POST(self):
        length = int(self.headers.get("content-length") or 0)
        self.text = self.rfile.read(length).decode()
        self.answer({
            "/mock": self.play, "/generate": self.generate, "/classify": self.classify,
            "/queue/dead/retry": self.retry})

    def answer(self, routes):
        path = self.path.split("?")[0]
        try:
            if self.command == "GET" and (path in ("/", "/docs") or path.startswith("/assets/")):
                return self.file(path)
            if path not in ("/mock", "/ready", "/health"):
                self.check_key()
            if path not in routes:
                raise Failure(404, "no such route", "not_found")
            routes[path]()
        except Failure as failure:
            self.json(failure.body, failure.status, failure.headers)
        except (BrokenPipeError, ConnectionResetError):
            self.state.cut_off += 1
            self.close_connection = True

    # The page

    def file(self, path):
        name = {"/": "index.html", "/docs": "docs.html"}.get(path, path.removeprefix("/assets/"))
        file = FILES / name
        if not re.fullmatch(r"[a-z.]+", name) or not file.is_file():
            raise Failure(404, "no such file", "not_found")
        content = file.read_bytes()
        self.send_response(200)
        self.send_header("content-type", TYPES[file.suffix] + "; charset=utf-8")
        self.send_header("content-length", str(len(content)))
        self.send_header("content-security-policy", POLICY)
        self.send_header("content-security-policy", STRICTER)
        self.send_header("x-content-type-options", "nosniff")
        self.end_headers()
        self.wfile.write(content)

    # What tests say

    def play(self):
        wanted = json.loads(self.text)
        if wanted.pop("reset", False):
            self.state.reset()
        for name, value in wanted.items():
            holder = self.state.queue if name in ("empty", "paused", "dead") else self.state
            setattr(holder, name, value)
        self.json({})

    def report(self):
        self.json({"last": self.state.last, "cut_off": self.state.cut_off})

    # The service

    def check_key(self):
        if self.state.key is not None and self.headers.get("x-api-key") != self.state.key:
            raise Failure(
                401, "a valid key is required, in the header x-api-key or as Authorization: Bearer", "invalid_api_key")

    def check_redis(self):
        if not self.state.redis:
            raise Failure(
                503, "Redis can't be reached: connection refused", "queue_unavailable", headers=[("retry-after", "1")])

    def info(self):
        self.json({
            "service": "GPT-2 Service", "version": "0.4.0", "model": "gpt2",
            "tasks": [
                {"name": "default", "kind": "generate"}, {"name": "got", "kind": "generate"},
                {"name": "spam", "kind": "classify", "labels": ["not spam", "spam"]}],
            "limits": LIMITS, "authentication": self.state.key is not None})

    def ready(self):
        if self.state.redis:
            return self.json({"status": "ready"})
        self.json({"status": "not ready", "reasons": ["Redis can't be reached"]}, 503)

    def openapi(self):
        self.json(mock_openapi.DOCUMENT)

    def queue(self):
        self.check_redis()
        self.json(self.state.queue.answer())

    def dead(self):
        self.check_redis()
        self.json({"dead": self.state.queue.dead})

    def retry(self):
        self.check_redis()
        self.json({"retried": self.state.queue.retry()})

    def body(self):
        self.state.last = {"path": self.path, "text": self.text, "key": self.headers.get("x-api-key")}
        try:
            body = json.loads(self.text)
        except ValueError:
            raise Failure(400, "no JSON", "malformed_json") from None
        if self.state.refuse:
            refuse, self.state.refuse = dict(self.state.refuse), None
            status = refuse.pop("status")
            headers = [("retry-after", str(refuse.pop("retry_after")))] if "retry_after" in refuse else []
            raise Failure(status, headers=headers, **refuse)
        self.check_redis()
        return body

    def classify(self):
        body = self.body()
        spam = 0.98 if re.search(r"\d{4}|free|winner", body["input"], re.I) else 0.04
        label = "spam" if spam > 0.5 else "not spam"
        self.json({
            "id": "c1", "status": "completed", "task_name": body["task_name"], "model": "gpt2", "completion": label,
            "label": label, "scores": {"not spam": 1 - spam, "spam": spam},
            "usage": {"prompt_tokens": len(body["input"].split()), "completion_tokens": 0, "cached_tokens": 0},
            "timings": {"queue_ms": 1.2, "prefill_ms": 14.8, "decode_ms": 0}, "worker": "oak-7f3a", "attempts": 1})

    def generate(self):
        body = self.body()
        for name in body:
            if name not in FIELDS:
                raise Failure(422, f"unknown field {name!r}", "unknown_field", name)
        limit = body.get("max_new_tokens", 50)
        if limit > LIMITS["max_new_tokens"]:
            raise Failure(422, "max_new_tokens must be 1 to 512", "invalid_value", "max_new_tokens")
        seed = body.get("seed", 7005634565049075)
        choices = [
            list(mock_model.tokens(body["prompt"], limit, seed + index, body.get("logprobs")))
            for index in range(body.get("n", 1))]
        if not body.get("stream"):
            return self.json(self.result(body, choices, seed))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("cache-control", "no-cache")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        self.stream(body, choices, seed)

    def stream(self, body, choices, seed):
        begun = time.monotonic()
        self.wfile.write(b": ping\n\n")
        for number in range(len(choices[0])):
            if number == self.state.break_after:
                error = Failure(500, "the worker was lost <b>and</b> no other took over", "worker_crashed").body
                return self.wfile.write(f"data: {json.dumps(error)}\n\ndata: [DONE]\n\n".encode())
            time.sleep(self.state.token_ms / 1000)
            for index, events in enumerate(choices):
                event = {"id": "x1", "index": index, **events[number]}
                data = f"data: {json.dumps(event, ensure_ascii=False)}\n\n".encode()
                # In two halves, which may cut a character.
                self.wfile.write(data[: len(data) // 2])
                self.wfile.flush()
                self.wfile.write(data[len(data) // 2 :])
            self.wfile.flush()
        result = self.result(body, choices, seed)
        self.wfile.write(f"data: {json.dumps(result, ensure_ascii=False)}\n\ndata: [DONE]\n\n".encode())
        self.state.queue.finished("x1", body.get("task_name"), (time.monotonic() - begun) * 1000, len(choices[0]))

    @staticmethod
    def result(body, choices, seed):
        texts = ["".join(event["text"] for event in events) for events in choices]
        return {
            "id": "x1", "status": "completed", "model": "gpt2", "completion": texts[0],
            "choices": [
                {
                    "index": index, "text": text, "finish_reason": "length",
                    "tokens": [event["token"] for event in events], "logprobs": None}
                for index, (text, events) in enumerate(zip(texts, choices))],
            "usage": {
                "prompt_tokens": len(body["prompt"].split()) + 1, "completion_tokens": sum(map(len, choices)),
                "cached_tokens": 0},
            "timings": {"queue_ms": 1.2, "prefill_ms": 23.4, "decode_ms": 480.1}, "worker": "oak-7f3a",
            "attempts": 1, "seed": seed}

    def json(self, value, status=200, headers=()):
        content = json.dumps(value, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        for name, text in headers:
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(content)


class Server(ThreadingHTTPServer):
    daemon_threads = True


def start(port=0):
    """The server, bound and not yet serving."""
    return Server(("127.0.0.1", port), Handler)


if __name__ == "__main__":
    server = start(int(sys.argv[1]) if len(sys.argv) > 1 else 8090)
    print(f"http://127.0.0.1:{server.server_address[1]}/", flush=True)
    server.serve_forever()
