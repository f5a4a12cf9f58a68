"""Accounts of Slack: the bot token of an app that is installed in a workspace."""

from __future__ import annotations

from cargo_ai.integrations.kit import AccountSpec, Bearer, Verification

BOT_TOKEN = Bearer(
    kind="botToken",
    title="Bot token",
    field="botToken",
    description="Begins with xoxb-. In the settings of your Slack app: OAuth & Permissions > Bot User OAuth Token.",
)

ACCOUNT = AccountSpec(sign_ins=(BOT_TOKEN,), verification=Verification("/auth.test", "POST"))
