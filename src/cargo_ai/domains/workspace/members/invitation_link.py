"""Links of invitations: their address, the command that accepts one, and which rows are open."""

from __future__ import annotations

import shlex

from sqlalchemy import ColumnElement

from cargo_ai.domains.workspace.tables import Invitation

PATH = "/v1/invitations"
OPEN: ColumnElement[bool] = Invitation.accepted_at.is_(None) & Invitation.revoked_at.is_(None)
"""Neither accepted nor revoked; it may have expired."""


def link_of(base_url: str, code: str) -> str:
    """The address that is opened or given to `login --invitation`."""
    return f"{base_url}{PATH}?code={code}"


def command_of(link: str) -> str:
    """What the invited person types."""
    return f"cargo-ai login --invitation {shlex.quote(link)}"
