"""The command line as a person has it who copies from the console: signed in to the server of the tests, in a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.console.browser.kit.seed import World

SECONDS = 60


class CommandLine:
    """`cargo-ai` as the admin of a world."""

    def __init__(self, world: World, folder: Path) -> None:
        self._folder = folder
        self._environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(folder),
            "CARGO_API_URL": world.server.base_url,
            "CARGO_API_TOKEN": world.admin,
        }

    def line(self, line: str) -> subprocess.CompletedProcess[str]:
        """How a line of a shell ended."""
        return self.run("-c", line, program="sh")

    def run(self, *words: str, program: str = "cargo-ai") -> subprocess.CompletedProcess[str]:
        """How a command of these words ended."""
        return subprocess.run(
            [program, *words], env=self._environment, capture_output=True, text=True, cwd=self._folder, check=False, timeout=SECONDS
        )
