"""Settings of the server: every `CARGO_AI_*` variable, declared once with its type, its default and what it means.

To add one, add an attribute to `Settings`. Its variable is its name in capitals behind `CARGO_AI_`; docs/settings.md follows (`make gen`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import ClassVar, Generic, Literal, TypeVar, cast, get_args, overload

from cargo_ai.kernel import prices

PREFIX = "CARGO_AI_"
CLI_PREFIX = f"{PREFIX}CLI_"
"""Variables of the command line, which stands alone and declares its own (cli/environment.py)."""

OAUTH_PREFIX = f"{PREFIX}OAUTH_"
"""Variables of OAuth apps, one pair for each integration: `CARGO_AI_OAUTH_HUBSPOT_CLIENT_ID` and `_CLIENT_SECRET`."""
_OAUTH_APP = re.compile(rf"{OAUTH_PREFIX}[A-Z0-9_]+_CLIENT_(ID|SECRET)\Z")

Reader = Literal["server", "api", "worker"]
"""Who reads a setting: `cargo-ai server` with its supervisor, the API process, the worker processes."""
SmtpSecurity = Literal["starttls", "tls", "off"]

T = TypeVar("T")
EVERY_PROCESS: tuple[Reader, ...] = ("server", "api", "worker")


class SettingsError(ValueError):
    """A setting cannot be used; the message names the variable and what it takes."""


@dataclass(slots=True)
class Setting(Generic[T]):
    """One variable. As an attribute of `Settings` it is its value: parsed, or the default where the variable is unset or empty.

    kind: the type as the settings page shows it. internal: set by the server for its own processes, or by tests; not for operators.
    """

    kind: str
    default: T
    meaning: str
    read_by: tuple[Reader, ...]
    parse: Callable[[str, str], T]
    shown_default: str = ""
    internal: bool = False
    variable: str = ""

    def __set_name__(self, owner: type[Settings], name: str) -> None:
        self.variable = self.variable or PREFIX + name.upper()
        SETTINGS[self.variable] = cast("Setting[object]", self)

    @overload
    def __get__(self, settings: None, owner: type[Settings]) -> Setting[T]: ...
    @overload
    def __get__(self, settings: Settings, owner: type[Settings]) -> T: ...
    def __get__(self, settings: Settings | None, owner: type[Settings]) -> Setting[T] | T:
        """The value in these settings. SettingsError when the variable holds something else."""
        if settings is None:
            return self
        raw = settings.environment.get(self.variable)
        return self.parse(settings.sources.get(self.variable, self.variable), raw) if raw else self.default


SETTINGS: dict[str, Setting[object]] = {}
"""Every declared setting by its variable, in the order of `Settings`."""


def _text(meaning: str, read_by: tuple[Reader, ...], default: str = "", *, shown_default: str = "", internal: bool = False) -> Setting[str]:
    return Setting("text", default, meaning, read_by, lambda _, raw: raw, shown_default, internal)


def _url(meaning: str, read_by: tuple[Reader, ...], *, shown_default: str) -> Setting[str]:
    return Setting("URL", "", meaning, read_by, lambda _, raw: raw.rstrip("/"), shown_default)


def _switch(meaning: str, read_by: tuple[Reader, ...], *, internal: bool = False) -> Setting[bool]:
    return Setting("switch", False, meaning, read_by, lambda _, raw: raw.lower() in {"1", "true", "yes", "on"}, "off", internal)


def _number(variable: str, raw: str, least: float) -> float:
    try:
        value = float(raw)
    except ValueError:
        raise SettingsError(f"{variable} must be a number, not {raw!r}.") from None
    if not value >= least:
        raise SettingsError(f"{variable} must be at least {least:g}, not {raw}.")
    return value


def _seconds(meaning: str, read_by: tuple[Reader, ...], default: float, *, least: float = 0, variable: str = "") -> Setting[float]:
    return Setting("seconds", default, meaning, read_by, lambda name, raw: _number(name, raw, least), f"{default:g}", variable=variable)


def _integer(
    meaning: str, read_by: tuple[Reader, ...], default: int, *, least: int = 0, shown_default: str = "", internal: bool = False
) -> Setting[int]:
    return Setting(
        "whole number", default, meaning, read_by, lambda name, raw: _integer_of(name, raw, least), shown_default or str(default), internal
    )


def _integer_of(variable: str, raw: str, least: int) -> int:
    try:
        return int(_number(variable, raw, least))
    except OverflowError:
        raise SettingsError(f"{variable} must be a whole number, not {raw!r}.") from None


def _currency(variable: str, raw: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{3}", raw):
        raise SettingsError(f"{variable} must be a currency by its three letters, such as usd, not {raw!r}.")
    return raw.lower()


def _addresses(variable: str, raw: str) -> Mapping[str, str]:
    """`slug=URL` pairs, by comma."""
    pairs = [part.strip().partition("=") for part in raw.split(",") if part.strip()]
    for slug, _, url in pairs:
        if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", url.strip()):
            raise SettingsError(f"{variable} must be like hubspot=https://proxy.example.com, not {slug}={url}.")
    return {slug.strip(): url.strip() for slug, _, url in pairs}


def _credits(variable: str, raw: str) -> Decimal:
    if not re.fullmatch(prices.CREDITS, raw):
        raise SettingsError(f"{variable} must be a number of credits with at most six places, not {raw!r}.")
    return Decimal(raw)


def _prices(variable: str, raw: str) -> Mapping[str, prices.Costs]:
    try:
        return prices.parse(raw)
    except ValueError as error:
        raise SettingsError(f"{variable} {error}.") from None


def _path(raw: str) -> Path:
    return Path(raw).expanduser().absolute()


def _smtp_security(variable: str, raw: str) -> SmtpSecurity:
    if raw.lower() not in get_args(SmtpSecurity):
        raise SettingsError(f"{variable} must be one of {', '.join(get_args(SmtpSecurity))}, not {raw.lower()!r}.")
    return cast("SmtpSecurity", raw.lower())


@dataclass(frozen=True)
class Settings:
    """Everything that the environment says. Immutable; `read()` makes it once per process.

    sources: where a value of `environment` comes from, by variable, when it was not the environment itself; for messages.
    """

    environment: dict[str, str] = field(default_factory=dict[str, str])
    sources: dict[str, str] = field(default_factory=dict[str, str])

    data_dir_variable: ClassVar[str] = f"{PREFIX}DATA_DIR"

    database_url = _text(
        "The PostgreSQL database to use instead of the embedded one. It needs CARGO_AI_SECRET_KEY too.",
        EVERY_PROCESS,
        shown_default="the embedded database",
    )
    secret_key = _text(
        "The key that stored secrets are encrypted with and links are signed with: 32 bytes or more, as base64 or text. "
        "Every machine of an installation needs the same.",
        EVERY_PROCESS,
        shown_default="a key made in the data folder (embedded database only)",
    )
    _data_dir = Setting[Path | None](
        "path",
        None,
        "The folder of the embedded database, of files and of the server's own state.",
        EVERY_PROCESS,
        lambda _, raw: _path(raw),
        "~/.local/share/cargo-ai",
        variable=data_dir_variable,
    )
    files_url = _text(
        "Where uploads, exports and large outputs are kept, for example `s3://bucket/folder`.",
        ("api", "worker"),
        shown_default="`files` in the data folder",
    )
    postgres_bin = Setting[Path | None](
        "path",
        None,
        "The bin folder of another PostgreSQL (16 or newer) for the embedded database.",
        ("server",),
        lambda _, raw: _path(raw),
        "the one that is installed with cargo-ai",
    )

    backup_passphrase = _text(
        "The passphrase of backups: 12 characters or more. It cannot be recovered. `--passphrase-file` wins over it.", ("server",)
    )

    host = _text("The address on which the API listens.", ("server",), "127.0.0.1")
    port = _integer("The port of the API; 0 takes any free one.", ("server",), 8420)
    public_url = _url(
        "The URL at which people reach this server: the base of links in e-mails and of signed URLs.",
        EVERY_PROCESS,
        shown_default="the host of each request",
    )
    behind_proxy = _switch("Trust the X-Forwarded headers of the proxy in front of the API.", ("api",))
    workers = _integer("How many worker processes `cargo-ai server start` runs.", ("server",), 2, least=1)
    batch_slots = _integer("How many shards of batches one worker process drives at once.", ("worker",), 2, least=1)
    debug = _switch("Log more, for looking into a problem.", EVERY_PROCESS)
    strict = _switch("Refuse requests with unknown fields instead of warning about them.", ("api",))

    max_concurrent_runs = _integer(
        "How many runs of one workspace may go at once; others wait.", ("api", "worker"), 0, shown_default="no limit (0)"
    )
    statements_per_workspace = _integer(
        "How many filters and conditions of one workspace each process evaluates at once; others wait, in the API for 10 s at most.",
        ("api", "worker"),
        2,
        least=1,
    )
    max_connections = _integer(
        "How many HTTP connections the API has at once, as far as the limit of open files allows; more are answered 503.",
        ("api",),
        10_000,
        least=50,
    )
    invitation_days = _integer("How many days the link of an invitation works.", ("api",), 7, least=1)
    keep_runs_days = _integer(
        "How many days runs and batches are kept after they have ended, with what their nodes gave, rounded up to whole months; and "
        "refreshes and fills of models. "
        "They stay for ever by default, since a history that was removed cannot be had back.",
        ("worker",),
        0,
        shown_default="for ever (0)",
    )
    max_upload_bytes = _integer("The largest file that can be uploaded, in bytes.", ("api",), 2 * 1024**3, least=1)
    max_uploads_at_once = _integer("How many files one workspace may be sending at once to one API process; 0: no limit.", ("api",), 20)
    max_stored_bytes = _integer(
        "How many bytes of files (uploads, ingest reports) one workspace may keep; 0: no limit.",
        ("api", "worker"),
        100 * 1024**3,
    )
    max_records = _integer("How many records one workspace may keep in all its models; 0: no limit.", ("api", "worker"), 50_000_000)
    max_output_bytes = _integer(
        "How many bytes of node outputs above 64 KB each, which are kept as files, one workspace may have; 0: no limit.",
        ("api", "worker"),
        100 * 1024**3,
    )
    max_unpacked_bytes = _integer(
        "How many bytes of text a compressed file (Parquet) may hold, however small it is packed; 0: no limit.",
        ("api", "worker"),
        8 * 1024**3,
    )
    upload_retention = Setting[float](
        "days",
        90,
        "How long an uploaded file that no model and no unfinished batch names is kept, in days; 0: for ever.",
        ("worker",),
        lambda name, raw: _number(name, raw, 0),
        "90",
        variable=f"{PREFIX}UPLOAD_RETENTION_DAYS",
    )
    stalled_after = _seconds(
        "How long a worker may go without a heartbeat before its work is given to another.",
        ("api", "worker"),
        30,
        least=1,
        variable=f"{PREFIX}STALLED_AFTER_SECONDS",
    )
    hung_after = _seconds(
        "How long a process of the server, or the embedded database, may not answer before it is killed and replaced; 0: never.",
        ("server",),
        20,
        variable=f"{PREFIX}HUNG_AFTER_SECONDS",
    )
    max_log_bytes = _integer(
        "How large server.log (with --detach) and the embedded database's log become before they are moved to `.1`; 0: any size.",
        ("server",),
        50 * 1024**2,
    )
    drain_seconds = _seconds("How long a worker that is stopped may take to finish or park its effects.", ("server", "worker"), 30)

    outbound_allow = _text(
        "Hosts, addresses and networks besides the public internet that workflows may call, by comma, each with an optional `:port`.",
        ("api", "worker"),
        shown_default="the public internet only",
    )
    secrets_env = _text(
        "Variables of the server's environment that connectors may name as `secret://env/NAME`, by comma; `*` stands for any text. "
        "Never those of the server itself, CARGO_AI_*. Who may write connectors can use each of them.",
        ("api", "worker"),
        shown_default="no variable",
    )
    secrets_dir = _text(
        "The folder of files that connectors may name as `secret://file/PATH`. `{workspace}` in it stands for the workspace's uuid.",
        ("api", "worker"),
        shown_default="no file",
    )
    vault_addr = _url(
        "The HashiCorp Vault that connectors may name as `secret://vault/MOUNT/PATH#FIELD` (KV version 2).",
        ("api", "worker"),
        shown_default="no Vault",
    )
    vault_token = _text("The token for Vault. Its policies should let it read what connectors need and nothing else.", ("api", "worker"))
    vault_token_file = Setting[Path | None](
        "path",
        None,
        "A file with the token for Vault, read again for each secret, as an agent of Vault writes it; it wins over CARGO_AI_VAULT_TOKEN.",
        ("api", "worker"),
        lambda _, raw: _path(raw),
        "none",
    )
    vault_namespace = _text("The namespace in Vault.", ("api", "worker"), shown_default="none")
    vault_paths = _text(
        "Paths in Vault (`MOUNT/PATH`) that connectors may name, by comma; `*` stands for any text, `{workspace}` for the workspace's "
        "uuid.",
        ("api", "worker"),
        "*",
        shown_default="all that the token may read (`*`)",
    )
    service_addresses = Setting[Mapping[str, str]](
        "slug=URL, by comma",
        {},
        "Where services are called instead of at their vendor's address: a proxy, or a simulator (`hubspot=http://127.0.0.1:8123`).",
        ("api", "worker"),
        _addresses,
        "the vendors' addresses",
    )
    credits_per_execution = Setting[Decimal](
        "credits",
        Decimal(0),
        "What each node execution costs, whatever it does, besides what its action costs. Shown under the usage unit "
        "`orchestration.executions` only.",
        ("api", "worker"),
        _credits,
        "0",
    )
    action_costs = Setting[Mapping[str, prices.Costs]](
        "action=credits, by comma",
        {},
        "What actions cost instead of what they declare: `hunter.findEmail=1` for each success, `hunter.searchDomain=0.1/emails` for each "
        "item of what comes back, `people.search=5/10 people` for every ten begun. Calls with credentials of the connector are free.",
        ("api", "worker"),
        _prices,
        "what actions declare",
    )
    shared_accounts_file = _text(
        "A JSON file with the accounts of this installation, a config for each slug of an integration: a connector that is created without "
        "a config uses the one of its integration, and its calls cost credits.",
        ("api", "worker"),
        shown_default="no shared accounts",
    )
    captcha_url = _text(
        "Where captchas of public forms are verified, instead of at their provider.", ("api",), shown_default="the provider's URL"
    )

    smtp_host = _text("The mail server. Without it no e-mail is sent.", ("api", "worker"), shown_default="no e-mail")
    smtp_from = _text("The address that e-mails are from. Needed with CARGO_AI_SMTP_HOST.", ("api", "worker"))
    smtp_tls = Setting[SmtpSecurity](
        "starttls, tls or off",
        "starttls",
        "How the connection to the mail server is encrypted.",
        ("api", "worker"),
        _smtp_security,
        "starttls",
    )
    smtp_port = _integer(
        "The port of the mail server.", ("api", "worker"), 0, least=1, shown_default="587 for starttls, 465 for tls, 25 for off"
    )
    smtp_user = _text("The user to sign in to the mail server with.", ("api", "worker"), shown_default="no sign-in")
    smtp_password = _text("The password of that user.", ("api", "worker"))
    smtp_per_minute = _integer("How many e-mails nodes of one workspace may send in a minute.", ("worker",), 60, least=1)

    credit_price_cents = Setting[float](
        "cents",
        0,
        "What a credit costs, in cents: on invoices, and where credits are sold.",
        ("api", "worker"),
        lambda name, raw: _number(name, raw, 0),
        "0",
    )
    billing_currency = Setting[str](
        "currency",
        "usd",
        "The currency of invoices and of what is sold, by its three letters.",
        ("api", "worker"),
        _currency,
        "usd",
    )
    new_workspace_credits = Setting[float | None](
        "credits",
        None,
        "How many credits a new workspace is given, once; without more, work that costs credits is refused when they are used up.",
        ("server", "api"),
        lambda name, raw: _number(name, raw, 0),
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

    history_days = _integer(
        "How many days it is kept who changed which records, and what they were before: as long, imports and other changes can be undone.",
        ("api", "worker"),
        30,
        least=1,
    )
    history_records = _integer(
        "How many changed and removed records of one workspace are kept at most; beyond, the oldest are forgotten earlier.",
        ("worker",),
        5_000_000,
        least=1,
    )

    keep_removed_days = _integer(
        "How many days removed models, plays, tools, segments and connectors stay in the bin, from which they can be restored; "
        "0: they are removed for ever at once.",
        ("api", "worker"),
        30,
    )

    supervisor_pid = _integer(
        "The supervisor's process: an API or worker process ends when it is gone.",
        ("api", "worker"),
        0,
        shown_default="none",
        internal=True,
    )
    listen_fd = _integer("The file descriptor of the socket that the supervisor has bound.", ("api",), 3, internal=True)
    replaces_worker = _text("The uuid of the dead worker that this one replaces.", ("worker",), shown_default="none", internal=True)
    log_file = _text("The file that stderr goes to, under `server start --detach`.", ("server",), shown_default="none", internal=True)
    crash_at = _text("Named places at which a process kills itself.", ("worker",), shown_default="none", internal=True)
    no_fsync = _switch("Start the embedded database without durability.", ("server",), internal=True)
    loop_stall_milliseconds = _integer(
        "Log an error where the event loop is held up for longer than this, in CPU time.",
        ("api", "worker"),
        0,
        shown_default="off",
        internal=True,
    )
    strict_refusals = _switch("Fail where a handler refuses with a reason that its operation does not declare.", ("api",), internal=True)

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
