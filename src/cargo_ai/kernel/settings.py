"""Settings of the server: every `CARGO_AI_*` variable, declared once with its type, its default and what it means.

To add one, add an attribute to its group (kernel/setting_groups), or here where it is about processes and their database. Its variable
is its name in capitals after `CARGO_AI_`; docs/settings.md follows (`make gen`).
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import ClassVar

from cargo_ai.kernel.configuration.setting_kinds import (
    EVERY_PROCESS,
    integer,
    path_of,
    percent_of,
    seconds,
    switch,
    text,
    token_of,
    url,
)
from cargo_ai.kernel.configuration.setting_kinds import PREFIX as PREFIX
from cargo_ai.kernel.configuration.setting_kinds import SETTINGS as SETTINGS
from cargo_ai.kernel.configuration.setting_kinds import Setting as Setting
from cargo_ai.kernel.configuration.setting_kinds import SettingsError as SettingsError
from cargo_ai.kernel.configuration.setting_kinds import SmtpSecurity as SmtpSecurity
from cargo_ai.kernel.setting_groups.billing import BillingSettings
from cargo_ai.kernel.setting_groups.limits import LimitSettings
from cargo_ai.kernel.setting_groups.outbound import OutboundSettings
from cargo_ai.kernel.setting_groups.people import PeopleSettings

CLI_PREFIX = f"{PREFIX}CLI_"
"""Variables of the command line, which stands alone and declares its own (cli/configuration/environment.py)."""

OAUTH_PREFIX = f"{PREFIX}OAUTH_"
"""Variables of OAuth apps, one pair for each integration: `CARGO_AI_OAUTH_HUBSPOT_CLIENT_ID` and `_CLIENT_SECRET`."""
_OAUTH_APP = re.compile(rf"{OAUTH_PREFIX}[A-Z0-9_]+_CLIENT_(ID|SECRET)\Z")


@dataclass(frozen=True)
class Settings(LimitSettings, OutboundSettings, PeopleSettings, BillingSettings):
    """Everything that the environment says. Immutable; `read()` makes it once per process.

    sources: where a value of `environment` comes from, by variable, when it was not the environment itself; for messages.
    """

    environment: dict[str, str] = field(default_factory=dict[str, str])
    sources: dict[str, str] = field(default_factory=dict[str, str])

    title: ClassVar[str] = "Processes, and their database"
    data_dir_variable: ClassVar[str] = f"{PREFIX}DATA_DIR"

    database_url = text(
        "The PostgreSQL database to use instead of the embedded one. It needs CARGO_AI_SECRET_KEY too.",
        EVERY_PROCESS,
        shown_default="the embedded database",
    )
    secret_key = text(
        "The key that stored secrets are encrypted with and links are signed with: 32 bytes or more, as base64 or text. "
        "Every machine of an installation needs the same.",
        EVERY_PROCESS,
        shown_default="a key made in the data folder (embedded database only)",
    )
    former_secret_key = text(
        "The key before CARGO_AI_SECRET_KEY, until `cargo-ai server rotate-key` has sealed everything with the new one. Both are accepted.",
        EVERY_PROCESS,
        shown_default="none",
    )
    _data_dir = Setting[Path | None](
        "path",
        None,
        "The folder of the embedded database, of files and of the server's own state.",
        EVERY_PROCESS,
        lambda _, raw: path_of(raw),
        "~/.local/share/cargo-ai",
        variable=data_dir_variable,
    )
    files_url = text(
        "Where uploads, exports and large outputs are kept, for example `s3://bucket/folder`.",
        ("api", "worker"),
        shown_default="`files` in the data folder",
    )
    postgres_bin = Setting[Path | None](
        "path",
        None,
        "The bin folder of another PostgreSQL (16 or newer) for the embedded database.",
        ("server",),
        lambda _, raw: path_of(raw),
        "the one that is installed with cargo-ai",
    )
    backup_passphrase = text(
        "The passphrase of backups: 12 characters or more. It cannot be recovered. `--passphrase-file` wins over it.", ("server",)
    )
    host = text("The address on which the API listens.", ("server",), "127.0.0.1")
    port = integer("The port of the API; 0 takes any free one.", ("server",), 8420)
    public_url = url(
        "The URL at which people reach this server: the base of links in e-mails and of signed URLs.",
        EVERY_PROCESS,
        shown_default="the host of each request",
    )
    behind_proxy = switch("Trust the X-Forwarded headers of the proxy in front of the API.", ("api",))
    api_processes = integer(
        "How many processes answer HTTP requests, all on the same port. `--api` wins over it.",
        ("server", "api"),
        0,
        shown_default="by cores (0): 1, with four cores or more one for every two, 4 at most",
    )
    workers = integer(
        "How many worker processes `cargo-ai server start` runs. 0: the API alone, with an external database and `cargo-ai server worker`.",
        ("server", "api"),
        2,
    )
    batch_slots = integer("How many shards of batches one worker process drives at once.", ("worker",), 2, least=1)
    metrics_token = Setting[str](
        "text",
        "",
        "Who sends this as a bearer token may read `/metrics`, in the text format of Prometheus: 16 characters or more.",
        EVERY_PROCESS,
        token_of,
        "no metrics",
    )
    otlp_endpoint = url(
        "The OpenTelemetry collector that gets traces of requests, runs and nodes, by OTLP over HTTP, for example `http://localhost:4318`. "
        "It needs the extra `otel`. The standard variables (`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_EXPORTER_OTLP_HEADERS`, …) work as well.",
        ("api", "worker"),
        shown_default="no traces",
    )
    otlp_percent = Setting[int](
        "whole number",
        100,
        "Of how many percent of all traces spans are sent. A trace is a run or a batch with all below it, or a request by itself.",
        ("api", "worker"),
        percent_of,
        "100",
    )
    debug = switch("Log more, for looking into a problem.", EVERY_PROCESS)
    strict = switch("Refuse requests with unknown fields instead of warning about them.", ("api",))
    mcp_origins = text(
        "Web pages that may use MCP besides this server's own: origins such as `https://a.example.com`, by commas.", ("api",)
    )
    cors_origins = text(
        "Sites whose pages may call the API (`https://app.example.com`), by comma; `*`: any. They send a token, never a cookie.",
        ("api",),
        shown_default="no site",
    )
    stalled_after = seconds(
        "How long a worker may go without a heartbeat before its work is given to another.",
        ("api", "worker"),
        30,
        least=1,
        variable=f"{PREFIX}STALLED_AFTER_SECONDS",
    )
    hung_after = seconds(
        "How long a process of the server, or the embedded database, may not answer before it is killed and replaced; 0: never.",
        ("server",),
        20,
        variable=f"{PREFIX}HUNG_AFTER_SECONDS",
    )
    max_log_bytes = integer(
        "How large server.log (with --detach) and the embedded database's log become before they are moved to `.1`; 0: any size.",
        ("server",),
        50 * 1024**2,
    )
    drain_seconds = seconds("How long a worker that is stopped may take to finish or park its effects.", ("server", "worker"), 30)

    supervisor_pid = integer(
        "The supervisor's process: an API or worker process ends when it is gone.",
        ("api", "worker"),
        0,
        shown_default="none",
        internal=True,
    )
    listen_fd = integer("The file descriptor of the socket that the supervisor has bound.", ("api",), 3, internal=True)
    replaces_worker = text("The uuids of dead workers that this one replaces.", ("worker",), shown_default="none", internal=True)
    log_file = text("The file that stderr goes to, under `server start --detach`.", ("server",), shown_default="none", internal=True)
    crash_at = text("Named places at which a process kills itself.", ("worker",), shown_default="none", internal=True)
    no_fsync = switch("Start the embedded database without durability.", ("server",), internal=True)
    loop_stall_milliseconds = integer(
        "Log an error where the event loop is held up for longer than this, in CPU time.",
        ("api", "worker"),
        0,
        shown_default="off",
        internal=True,
    )
    strict_refusals = switch("Fail where a handler refuses with a reason that its operation does not declare.", ("api",), internal=True)

    @property
    def data_dir(self) -> Path:
        """The folder of everything that belongs to this server."""
        base = self.environment.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
        return self._data_dir or Path(base) / "cargo-ai"

    @property
    def log_place(self) -> str:
        """Where a person finds the log of this process, for messages."""
        return self.log_file or "the log above"

    def check(self) -> None:
        """SettingsError for the first value that its setting cannot have."""
        for setting in SETTINGS.values():
            setting.__get__(self, Settings)

    @staticmethod
    def oauth_variable(integration: str) -> str:
        """How the variables of an integration's OAuth app begin: `CARGO_AI_OAUTH_HUBSPOT`."""
        return f"{OAUTH_PREFIX}{re.sub('[^A-Z0-9]', '_', integration.upper())}"

    def oauth_app(self, integration: str) -> tuple[str, str]:
        """Client id and secret of an integration's OAuth app; "" for what is not set."""
        name = self.oauth_variable(integration)
        return self.environment.get(f"{name}_CLIENT_ID", ""), self.environment.get(f"{name}_CLIENT_SECRET", "")

    def unknown(self) -> list[str]:
        """A sentence for every `CARGO_AI_*` variable of the environment that is not a setting, with the name that was probably meant."""
        names = [name for name in sorted(self.environment) if name.startswith(PREFIX) and not name.startswith(CLI_PREFIX)]
        return [_unknown(name) for name in names if name not in SETTINGS and not _OAUTH_APP.match(name)]


def _unknown(name: str) -> str:
    near = get_close_matches(name, [variable for variable, setting in SETTINGS.items() if not setting.internal], 1, 0.8)
    return f"{name} is not a setting and is ignored. {f'Did you mean {near[0]}?' if near else 'docs/settings.md lists all.'}"


def read() -> Settings:
    """The settings of this process's environment."""
    return Settings(dict(os.environ))  # noqa: TID251
