"""The lines "as a command" of every page work as they are: those that read are run, those that write exist."""

from __future__ import annotations

import html
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import StorageState

from cargo_ai.console.views import PAGES
from tests.console.browser.kit import samples
from tests.console.browser.kit.seed import World

pytestmark = pytest.mark.browser

_LINE = re.compile(r'<pre class="command"[^>]*><code>(.*?)</code>', re.DOTALL)
_READS = re.compile(r"cargo-ai(?: [a-z-]+)+ (?:list|get|get-[a-z-]+|fetch|fetch-[a-z-]+|query|preview|explain|compare|diff|describe)\b")


def lines_of(world: World, session: StorageState) -> list[str]:
    """The lines of all pages, each once."""
    cookies = {cookie.get("name", ""): cookie.get("value", "") for cookie in session.get("cookies", [])}
    lines: dict[str, None] = {}
    with httpx.Client(base_url=f"{world.server.base_url}/console", cookies=cookies, timeout=60) as client:
        for page in PAGES:
            if "GET" not in page.methods or page.path in samples.DOWNLOADS:
                continue
            text = client.get(samples.fill(page.path, world)).text
            lines |= {
                html.unescape(line): None for match in _LINE.findall(text) for line in match.split("\n") if line.startswith("cargo-ai ")
            }
    return list(lines)


def test_each_line_that_a_page_shows_is_a_command(world: World, sessions: dict[str, StorageState], tmp_path: Path) -> None:
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "CARGO_API_URL": world.server.base_url,
        "CARGO_API_TOKEN": world.admin,
    }
    lines = lines_of(world, sessions["admin"])
    assert len(lines) > 40
    wrong: list[str] = []
    for line in lines:
        command = line if _READS.match(line) or "runs/list" in line else f"{_words(line)} --help"
        done = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, text=True, cwd=tmp_path, check=False, timeout=60)
        if done.returncode != 0:
            wrong.append(f"{command}\n{(done.stderr or done.stdout)[-400:]}")
    assert not wrong, "\n".join(wrong)


def _words(line: str) -> str:
    """The command of a line, without its flags and arguments."""
    words: list[str] = []
    for word in shlex.split(line):
        if not re.fullmatch(r"[a-z][a-z-]*", word):
            break
        words.append(word)
    return " ".join(words)
