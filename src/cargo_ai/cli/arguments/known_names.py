"""The names that completion offers: asked from the server, and kept for a minute."""

from __future__ import annotations

import os
import time

from cargo_ai.cli import output
from cargo_ai.cli.arguments.names import things
from cargo_ai.cli.arguments.value import Stdin
from cargo_ai.cli.client.api import Api
from cargo_ai.cli.configuration.settings import Settings
from cargo_ai.cli.failure import Failure
from cargo_ai.cli.words.command_index import read_index

FRESH_SECONDS = 60
ASK_SECONDS = 1.0
MAX = 500


def known(noun: str) -> dict[str, str]:
    """The names of a noun's things by uuid; what was known before when the server does not answer at once."""
    listed = read_index("_nouns.json").get(noun)
    try:
        settings = Settings({"quiet": True}, Stdin())
        token = settings.need_token()
    except Failure:
        return {}
    path = _path(noun, settings, token)
    saved, age = _read(path)
    if listed is None or age < FRESH_SECONDS:
        return saved
    settings.timeout = ASK_SECONDS
    try:
        names: dict[str, str] = {}
        for thing in things(listed, Api(settings, token), ASK_SECONDS):
            names[thing.uuid] = output.clean(thing.names[-1]) if thing.names else ""
            if len(names) >= MAX:
                break
    except Failure:
        return saved
    _write(path, names)
    return names


def _path(noun: str, settings: Settings, token: str) -> str:
    """A file for the noun, the server and the sign-in: no one sees the names of another workspace."""
    import hashlib

    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    text = "\n".join((settings.base_url, token, settings.workspace_uuid or ""))
    return os.path.join(home, "cargo-ai", "names", f"{hashlib.sha256(text.encode()).hexdigest()[:32]}-{noun}.json")


def _read(path: str) -> tuple[dict[str, str], float]:
    """The names in the file, and its age in seconds; none, and infinitely old, without one."""
    import json

    try:
        age = time.time() - os.stat(path).st_mtime
        with open(path, encoding="utf-8") as file:
            document = output.as_object(json.load(file))
    except (OSError, ValueError):
        return {}, float("inf")
    return {uuid: str(name) for uuid, name in document.items()}, age if age >= 0 else float("inf")


def _write(path: str, names: dict[str, str]) -> None:
    """Replace the file, readable by its owner alone. That it cannot be written is not a failure."""
    import json

    draft = f"{path}.{os.getpid()}.new"
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(names, file)
        os.replace(draft, path)
    except OSError:
        return
