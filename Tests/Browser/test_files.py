"""What is compiled into the program is the folder, and the folder keeps to the rules of the page."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

TARGET = Path(__file__).resolve().parents[2] / "Sources/CWebPage"
FILES = sorted((TARGET / "files").iterdir())
TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
         ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml", ".json": "application/json"}


@pytest.mark.skipif(shutil.which("clang") is None, reason="needs clang")
def test_the_embedded_files_are_those_of_the_folder(tmp_path):
    program = tmp_path / "check"
    subprocess.run(
        ["clang", "-std=c2x", "-Wall", "-Wextra", "-Werror", "-Wno-c23-extensions", f"-I{TARGET}/include",
         TARGET / "web_files.c", Path(__file__).with_name("web_files_check.c"), "-o", program],
        check=True, timeout=60)
    output = subprocess.run([program], check=True, capture_output=True, timeout=10).stdout
    embedded = []
    while output:
        line, output = output.split(b"\n", 1)
        name, size, content_type = line.decode().split(" ", 2)
        embedded.append((name, content_type, output[: int(size)]))
        output = output[int(size):]
    assert embedded == [(file.name, TYPES[file.suffix], file.read_bytes()) for file in FILES]


@pytest.mark.parametrize("file", [file for file in FILES if file.suffix != ".json"], ids=lambda file: file.name)
def test_a_file_keeps_to_the_policy_and_is_short(file):
    text = file.read_text()
    assert len(text.splitlines()) <= 300
    if file.suffix == ".html":
        assert not re.search(r"\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|<style", text)
    if file.suffix == ".js":
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)
    if file.suffix != ".svg":
        assert not re.search(r"""(?:src|href|url|import|from)\s*[=(]?\s*["']?(?:https?:)?//""", text)
