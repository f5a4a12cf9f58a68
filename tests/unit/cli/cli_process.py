"""The command line as a real process, with a home of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.kit.peers.fake_api import FakeApi
from tests.kit.processes.loaded_commands import loaded

INDEX = Path(__file__).with_name("index")
TOKEN = "cai_live_0123456789abcdef"
WORKSPACE = "0198c0de-0000-7000-8000-000000000001"


class Result:
    """How a process ended."""

    def __init__(self, code: int, out: bytes, err: bytes) -> None:
        self.code = code
        self.raw = out
        self.out = out.decode()
        self.err = err.decode()

    @property
    def json(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)


class Cli:
    """Runs commands; `env` holds what the process sees besides PATH."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.cwd = home / "work"
        self.cwd.mkdir()
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / "config"),
            "CARGO_AI_CLI_INDEX": str(INDEX),
            "LC_ALL": "C.UTF-8",
        }

    @property
    def credentials(self) -> Path:
        """Where sign-ins are kept."""
        return self.home / "config" / "cargo-ai" / "credentials.json"

    def connect(self, api: FakeApi, token: str = TOKEN) -> None:
        """Points the process at a server, signed in by the environment."""
        self.env |= {"CARGO_API_URL": api.url, "CARGO_API_TOKEN": token}

    def command(self, *args: str) -> list[str]:
        """The argument list of a process."""
        return [sys.executable, "-m", "cargo_ai", *args]

    def start(self, *args: str, **more: Any) -> subprocess.Popen[bytes]:
        """Starts a process with pipes."""
        pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        # A test run in the background ignores SIGINT, and so would its children.
        return subprocess.Popen[bytes](
            self.command(*args),
            cwd=self.cwd,
            env=self.env,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            **{**pipes, **more},
        )

    def __call__(self, *args: str, stdin: bytes = b"", **env: str) -> Result:
        done = loaded().run(args, stdin, self.cwd, {**self.env, **env}, seconds=120)
        return Result(done.returncode, done.stdout, done.stderr)
