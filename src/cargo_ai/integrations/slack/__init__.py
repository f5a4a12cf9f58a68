"""Slack: messages to channels and people, channels, and the people of a workspace."""

from __future__ import annotations

from importlib.resources import files

from cargo_ai.integrations.kit import Integration
from cargo_ai.integrations.slack.account import ACCOUNT
from cargo_ai.integrations.slack.actions import create_channel, find_user, invite_to_channel, send_message, update_message
from cargo_ai.integrations.slack.choices import AUTOCOMPLETES
from cargo_ai.integrations.slack.client import SERVICE

_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round">'
    '<path d="M9 3v12M15 9v12M3 9h12M9 15h12"/></svg>'
)

INTEGRATION = Integration(
    slug="slack",
    name="Slack",
    description="Sends and changes messages, finds people, makes channels and invites to them.",
    icon=_ICON,
    color="#4a154b",
    url="https://slack.com",
    category="engagement",
    account=ACCOUNT,
    service=SERVICE,
    actions=(
        send_message.ACTION,
        update_message.ACTION,
        find_user.ACTION,
        create_channel.ACTION,
        invite_to_channel.ACTION,
    ),
    autocompletes=AUTOCOMPLETES,
    documentation=files(__name__).joinpath("documentation.md").read_text("utf-8"),
)
