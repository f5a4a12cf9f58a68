"""How Snowflake is called: its address, what its errors mean, and how it asks to wait."""

from __future__ import annotations

from cargo_ai.integrations.kit import ErrorRule, ServiceSpec
from cargo_ai.integrations.snowflake.account import address

MAX_BYTES = 16 * 1024 * 1024
"""Of one partition of a result; how large they are, Snowflake decides."""

ERRORS = (
    ErrorRule(
        "refresh_then_retry",
        status=401,
        message="The sign-in is not accepted: check `account` and `user`, and that the user has the public key "
        "(ALTER USER … SET RSA_PUBLIC_KEY). Snowflake says: {said}",
        reason="unauthorized",
    ),
    ErrorRule(
        "fail",
        status=403,
        message="The user may not sign in from here, or lacks a role: look at network policies. {said}",
        reason="forbidden",
    ),
    ErrorRule(
        "fail", status=408, message="The statement took longer than `timeoutSeconds`, and was cancelled: {said}", reason="statementTimeout"
    ),
    # Others hold the table's lock; the statement has done nothing.
    ErrorRule("wait", status=422, path="code", text="^000625$", message="The table is locked: {said}", reason="locked", seconds=5.0),
)

# Snowflake publishes no limit of calls; too many are answered with 429.
SERVICE = ServiceSpec(base_url=address, errors=ERRORS, timeout=60.0, most_bytes=MAX_BYTES)
