"""The local server: where the server of the caller's data folder answers, while it runs."""

from __future__ import annotations

import os

from cargo_ai.cli.configuration.environment import variable
from cargo_ai.cli.output import as_object


def data_folder() -> str:
    """The data folder of servers that this user starts."""
    share = os.environ.get("XDG_DATA_HOME") or os.path.join(os.path.expanduser("~"), ".local", "share")
    return os.path.abspath(os.path.expanduser(variable("CARGO_AI_DATA_DIR") or os.path.join(share, "cargo-ai")))


def running_url() -> str | None:
    """The base URL of the server of the data folder; None when none runs."""
    import json

    folder = data_folder()
    try:
        if not _is_locked(os.path.join(folder, "server.lock")):
            return None
        with open(os.path.join(folder, "server.json"), encoding="utf-8") as file:
            url = as_object(json.load(file)).get("baseUrl")
    except (OSError, ValueError, ImportError):
        return None
    return url if isinstance(url, str) else None


def _is_locked(path: str) -> bool:
    """Whether a supervisor lives: it holds this lock, which no kill leaves behind."""
    import fcntl

    with open(path, "rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
