"""Server status: whether a running server can do its work, in one sentence with the fix where it cannot."""

from __future__ import annotations

import http.client
import json
from typing import Any, NamedTuple

from cargo_ai import __version__
from cargo_ai.kernel.settings import Settings

ANSWER_SECONDS = 10.0
RESTART = "cargo-ai server stop && cargo-ai server start"


class Problem(NamedTuple):
    """What keeps a server from its work."""

    reason: str
    sentence: str
    fix: str


def problem_of(settings: Settings, state: dict[str, Any]) -> Problem | None:
    """Ask the server of this state whether it is ready; None where it is."""
    address = state.get("address")
    if not isinstance(address, list) or len(address) != 2:  # pyright: ignore[reportUnknownArgumentType]
        return Problem("restartNeeded", "This server was started by an older version, which does not say where to ask it.", RESTART)
    report = _readiness(str(address[0]), int(str(address[1])))  # pyright: ignore[reportUnknownArgumentType]
    server = f"The server of {settings.data_dir} (pid {state['pid']})"
    if report is None:
        hung = f"; an API that hangs is replaced within {settings.hung_after:g} seconds" if settings.hung_after else ""
        return Problem("notAnswering", f"{server} does not answer{hung}.", RESTART)
    if report.get("status") == "ready":
        return None
    sentence = report.get("errorMessage") or "It is not ready."
    return Problem("notReady", f"{server} cannot do its work: {sentence}", str(report.get("fix") or RESTART))


def version_of(state: dict[str, Any]) -> str | None:
    """The version of the server of this state; None where it does not say so."""
    address = state.get("address")
    if not isinstance(address, list) or len(address) != 2:  # pyright: ignore[reportUnknownArgumentType]
        return None
    report = _readiness(str(address[0]), int(str(address[1]))) or {}  # pyright: ignore[reportUnknownArgumentType]
    version = report.get("version")
    return version if isinstance(version, str) else None


def describe_running(settings: Settings, state: dict[str, Any]) -> tuple[str, str]:
    """That a server runs already, in a sentence, and the command to run next: another one where it is of another version."""
    sentence = f"A server of {settings.data_dir} already runs at {state['baseUrl']} (pid {state['pid']})."
    version = version_of(state)
    if version is None or version == __version__:
        return sentence, "cargo-ai server status"
    return f"{sentence} It is version {version}, and this command is {__version__}: start it again to change to that.", RESTART


def _readiness(host: str, port: int) -> dict[str, Any] | None:
    """What `/readyz` says; None when no answer comes."""
    connection = http.client.HTTPConnection(host, port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", "/readyz")
        report = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    return report if isinstance(report, dict) else None  # pyright: ignore[reportUnknownVariableType]
