"""Ways to sign in without a token: a code by e-mail, or an account at the server's OpenID provider."""

from __future__ import annotations

import sys
import time

from cargo_ai.cli import output
from cargo_ai.cli.client.api import Api
from cargo_ai.cli.failure import UNFINISHED, failure, shell_line, usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cargo_ai.cli.arguments.parse import Parsed
    from cargo_ai.cli.configuration.settings import Settings

EMAIL, CODE, DEVICES, DEVICE_TOKEN = "/v1/login/email", "/v1/login/email/code", "/v1/login/devices", "/v1/login/devices/token"


def by_email(parsed: Parsed, settings: Settings) -> dict[str, Any] | None:
    """The server's answer with a token; None after a code was sent when there is no terminal to ask for it on."""
    options = parsed.options
    email, code = str(options.get("email") or ""), options.get("code")
    if not email:
        raise usage("missingFlag", "--code needs the address that it was sent to: --email.", "cargo-ai login --help")
    api = Api(settings, None)
    if code is None:
        sent = output.as_object(api.call("POST", EMAIL, document={"email": email}, once=True).check().document())
        again = shell_line(["login", *settings.again, "--email", email, "--code", "CODE"])
        if settings.no_input or not (output.is_terminal(sys.stdin) and output.is_terminal(sys.stderr)):
            output.print_document({**sent, "fix": again})
            return None
        output.say(f"If {email} may sign in to {settings.base_url}, a code is on its way there.")
        sys.stderr.write("Code: ")
        sys.stderr.flush()
        code = sys.stdin.readline()
    text = (parsed.stdin.read("--code") if code == "-" else str(code)).strip()
    document = {"email": email, "code": text, "workspaceUuid": settings.workspace_flag}
    return output.as_object(api.call("POST", CODE, document=document, once=True).check().document())


def by_provider(settings: Settings) -> dict[str, Any]:
    """Show where to sign in, and wait until the person has: the server's answer with a token. Failure (8) after --timeout."""
    api = Api(settings, None)
    begun = output.as_object(api.call("POST", DEVICES, document={}).check().document())
    output.say(f"Open {begun.get('verificationUriComplete')} in a browser, on any machine, and compare the code: {begun.get('userCode')}")
    deadline = api.started + (settings.timeout or float(begun.get("expiresIn", 600)))
    document = {"deviceCode": begun.get("deviceCode"), "workspaceUuid": settings.workspace_flag}
    while True:
        answer = output.as_object(api.call("POST", DEVICE_TOKEN, document=document, once=True).check().document())
        if answer.get("token"):
            return answer
        if time.monotonic() > deadline:
            again = shell_line(["login", *settings.again, "--oauth"])
            raise failure(UNFINISHED, "timeout", "No one signed in there in time.", again)
        time.sleep(float(begun.get("interval", 2)))
