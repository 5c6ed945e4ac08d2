"""Requests of all kinds that follow from the service's own description of itself, right ones and wrong ones."""

import os
import subprocess
import sys
from pathlib import Path

from conftest import KEY


def test_the_service_does_what_its_description_says(service, tmp_path):
    result = subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "run", f"{service}/openapi.json", "--header", f"x-api-key: {KEY}",
            "--max-examples", os.environ.get("SCHEMA_EXAMPLES", "20"), "--generation-deterministic", "--request-timeout", "60",
            # `schema_hooks.py` has another one.
            "--exclude-checks", "positive_data_acceptance",
        ],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent), "SCHEMATHESIS_HOOKS": "schema_hooks"},
        cwd=tmp_path, capture_output=True, text=True, timeout=900)
    assert result.returncode == 0, result.stdout[-8000:] + result.stderr[-2000:]
