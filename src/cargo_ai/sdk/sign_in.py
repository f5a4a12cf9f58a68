"""Signing in of the Python client: server, token and workspace from arguments, environment, project file and profile, as the command line.

It reads them through the command line's own settings, so that both always agree.
"""

from __future__ import annotations

from typing import Any

from cargo_ai.cli.arguments.value import Stdin
from cargo_ai.cli.configuration import settings as command_line
from cargo_ai.cli.failure import DENIED, Failure
from cargo_ai.sdk.errors import refused
from cargo_ai.sdk.exchange import Settings


def settings(
    token: str | None, base_url: str | None, workspace_uuid: str | None, profile: str | None, timeout: float, retry_seconds: float
) -> Settings:
    """The settings of a client. NotSignedIn without a token for the server; ValueError for an argument or file that is not valid."""
    if token == "-":  # noqa: S105
        raise ValueError('token="-" would read standard input, which only the command line does. Give the token itself.')
    options: dict[str, Any] = {"token": token, "base-url": base_url, "workspace-uuid": workspace_uuid, "profile": profile}
    try:
        known = command_line.Settings(options, Stdin())
        return Settings(known.need_token(), known.base_url, known.workspace_uuid, timeout, retry_seconds)
    except Failure as failed:
        document = failed.document
        sentence = str(document.get("errorMessage", "You are not signed in."))
        if failed.code != DENIED:
            raise ValueError(sentence) from None
        details = {"fix": document["fix"]} if "fix" in document else {}
        raise refused(401, str(document.get("reason", "notSignedIn")), sentence, details) from None
