"""What a server needs of its machine: Python, settings, data folder, disk, key, sandbox, open files, names of hosts, e-mail."""

from __future__ import annotations

import asyncio
import os
import platform
import resource
import shutil
import socket
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from cargo_ai import __version__
from cargo_ai.email import smtp
from cargo_ai.expression import EngineExpression
from cargo_ai.expression.evaluator import Evaluator
from cargo_ai.expression.sandbox import host as sandbox
from cargo_ai.expression.sandbox.host import Language
from cargo_ai.kernel.settings import Settings, SettingsError
from cargo_ai.outbound import http_client
from cargo_ai.server.doctor.checks import Check
from cargo_ai.server.key_rotation.installation_key import KeyUnusable, former_key_file, key_file, secret_key
from cargo_ai.server.processes import supervise
from cargo_ai.server.processes.commands import server_status
from cargo_ai.store import disk

FEWEST_FILES = 4_096
LEAST_SHARE_FREE = 0.1
LEAST_FREE_BYTES = 1 << 30
PROBE_HOST = "example.com"
PROBE_SECONDS = 3.0


def checks(settings: Settings) -> Iterator[Check]:
    """Look at the machine; nothing is changed."""
    yield _versions(settings)
    yield _settings(settings)
    yield _data_folder(settings)
    yield _disk(settings)
    yield _key(settings)
    yield _sandbox()
    yield _open_files()
    yield _outbound(settings)
    status = smtp.configuration_status(settings)
    yield Check("email", status in ("configured", "notConfigured"), status, "Set CARGO_AI_SMTP_* right.")


def _versions(settings: Settings) -> Check:
    """This Python, and whether the server that runs is the version that is installed."""
    python = ".".join(map(str, sys.version_info[:3]))
    here = f"cargo-ai {__version__}, Python {python}, {platform.platform()}"
    state = supervise.running(settings)
    running = server_status.version_of(state) if state else None
    if running not in (None, __version__):
        return Check("versions", False, f"{here}; the server that runs is still {running}", server_status.RESTART)
    return Check("versions", True, here, "")


def _settings(settings: Settings) -> Check:
    # All domains come with it, which other commands that look at a machine need not load.
    from cargo_ai.server.price_names import check_price_names

    try:
        settings.check()
        check_price_names(settings)
    except SettingsError as error:
        return Check("settings", False, str(error), "Set it right in the environment or in settings.toml of the data folder.")
    unknown = settings.unknown()
    return Check("settings", not unknown, " ".join(unknown) or "every one that is set is known", "Take it away, or correct its name.")


def _data_folder(settings: Settings) -> Check:
    folder = settings.data_dir
    existing = _nearest(folder)
    own = f"chown {os.geteuid()} {existing} (or, in a container, a volume of its own), or another folder with CARGO_AI_DATA_DIR"
    if not (existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)):
        return Check("dataFolder", False, f"{folder} cannot be used: user {os.geteuid()} may not write into {existing}", own)
    if existing != folder:
        return Check("dataFolder", True, f"{folder} is made at the first start", "")
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & 0o077:
        return Check("dataFolder", False, f"{folder} is open to others (mode {mode:04o})", f"chmod 700 {folder}")
    return Check("dataFolder", True, f"{folder}, mode {mode:04o}", "")


def _nearest(folder: Path) -> Path:
    """The folder itself, or what exists of the path to it."""
    return next(path for path in (folder, *folder.parents) if os.path.lexists(path))


def _disk(settings: Settings) -> Check:
    folder = _nearest(settings.data_dir)
    usage = shutil.disk_usage(folder)
    enough = usage.free > max(disk.LEAST_FREE_BYTES, min(LEAST_FREE_BYTES, usage.total * LEAST_SHARE_FREE))
    detail = f"{usage.free / 2**30:.1f} of {usage.total / 2**30:.1f} GB are free at {folder}"
    return Check("disk", enough, detail, "Make room, or limit what is kept: CARGO_AI_KEEP_RUNS_DAYS, CARGO_AI_MAX_STORED_BYTES.")


