"""`cargo-ai doctor`: check what a working installation needs and say how to fix what is missing."""

from __future__ import annotations

import os
import sys

from cargo_ai import __version__
from cargo_ai.cli import output
from cargo_ai.cli.builtin.account.whoami import identity
from cargo_ai.cli.client.api import Api, Response
from cargo_ai.cli.configuration import credentials
from cargo_ai.cli.configuration.settings import Settings
from cargo_ai.cli.failure import DENIED, DONE, FAILED, LATER, Failure
from cargo_ai.cli.formats.reply import Form

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cargo_ai.cli.arguments.parse import Parsed
    from cargo_ai.cli.shapes import Row

ROW: Row = {
    "words": ["doctor"],
    "summary": "Check this installation, the server and the sign-in; one JSON document.",
    "examples": ["cargo-ai doctor"],
    "args": [],
}
SEVERITY = (DONE, FAILED, DENIED, LATER)  # mildest first

_HARDENING: dict[bool, tuple[str, str | None]] = {
    True: ("the logins that run users' SQL reach nothing but their models", None),
    False: (
        "the logins that run users' SQL may call functions and read catalogs of PostgreSQL; the check of each query still refuses it",
        "As a superuser: psql -d DATABASE -c \"SET cargo_ai.owner = 'LOGIN_OF_THE_SERVER'\" -f cargo_ai/store/embedded/harden.sql "
        "(a file of the installed package)",
    ),
}


class Checks:
    """The checks so far and the exit code that follows from them."""

    def __init__(self) -> None:
        self.list: list[dict[str, Any]] = []
        self.code = DONE

    def add(self, name: str, ok: bool, detail: str, fix: str | None = None, code: int = FAILED) -> bool:
        """Add one check; whether it passed."""
        self.list.append({"name": name, "ok": ok, "detail": detail, **({"fix": fix} if fix and not ok else {})})
        if not ok and SEVERITY.index(code) > SEVERITY.index(self.code):
            self.code = code
        return ok


def run(parsed: Parsed) -> int:
    """Print `{ok, version, baseUrl, checks}`; exit code of the worst check."""
    form = Form(parsed.options)
    settings = Settings(parsed.options, parsed.stdin)
    checks = Checks()
    version = ".".join(str(part) for part in sys.version_info[:3])
    checks.add("python", sys.version_info >= (3, 11), f"Python {version}", "Install Python 3.11 or newer.")
    _credentials(checks, settings)
    if _server(checks, settings):
        _sign_in(checks, settings)
    document = {"ok": checks.code == DONE, "version": {"installed": __version__}, "baseUrl": settings.base_url, "checks": checks.list}
    form.print(None, document)
    return checks.code


def _credentials(checks: Checks, settings: Settings) -> None:
    file = credentials.path()
    if settings.saved.problem:
        checks.add("credentials", False, settings.saved.problem, f"Remove {file}, then: cargo-ai login", DENIED)
    elif not os.path.exists(file):
        source = f"the token comes from {settings.signed_by}" if settings.token else "no one signed in yet"
        checks.add("credentials", True, f"{file} does not exist: {source}")
    else:
        mode = os.stat(file).st_mode & 0o777
        private = os.name != "posix" or not mode & 0o077
        checks.add("credentials", private, f"{file}, mode {mode:04o}", f"chmod 600 {file}")


def _probe(api: Api, path: str) -> Response | Failure:
    try:
        return api.call("GET", path, seconds=10.0, once=True)
    except Failure as no_answer:
        return no_answer


