"""Where the service under test is: `GPT2_URL` for one that runs, else one of our own on a free port."""

import os
import re
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("GPT2_PROGRAM", str(ROOT / ".build/debug/gpt2"))
KEY = "a-key-of-the-tests"


class Program:
    """A `gpt2` process, and where it listens."""

    def __init__(self, *arguments, **environment):
        self.process = subprocess.Popen(
            [PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, "MODELS_DIR": str(ROOT / "Models"), "LOG_FORMAT": "text", "LOG_LEVEL": "notice", **environment})

    def url(self):
        for line in self.process.stdout:
            if found := re.search(r"listening on (http://\S+)", line):
                return found[1]
        raise AssertionError("the program ended before it listened")

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


@pytest.fixture(scope="session")
def service():
    """The address of an embedded service that asks for `KEY`."""
    if url := os.environ.get("GPT2_URL"):
        yield url.rstrip("/")
        return
    program = Program("serve", "--port", "0", API_KEY=KEY)
    yield program.url()
    program.stop()


@pytest.fixture(scope="session")
def redis_url():
    """The address of a Redis that a worker reads from."""
    port = free_port()
    server = subprocess.Popen(
        ["redis-server", "--port", str(port), "--save", "", "--bind", "127.0.0.1"], stdout=subprocess.DEVNULL)
    url = f"redis://127.0.0.1:{port}"
    worker = Program("worker", "--admin-port", "0", REDIS_URL=url)
    deadline = time.monotonic() + 60
    while subprocess.run(["redis-cli", "-u", url, "ZCARD", "{gpt2}:workers"], capture_output=True).stdout.strip() != b"1":
        assert time.monotonic() < deadline, "no worker has beaten within a minute"
        time.sleep(0.1)
    yield url
    worker.stop()
    server.terminate()
    server.wait(30)


def free_port():
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
