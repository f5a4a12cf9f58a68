"""A person at a shell: the command line as a process with a home of its own, every answer read as the one JSON document that it must be."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.kit.processes.loaded_commands import loaded

Json = dict[str, Any]


class Person:
    """Types commands; signed in by `token`, or by nothing until `login`."""

    def __init__(self, home: Path, base_url: str, token: str | None) -> None:
        self.home = home
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("CARGO_", "XDG_"))}
        self.environment = kept | {"HOME": str(home), "XDG_CONFIG_HOME": str(home / "config"), "CARGO_API_URL": base_url}
        if token:
            self.environment["CARGO_API_TOKEN"] = token

    @property
    def credentials(self) -> Path:
        """Where sign-ins are kept."""
        return self.home / "config/cargo-ai/credentials.json"

    def run(self, *words: str, stdin: str = "", seconds: float = 60) -> subprocess.CompletedProcess[str]:
        """The process of one command, ended."""
        done = loaded().run(words, stdin.encode(), self.home, self.environment, seconds)
        return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())

    def __call__(self, *words: str, stdin: str = "", seconds: float = 60) -> Any:
        """The document that a command prints; it must exit 0."""
        done = self.run(*words, stdin=stdin, seconds=seconds)
        assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout)

    def refused(self, *words: str, code: int = 1) -> Json:
        """The document of a command that must fail with that exit code: it says what is wrong, and nothing else is printed."""
        done = self.run(*words)
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        found: Json = json.loads(done.stdout)
        assert found["errorMessage"] and found["reason"] and not done.stderr
        return found

    def validated(self, nodes: str) -> Json:
        """What `node validate` says of a graph; its exit code is 1 when the graph is not valid."""
        done = self.run("orchestration", "node", "validate", "--nodes", "-", stdin=nodes)
        found: Json = json.loads(done.stdout)
        assert done.returncode == {"valid": 0, "notValid": 1}[found["outcome"]], done.stderr
        return found

    def deployed(self, name: str, nodes: list[Json]) -> str:
        """The workflow of a fresh tool with that graph deployed."""
        workflow = str(self("orchestration", "tool", "create", "--name", name)["tool"]["workflowUuid"])
        words = ("orchestration", "draft-release", "deploy", "--workflow-uuid", workflow, "--nodes", "-", "--form-fields", "null")
        self(*words, stdin=json.dumps(nodes))
        return workflow