def _server(checks: Checks, settings: Settings) -> bool:
    """Check that the server answers, is ready and has our version. False when nothing answers."""
    api = Api(settings, None)
    health = _probe(api, "/healthz")
    if isinstance(health, Failure):
        return checks.add("server", False, str(health), health.document.get("fix"), health.code if health.code in SEVERITY else LATER)
    if health.status != 200:
        detail = f"{settings.base_url}/healthz answered {health.status} {health.phrase}"
        return checks.add("server", False, detail, "cargo-ai server start", LATER)
    checks.add("server", True, f"{settings.base_url} answers")
    ready = _probe(api, "/readyz")
    if isinstance(ready, Failure):
        checks.add("ready", False, str(ready), "cargo-ai server status", LATER)
    else:
        report = output.as_object(_json(ready))
        fix = report.get("fix")
        checks.add(
            "ready",
            ready.status == 200,
            _ready_detail(ready),
            output.clean(fix) if isinstance(fix, str) else "cargo-ai server status",
            LATER,
        )
        _database(checks, report)
    theirs = output.dig(_json(health), "version")
    if isinstance(theirs, str):
        fix = f"Install the same version on both sides: pip install 'cargo-ai=={output.clean(theirs)}'"
        checks.add("version", theirs == __version__, f"server {output.clean(theirs)}, this command {__version__}", fix)
    return True


def _database(checks: Checks, report: dict[str, Any]) -> None:
    """Check the database and the workers, as far as the server reports them."""
    postgres = output.as_object(report.get("postgres"))
    if postgres:
        extensions = postgres.get("extensions")
        names = ", ".join(output.clean(str(name)) for name in extensions) if output.is_list(extensions) else "unknown"
        checks.add("database", True, f"PostgreSQL {output.clean(str(postgres.get('version')))}, extensions: {names}")
        if isinstance(postgres.get("hardened"), bool):
            checks.add("sqlLogins", postgres["hardened"] is True, *_HARDENING[postgres["hardened"] is True])
    migrations = output.as_object(report.get("migrations"))
    if migrations:
        current, needed = (output.clean(str(migrations.get(name))) for name in ("current", "needed"))
        checks.add("schema", current == needed, f"{current}, needed {needed}", "cargo-ai server migrate")
    workers = report.get("workers")
    if isinstance(workers, int):
        detail = f"{workers} at work" if workers else "none: new work stays pending"
        checks.add("workers", workers > 0, detail, "cargo-ai server start", LATER)
    _email(checks, report.get("email"))


def _email(checks: Checks, status: Any) -> None:
    """Whether the server can send e-mail, which it need not; a setting that cannot be used is a fault."""
    if status == "configured":
        checks.add("email", True, "configured: sendEmail nodes and e-mails to reviewers go out")
    elif status == "notConfigured":
        checks.add("email", True, "not configured: sendEmail nodes fail until the server has CARGO_AI_SMTP_HOST and CARGO_AI_SMTP_FROM")
    elif isinstance(status, str):
        checks.add("email", False, output.clean(status), "Set it right in the server's environment and start it again.")


def _json(answer: Response) -> Any:
    try:
        return answer.document()
    except Failure:
        return {}


def _ready_detail(answer: Response) -> str:
    """`ready`, or what the server reports as missing."""
    report = output.as_object(_json(answer))
    detail = report.get("errorMessage") or report.get("detail")
    if not detail:
        parts = [f"{name}: {value}" for name, value in report.items() if isinstance(value, (str, bool, int))]
        detail = ", ".join(parts)
    return output.clean(str(detail)) if detail else ("ready" if answer.status == 200 else f"answered {answer.status} {answer.phrase}")


def _sign_in(checks: Checks, settings: Settings) -> None:
    try:
        account = identity(Api(settings, settings.need_token()))
    except Failure as refusal:
        code = refusal.code if refusal.code in SEVERITY else FAILED
        checks.add("signedIn", False, str(refusal), refusal.document.get("fix"), code)
        return
    checks.add("signedIn", True, f"{output.dig(account, 'user.email')}, token from {settings.signed_by}")
    uuid, name = output.dig(account, "workspace.uuid"), output.dig(account, "workspace.name")
    fits = settings.workspace_uuid in (None, uuid)
    detail = f"{name} ({uuid})" if fits else f"{settings.workspace_uuid} is asked for, {uuid} answers"
    checks.add("workspace", fits, detail, "cargo-ai login", DENIED)