def _key(settings: Settings) -> Check:
    if not settings.secret_key and not settings.database_url and not key_file(settings).exists():
        return Check("secretKey", True, f"{key_file(settings)} is made at the first start", "")
    try:
        secret_key(settings)
    except (KeyUnusable, OSError) as error:
        return Check("secretKey", False, str(error), "Put the key back from a backup; without it, connectors have to be set up again.")
    if settings.former_secret_key or former_key_file(settings).exists():
        return Check("secretKey", False, "a rotation has not come to its end: two keys are in use", "cargo-ai server rotate-key")
    return Check("secretKey", True, "it can be read", "")


def _sandbox() -> Check:
    """Whether code of users runs: by running some, for a container may refuse what its kernel has."""
    refused = {language: reason for language in ("javascript", "python") if (reason := sandbox.refusal(language))}
    if not refused:
        refused, left = asyncio.run(_try_out())
        if not refused:
            level = sandbox.level()
            around = (
                f"in namespaces of its own ({', '.join(left)})" if left else "without namespaces of its own, which this machine refuses"
            )
            return Check("sandbox", True, f"{level}: code of users runs with filtered system calls, {around}", "")
    if list(refused) == ["python"] and sandbox.level() == "partial":
        return Check("sandbox", True, "partial: JavaScript only, in processes with limits", "")
    without = "Only expressions that are simple paths and comparisons work; `script`, `python` and other expressions are refused."
    return Check("sandbox", False, f"none: {'; '.join(sorted(set(refused.values())))}", f"Mend that, or live without it. {without}")


async def _try_out() -> tuple[dict[Language, str], list[str]]:
    """Why each language does not run, if so, and which namespaces the sandbox has of its own."""
    tried = Evaluator()
    try:
        question = EngineExpression("6 * 7")
        answer = (await tried.ask("doctor", {"nodes": {}, "parentNodes": {}}, [question]))[question]
        script = await tried.python("doctor", "result = 6 * 7", {"nodes": {}, "parentNodes": {}})
        errors: dict[Language, str | None] = {"javascript": answer.error.message if answer.error else None, "python": script.error}
        return {language: error for language, error in errors.items() if error}, tried.left("javascript")
    finally:
        await tried.close()


def _open_files() -> Check:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = hard == resource.RLIM_INFINITY or hard >= FEWEST_FILES
    limit = "no limit" if hard == resource.RLIM_INFINITY else f"{hard} open files a process"
    return Check("openFiles", enough, limit, "LimitNOFILE=65536 in the unit, or: ulimit -n 65536")


def _outbound(settings: Settings) -> Check:
    """Whether calls can go out: names of hosts resolve, a connection opens, and what is allowed besides the internet is well-formed."""
    try:
        http_client.client(settings)
    except SettingsError as error:
        return Check("outbound", False, str(error), "Set CARGO_AI_OUTBOUND_ALLOW right.")
    try:
        socket.getaddrinfo(PROBE_HOST, 443)
    except OSError as error:
        detail = f"the name {PROBE_HOST} does not resolve ({error}): services of the internet cannot be called"
        return Check("outbound", False, detail, "Give the machine a resolver (/etc/resolv.conf), or live without calls to the internet.")
    try:
        socket.create_connection((PROBE_HOST, 443), PROBE_SECONDS).close()
    except OSError as error:
        detail = f"{PROBE_HOST}:443 cannot be reached ({error}): services of the internet cannot be called"
        fix = "Let the server out to port 443 (no proxy is used), or live without calls to the internet."
        return Check("outbound", False, detail, fix)
    detail = f"names of hosts resolve and connections open; allowed besides the internet: {settings.outbound_allow or 'nothing'}"
    return Check("outbound", True, detail, "")
