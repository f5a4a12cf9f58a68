"""`cargo-ai login`: check a token with the server and save it."""

from __future__ import annotations

import re
import sys
from urllib.parse import parse_qs, urlsplit

from cargo_ai.cli import output
from cargo_ai.cli.builtin.account.whoami import identity
from cargo_ai.cli.client.api import Api
from cargo_ai.cli.client.transport import is_loopback
from cargo_ai.cli.configuration import credentials
from cargo_ai.cli.configuration.environment import variable
from cargo_ai.cli.configuration.settings import PROJECT_FILE, Settings, checked_token
from cargo_ai.cli.failure import DENIED, Failure, failure, usage
from cargo_ai.cli.formats.reply import Form

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cargo_ai.cli.arguments.parse import Parsed
    from cargo_ai.cli.shapes import Arg, Row

INVITATIONS = "/v1/invitations"
CODE = re.compile(r"[A-Za-z0-9_-]{8,200}")
HOW_TO = "Give one by --token, or sign in by --email, --oauth or --invitation. `cargo-ai server start` prints the first token."


def _foreign(flag: str) -> Arg:
    """What only other servers leave to the command line: known, so that the answer can say that it has no effect."""
    return {"wire": flag, "in": "cli", "type": "string", "flags": ["--" + flag], "hidden": True}


ROW: Row = {
    "words": ["login"],
    "summary": "Sign in with a token, an invitation, a code by e-mail or the server's provider.",
    "examples": [
        "cargo-ai login",
        "cargo-ai login --token $TOKEN",
        "cargo-ai login --token - < token.txt",
        "cargo-ai login --invitation 'https://cargo.example.com/v1/invitations?code=CODE'",
        "cargo-ai login --base-url https://cargo.example.com --token-file token.txt",
        "cargo-ai login --read-only --profile agent",
        "cargo-ai login --profile staging --base-url https://staging.example.com --token-file token.txt",
        "cargo-ai login --email ann@example.com",
        "cargo-ai login --email ann@example.com --code 12345678",
        "cargo-ai login --oauth",
    ],
    "args": [
        {
            "wire": "token",
            "in": "cli",
            "type": "string",
            "flags": ["--token"],
            "help": "The token; - reads it from standard input. You are asked for it where nothing else is given.",
        },
        {"wire": "token-file", "in": "cli", "type": "string", "flags": ["--token-file"], "help": "A file that holds the token."},
        {
            "wire": "invitation",
            "in": "cli",
            "type": "string",
            "flags": ["--invitation"],
            "help": "The link of an invitation, or its code; - reads it from standard input. It is used up.",
        },
        {
            "wire": "base-url",
            "in": "cli",
            "type": "string",
            "flags": ["--base-url"],
            "help": "The server. Default: the running one of the data folder, else http://127.0.0.1:8420.",
        },
        {
            "wire": "workspace-uuid",
            "in": "cli",
            "type": "string",
            "flags": ["--workspace-uuid"],
            "help": "The workspace that the token must belong to.",
        },
        {"wire": "email", "in": "cli", "type": "string", "flags": ["--email"], "help": "Have a code sent to this address."},
        {
            "wire": "code",
            "in": "cli",
            "type": "string",
            "flags": ["--code"],
            "help": "The code that was sent; - reads it from standard input.",
        },
        {"wire": "oauth", "in": "cli", "type": "boolean", "flags": ["--oauth"], "help": "Sign in at the server's provider, in a browser."},
        *(_foreign(flag) for flag in ("workspace-name", "client-id", "domain", "audience")),
        {
            "wire": "read-only",
            "in": "cli",
            "type": "boolean",
            "flags": ["--read-only"],
            "help": "Make a token that may only read, for a coding agent, and save it as --profile.",
        },
    ],
}


def run(parsed: Parsed) -> int:
    """Print the whoami document and save the token. Failure 4, with nothing saved, for a wrong token or workspace."""
    form = Form(parsed.options)
    ways = [flag for flag in ("email", "oauth", "invitation", "token", "token-file") if parsed.options.get(flag)]
    if len(ways) > 1:
        raise usage("conflictingFlags", f"Give one way to sign in, not {len(ways)}: {', '.join('--' + way for way in ways)}.")
    by_person = any(parsed.options.get(flag) for flag in ("email", "oauth", "code"))
    if parsed.options.get("read-only") and not by_person:
        from cargo_ai.cli.builtin.account import read_only

        return read_only.sign_in(parsed)
    account = sign_in(parsed)
    if account is not None:
        form.print(None, account)
    return 0


