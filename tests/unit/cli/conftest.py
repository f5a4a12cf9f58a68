"""The command line and a scripted server for it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = str(Path(__file__).parents[3])
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)

from tests.kit.peers.fake_api import FakeApi, fake_api  # noqa: E402
from tests.unit.cli.cli_process import WORKSPACE, Cli  # noqa: E402


@pytest.fixture
def api() -> Iterator[FakeApi]:
    """A scripted server that knows who signs in."""
    with fake_api() as running:
        running.on(
            "GET", "/v1/workspaceManagement/users/current", {"user": {"uuid": "u-1", "email": "ada@example.com", "permissions": ["*"]}}
        )
        running.on("GET", "/v1/workspaceManagement/workspaces/current", {"workspace": {"uuid": WORKSPACE, "name": "Acme", "plan": "x"}})
        yield running


@pytest.fixture
def signed_out(tmp_path: Path) -> Cli:
    """The command line, signed in nowhere."""
    return Cli(tmp_path)


@pytest.fixture
def cli(signed_out: Cli, api: FakeApi) -> Cli:
    """The command line, signed in to the scripted server by its environment."""
    signed_out.connect(api)
    return signed_out
