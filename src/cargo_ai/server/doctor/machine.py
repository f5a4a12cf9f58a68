"""What a server needs of its machine: Python, settings, data folder, disk, key, sandbox, open files, names of hosts, e-mail."""

from __future__ import annotations

import os
import platform
import resource
import shutil
import socket
import stat
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

from cargo_ai import __version__
from cargo_ai.email import smtp
from cargo_ai.expression.sandbox import host as sandbox
from cargo_ai.kernel.settings import Settings, SettingsError
from cargo_ai.outbound import http_client
from cargo_ai.server.compose import KeyUnusable, former_key_file, key_file, secret_key
from cargo_ai.server.doctor.checks import Check
from cargo_ai.store import disk

FEWEST_FILES = 4_096
LEAST_SHARE_FREE = 0.1
LEAST_FREE_BYTES = 1 << 30
PROBE_HOST = "example.com"


def checks(settings: Settings) -> Iterator[Check]:
    """Look at the machine; nothing is changed."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Check(
        "versions", sys.version_info >= (3, 11), f"cargo-ai {__version__}, Python {version}, {platform.platform()}", "Python 3.11 or newer."
    )
    yield _settings(settings)
    yield _data_folder(settings)
    yield _disk(settings)
    yield _key(settings)
    yield _sandbox()
    yield _open_files()
    yield _outbound(settings)
    status = smtp.configuration_status(settings)
    yield Check("email", status in ("configured", "notConfigured"), status, "Set CARGO_AI_SMTP_* right.")


def _settings(settings: Settings) -> Check:
    try:
        settings.check()
    except SettingsError as error:
        return Check("settings", False, str(error), "Set it right in the environment or in settings.toml of the data folder.")
    unknown = settings.unknown()
    return Check("settings", not unknown, " ".join(unknown) or "every one that is set is known", "Take it away, or correct its name.")


def _data_folder(settings: Settings) -> Check:
    folder = settings.data_dir
    if not folder.exists():
        return Check(
            "dataFolder", os.access(folder.parent, os.W_OK) or not folder.parent.exists(), f"{folder} is made at the first start", ""
        )
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & 0o077:
        return Check("dataFolder", False, f"{folder} is open to others (mode {mode:04o})", f"chmod 700 {folder}")
    writable = os.access(folder, os.W_OK)
    return Check("dataFolder", writable, f"{folder}, mode {mode:04o}", f"chown it to the user of the server: {folder}")


def _disk(settings: Settings) -> Check:
    folder = next(path for path in (settings.data_dir, *settings.data_dir.parents) if path.exists())
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
    level = sandbox.level()
    detail = {
        "full": "code of users runs with filtered system calls",
        "partial": "JavaScript only, in processes with limits",
        "none": "expressions that need JavaScript, `script` and `python` are refused",
    }[level]
    return Check(
        "sandbox", level != "none", f"{level}: {detail}", "A Linux kernel with seccomp, and the extra: pip install 'cargo-ai[server]'."
    )


def _open_files() -> Check:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = hard == resource.RLIM_INFINITY or hard >= FEWEST_FILES
    limit = "no limit" if hard == resource.RLIM_INFINITY else f"{hard} open files a process"
    return Check("openFiles", enough, limit, "LimitNOFILE=65536 in the unit, or: ulimit -n 65536")


def _outbound(settings: Settings) -> Check:
    """Whether calls can go out: names of hosts resolve, and what is allowed besides the internet is well-formed."""
    try:
        http_client.client(settings)
    except SettingsError as error:
        return Check("outbound", False, str(error), "Set CARGO_AI_OUTBOUND_ALLOW right.")
    name = urlsplit(settings.public_url).hostname or PROBE_HOST
    try:
        socket.getaddrinfo(name, 443)
    except OSError as error:
        detail = f"the name {name} does not resolve ({error}): services of the internet cannot be called"
        return Check("outbound", False, detail, "Give the machine a resolver (/etc/resolv.conf), or live without calls to the internet.")
    return Check("outbound", True, f"names of hosts resolve; besides the internet: {settings.outbound_allow or 'nothing'}", "")