def sign_in(parsed: Parsed) -> dict[str, Any] | None:
    """Sign in as the options say and save the token: the whoami document. None: a code was sent, and what to run with it was printed."""
    if any(parsed.options.get(flag) for flag in ("email", "oauth", "code")):
        return _sign_in(parsed)
    invitation = parsed.options.get("invitation")
    if invitation is not None:
        return _accept(parsed, str(invitation))
    settings = Settings(parsed.options, parsed.stdin)
    # A folder's file may not choose where a token goes.
    if settings.base_from == PROJECT_FILE:
        settings.need_trusted_server()
    token_given = settings.token if settings.signed_by != credentials.path() else None
    token = token_given or _ask(settings)
    settings.workspace_uuid = settings.workspace_flag
    _warn_of_unused(parsed, settings, "a token is of one workspace, which it signs in to")
    try:
        account = identity(Api(settings, token))
    except Failure as refusal:
        if refusal.document.get("fix") == "cargo-ai login":
            del refusal.document["fix"]
        raise
    uuid = account["workspace"]["uuid"]
    if settings.workspace_flag and settings.workspace_flag != uuid:
        sentence = f"This token belongs to another workspace than {settings.workspace_flag}. Nothing was saved."
        raise failure(DENIED, "workspaceMismatch", sentence)
    credentials.save(settings.saved, settings.base_url, token, uuid, account["workspace"]["name"])
    _warn(settings)
    return account


def _sign_in(parsed: Parsed) -> dict[str, Any] | None:
    from cargo_ai.cli.builtin.account import sign_in

    settings = Settings(parsed.options, parsed.stdin)
    if settings.base_from == PROJECT_FILE:
        settings.need_trusted_server()
    _warn_of_unused(parsed, settings, "this server decides who comes in, and by which provider")
    settings.workspace_uuid = None
    answer = sign_in.by_provider(settings) if parsed.options.get("oauth") else sign_in.by_email(parsed, settings)
    return None if answer is None else _save(settings, answer)


def _warn_of_unused(parsed: Parsed, settings: Settings, why: str) -> None:
    for flag in ("workspace-name", "client-id", "domain", "audience"):
        if parsed.options.get(flag) and not settings.quiet:
            output.say(f"warning: --{flag} has no effect: {why}.")


def _save(settings: Settings, answer: dict[str, Any]) -> dict[str, Any]:
    """Save the token of an answer before anything else, for it is not given again."""
    token = checked_token(str(answer.get("token", "")), settings.base_url)
    settings.workspace_uuid = str(output.dig(answer, "workspace.uuid"))
    credentials.save(settings.saved, settings.base_url, token, settings.workspace_uuid, output.dig(answer, "workspace.name"))
    settings.signed_by = "login"
    _warn(settings)
    return identity(Api(settings, token))


def _accept(parsed: Parsed, invitation: str) -> dict[str, Any]:
    """Exchange an invitation for a token, and save that before anything else: the invitation cannot be used again."""
    options = parsed.options
    text = (parsed.stdin.read("--invitation") if invitation == "-" else invitation).strip()
    base_url, code = _read_invitation(text)
    if base_url and not options.get("base-url"):
        options["base-url"] = base_url
    settings = Settings(options, parsed.stdin)
    if settings.base_from == PROJECT_FILE:
        settings.need_trusted_server()
    # Never sent again by itself: after a lost answer it may have been used.
    answer = output.as_object(Api(settings, None).call("POST", INVITATIONS, document={"code": code}, once=True).check().document())
    return _save(settings, answer)


def _read_invitation(text: str) -> tuple[str | None, str]:
    """The server and the code of a link; of a bare code, only that. Failure (2) for anything else."""
    base_url, path, query = text.partition(INVITATIONS + "?")
    code = parse_qs(query).get("code", [""])[0] if path else text
    if not CODE.fullmatch(code) or (path and "://" not in base_url):
        example = f"https://cargo.example.com{INVITATIONS}?code=CODE"
        raise usage("invalidInvitation", f"This is neither the link of an invitation ({example}) nor its code: was all of it copied?")
    return (base_url if path else None), code


def _warn(settings: Settings) -> None:
    parts = urlsplit(settings.base_url)
    if parts.scheme == "http" and not is_loopback(parts.hostname or "") and not settings.quiet:
        output.say(f"warning: {settings.base_url} is not encrypted: anyone on the way can read the token. Use https.")
    if variable("CARGO_API_TOKEN") and not settings.saved.profile and settings.signed_by != "CARGO_API_TOKEN" and not settings.quiet:
        output.say("warning: CARGO_API_TOKEN is set and wins over the token just saved.")


def _ask(settings: Settings) -> str:
    if settings.no_input or not (output.is_terminal(sys.stdin) and output.is_terminal(sys.stderr)):
        raise usage("missingFlag", f"A token is needed. {HOW_TO}", "cargo-ai login --help")
    from getpass import getpass

    try:
        typed = getpass(f"Token for {settings.base_url}: ", stream=sys.stderr)
    except EOFError:
        typed = ""
    return checked_token(typed, "What was typed")
