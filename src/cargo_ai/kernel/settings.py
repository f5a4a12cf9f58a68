"""Settings of the server: every `CARGO_AI_*` variable, declared once with its type, its default and what it means.

To add one, add an attribute to `Settings`. Its variable is its name in capitals behind `CARGO_AI_`; docs/settings.md follows (`make gen`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import ClassVar

from cargo_ai.kernel import prices
from cargo_ai.kernel.setting_kinds import PREFIX as PREFIX
from cargo_ai.kernel.setting_kinds import SETTINGS as SETTINGS
from cargo_ai.kernel.setting_kinds import (
    Reader,
    addresses_of,
    credits_of,
    currency_of,
    integer,
    number_of,
    path_of,
    prices_of,
    seconds,
    smtp_security_of,
    switch,
    text,
    token_of,
    url,
)
from cargo_ai.kernel.setting_kinds import Setting as Setting
from cargo_ai.kernel.setting_kinds import SettingsError as SettingsError
from cargo_ai.kernel.setting_kinds import SmtpSecurity as SmtpSecurity

CLI_PREFIX = f"{PREFIX}CLI_"
"""Variables of the command line, which stands alone and declares its own (cli/environment.py)."""

OAUTH_PREFIX = f"{PREFIX}OAUTH_"
"""Variables of OAuth apps, one pair for each integration: `CARGO_AI_OAUTH_HUBSPOT_CLIENT_ID` and `_CLIENT_SECRET`."""
_OAUTH_APP = re.compile(rf"{OAUTH_PREFIX}[A-Z0-9_]+_CLIENT_(ID|SECRET)\Z")

EVERY_PROCESS: tuple[Reader, ...] = ("server", "api", "worker")


@dataclass(frozen=True)
class Settings:
    """Everything that the environment says. Immutable; `read()` makes it once per process.

    sources: where a value of `environment` comes from, by variable, when it was not the environment itself; for messages.
    """

    environment: dict[str, str] = field(default_factory=dict[str, str])
    sources: dict[str, str] = field(default_factory=dict[str, str])

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
    workers = integer(
        "How many worker processes `cargo-ai server start` runs. 0: the API alone, with an external database and `cargo-ai server worker`.",
        ("server",),
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
    debug = switch("Log more, for looking into a problem.", EVERY_PROCESS)
    strict = switch("Refuse requests with unknown fields instead of warning about them.", ("api",))

    mcp_requests_per_minute = integer(
        "How many requests over MCP one token may send in a minute, to each API process.", ("api",), 600, least=1
    )
    mcp_origins = text(
        "Web pages that may use MCP besides this server's own: origins such as `https://a.example.com`, by commas.", ("api",)
    )

    max_concurrent_runs = integer(
        "How many runs of one workspace may go at once; others wait.", ("api", "worker"), 0, shown_default="no limit (0)"
    )
    statements_per_workspace = integer(
        "How many filters and conditions of one workspace each process evaluates at once; others wait, in the API for 10 s at most.",
        ("api", "worker"),
        2,
        least=1,
    )
    max_connections = integer(
        "How many HTTP connections the API has at once, as far as the limit of open files allows; more are answered 503.",
        ("api",),
        10_000,
        least=50,
    )
    token_requests_per_minute = integer(
        "How many requests one token may send in a minute; more are answered 429, with when to try again. 0: no limit.", ("api",), 12_000
    )
    address_requests_per_minute = integer(
        "How many requests one address may send in a minute, with a token or without, health checks apart. Behind a proxy, set "
        "CARGO_AI_BEHIND_PROXY too, or all are of one address. 0: no limit.",
        ("api",),
        30_000,
    )
    wrong_tokens_per_minute = integer(
        "How many wrong tokens one address may send in a minute before it is answered 429; from the tenth on it waits for each answer.",
        ("api",),
        60,
        least=1,
    )
    max_body_bytes = integer(
        "The largest JSON body of a request, in bytes; larger inputs are uploaded as files.", ("api",), 10 * 1024**2, least=1024
    )
    max_request_seconds = seconds(
        "How long one request may take before it is given up and rolled back; 0: any time. Uploads and downloads may take longer.",
        ("api",),
        300,
    )
    cors_origins = text(
        "Sites whose pages may call the API (`https://app.example.com`), by comma; `*`: any. They send a token, never a cookie.",
        ("api",),
        shown_default="no site",
    )
    max_workspaces = integer(
        "How many workspaces this server may have; who may write a workspace can create others. 0: no limit.", ("api",), 100
    )
    invitation_days = integer("How many days the link of an invitation works.", ("api",), 7, least=1)
    keep_runs_days = integer(
        "How many days runs and batches are kept after they have ended, with what their nodes gave, rounded up to whole months; and "
        "refreshes and fills of models. "
        "They stay for ever by default, since a history that was removed cannot be had back.",
        ("worker",),
        0,
        shown_default="for ever (0)",
    )
    max_upload_bytes = integer("The largest file that can be uploaded, in bytes.", ("api",), 2 * 1024**3, least=1)
    max_uploads_at_once = integer("How many files one workspace may be sending at once to one API process; 0: no limit.", ("api",), 20)
    max_streams_at_once = integer(
        "How many answers one workspace may be watching at once at each API process, with one token half of that; 0: no limit.",
        ("api",),
        200,
    )
    max_stored_bytes = integer(
        "How many bytes of files (uploads, ingest reports) one workspace may keep; 0: no limit.",
        ("api", "worker"),
        100 * 1024**3,
    )
    max_records = integer("How many records one workspace may keep in all its models; 0: no limit.", ("api", "worker"), 50_000_000)
    max_output_bytes = integer(
        "How many bytes of node outputs above 64 KB each, which are kept as files, one workspace may have; 0: no limit.",
        ("api", "worker"),
        100 * 1024**3,
    )
    max_unpacked_bytes = integer(
        "How many bytes of text a compressed file (Parquet) may hold, however small it is packed; 0: no limit.",
        ("api", "worker"),
        8 * 1024**3,
    )
    upload_retention = Setting[float](
        "days",
        90,
        "How long an uploaded file that no model and no unfinished batch names is kept, in days; 0: for ever.",
        ("worker",),
        lambda name, raw: number_of(name, raw, 0),
        "90",
        variable=f"{PREFIX}UPLOAD_RETENTION_DAYS",
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

    outbound_allow = text(
        "Hosts, addresses and networks besides the public internet that workflows may call, by comma, each with an optional `:port`.",
        ("api", "worker"),
        shown_default="the public internet only",
    )
    secrets_env = text(
        "Variables of the server's environment that connectors may name as `secret://env/NAME`, by comma; `*` stands for any text. "
        "Never those of the server itself, CARGO_AI_*. Who may write connectors can use each of them.",
        ("api", "worker"),
        shown_default="no variable",
    )
    secrets_dir = text(
        "The folder of files that connectors may name as `secret://file/PATH`. `{workspace}` in it stands for the workspace's uuid.",
        ("api", "worker"),
        shown_default="no file",
    )
    vault_addr = url(
        "The HashiCorp Vault that connectors may name as `secret://vault/MOUNT/PATH#FIELD` (KV version 2).",
        ("api", "worker"),
        shown_default="no Vault",
    )
    vault_token = text("The token for Vault. Its policies should let it read what connectors need and nothing else.", ("api", "worker"))
    vault_token_file = Setting[Path | None](
        "path",
        None,
        "A file with the token for Vault, read again for each secret, as an agent of Vault writes it; it wins over CARGO_AI_VAULT_TOKEN.",
        ("api", "worker"),
        lambda _, raw: path_of(raw),
        "none",
    )
    vault_namespace = text("The namespace in Vault.", ("api", "worker"), shown_default="none")
    vault_paths = text(
        "Paths in Vault (`MOUNT/PATH`) that connectors may name, by comma; `*` stands for any text, `{workspace}` for the workspace's "
        "uuid.",
        ("api", "worker"),
        "*",
        shown_default="all that the token may read (`*`)",
    )
    cloud_secrets = text(
        "Secrets of clouds that connectors may name as `secret://aws/NAME`, `secret://google/PROJECT/NAME` or `secret://azure/VAULT/NAME`, "
        "by comma and without `secret://`; `*` stands for any text, `{workspace}` for the workspace's uuid. Each cloud needs its extra.",
        ("api", "worker"),
        shown_default="none",
    )
    service_addresses = Setting[Mapping[str, str]](
        "slug=URL, by comma",
        {},
        "Where services are called instead of at their vendor's address: a proxy, or a simulator (`hubspot=http://127.0.0.1:8123`).",
        ("api", "worker"),
        addresses_of,
        "the vendors' addresses",
    )
    credits_per_execution = Setting[Decimal](
        "credits",
        Decimal(0),
        "What each node execution costs, whatever it does, besides what its action costs. Shown under the usage unit "
        "`orchestration.executions` only.",
        ("api", "worker"),
        credits_of,
        "0",
    )
    action_costs = Setting[Mapping[str, prices.Costs]](
        "action=credits, by comma",
        {},
        "What actions cost instead of what they declare: `hunter.findEmail=1` for each success, `hunter.searchDomain=0.1/emails` for each "
        "item of what comes back, `people.search=5/10 people` for every ten begun, `openAi.tokens=1/1000 tokens` for those that answers of "
        "agents take of the installation's account. Calls with credentials of the connector are free.",
        ("api", "worker"),
        prices_of,
        "what actions declare",
    )
    shared_accounts_file = text(
        "A JSON file with the accounts of this installation, a config for each slug of an integration: a connector that is created without "
        "a config uses the one of its integration, and its calls cost credits.",
        ("api", "worker"),
        shown_default="no shared accounts",
    )
    captcha_url = text(
        "Where captchas of public forms are verified, instead of at their provider.", ("api",), shown_default="the provider's URL"
    )

    smtp_host = text("The mail server. Without it no e-mail is sent.", ("api", "worker"), shown_default="no e-mail")
    smtp_from = text("The address that e-mails are from. Needed with CARGO_AI_SMTP_HOST.", ("api", "worker"))
    smtp_tls = Setting[SmtpSecurity](
        "starttls, tls or off",
        "starttls",
        "How the connection to the mail server is encrypted.",
        ("api", "worker"),
        smtp_security_of,
        "starttls",
    )
    smtp_port = integer(
        "The port of the mail server.", ("api", "worker"), 0, least=1, shown_default="587 for starttls, 465 for tls, 25 for off"
    )
    smtp_user = text("The user to sign in to the mail server with.", ("api", "worker"), shown_default="no sign-in")
    smtp_password = text("The password of that user.", ("api", "worker"))
    smtp_per_minute = integer("How many e-mails nodes of one workspace may send in a minute.", ("worker",), 60, least=1)

    console_session_hours = integer("For how many hours a browser that signed in to the console stays signed in.", ("api",), 168, least=1)
    login_issuer = url(
        "The OpenID provider by which `cargo-ai login --oauth` signs people in, for example `https://accounts.google.com`. There, "
        "`/v1/login/callback` of this server is the redirect URI.",
        ("api",),
        shown_default="no provider",
    )
    login_client_id = text("The client id of this server at that provider. Needed with CARGO_AI_LOGIN_ISSUER.", ("api",))
    login_client_secret = text("The client secret of this server at that provider.", ("api",))
    login_domains = text(
        "E-mail domains whose people come into the first workspace without an invitation when they sign in by e-mail or by the provider, "
        "by comma. They get the role that the workspace proposes for new users, else `viewer`; never `admin`.",
        ("api", "worker"),
        shown_default="no domain: by invitation only",
    )

    credit_price_cents = Setting[float](
        "cents",
        0,
        "What a credit costs, in cents: on invoices, and where credits are sold.",
        ("api", "worker"),
        lambda name, raw: number_of(name, raw, 0),
        "0",
    )
    billing_currency = Setting[str](
        "currency",
        "usd",
        "The currency of invoices and of what is sold, by its three letters.",
        ("api", "worker"),
        currency_of,
        "usd",
    )
    new_workspace_credits = Setting[float | None](
        "credits",
        None,
        "How many credits a new workspace is given, once; without more, work that costs credits is refused when they are used up.",
        ("server", "api"),
        lambda name, raw: number_of(name, raw, 0),
        "no limit",
    )
    stripe_api_key = Setting[str](
        "text",
        "",
        "The secret key of an account at Stripe, with which credits are sold; without it, admins set budgets. Needs `cargo-ai[billing]`.",
        ("api", "worker"),
        lambda _, raw: raw,
        "credits are not sold",
        variable="STRIPE_API_KEY",
    )
    stripe_webhook_secret = Setting[str](
        "text",
        "",
        "The signing secret of the webhook `/v1/billing/stripe/webhook` at Stripe. Needed with STRIPE_API_KEY: payments arrive by it.",
        ("api",),
        lambda _, raw: raw,
        "none",
        variable="STRIPE_WEBHOOK_SECRET",
    )

    history_days = integer(
        "How many days it is kept who changed which records, and what they were before: as long, imports and other changes can be undone.",
        ("api", "worker"),
        30,
        least=1,
    )
    history_records = integer(
        "How many changed and removed records of one workspace are kept at most; beyond, the oldest are forgotten earlier.",
        ("worker",),
        5_000_000,
        least=1,
    )

    keep_audit_days = integer("How many days the audit log keeps who wrote what, and who was refused to.", ("worker",), 365, least=1)
    keep_removed_days = integer(
        "How many days removed models, plays, tools, segments and connectors stay in the bin, from which they can be restored; "
        "0: they are removed for ever at once.",
        ("api", "worker"),
        30,
    )

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
