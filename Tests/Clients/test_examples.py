"""The producers in `examples/`, as they stand there."""

import os
import shutil
import subprocess
import sys

import pytest

from conftest import ROOT


@pytest.mark.parametrize(
    "command", [["bash", "producer.sh"], [sys.executable, "producer.py"], ["node", "producer.mjs"]], ids=["shell", "python", "node"])
def test_it_waits_streams_and_cancels(command, redis_url):
    if not shutil.which(command[0]):
        pytest.skip(f"there is no {command[0]} here")
    environment = {**os.environ, "REDIS_URL": redis_url, "REDIS_PORT": redis_url.rsplit(":", 1)[1]}
    result = subprocess.run(
        [*command, 'The "king"\nspoke'], cwd=ROOT / "examples", env=environment, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    for part in ("wait", "stream", "cancel"):
        assert part in result.stdout
    assert "completed" in result.stdout and "cancelled" in result.stdout


@pytest.mark.parametrize("name", ["producer.sh", "producer.py", "producer.mjs", "producer.swift"])
def test_it_is_short(name):
    assert len((ROOT / "examples" / name).read_text().splitlines()) <= 40
