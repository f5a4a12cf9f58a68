"""The rate limits of an API process, each with what a caller reads who is over it. All API processes of a server count together."""

from __future__ import annotations

from cargo_ai.kernel.settings import Settings
from cargo_ai.server.api.rate_limits.rate_limit import Flow, RateLimit, Share, alone

LOGINS_PER_MINUTE = 20
WRONG_CODES_PER_MINUTE = 20
WRONG_INVITATIONS_PER_MINUTE = 20
FORMS_PER_MINUTE = 20


class Limits:
    """All of them, made at once: each hears from the beginning what other processes count."""

    def __init__(self, settings: Settings, share: Share = alone) -> None:
        self.tokens = Flow("tokens", "This token sends too many requests (CARGO_AI_TOKEN_REQUESTS_PER_MINUTE).", share)
        self.addresses = Flow("addresses", "Too many requests come from this address (CARGO_AI_ADDRESS_REQUESTS_PER_MINUTE).", share)
        self.hooks = Flow("hooks", "This hook receives too much at present. Send it again later.", share)
        self.wrong_tokens = RateLimit(
            "wrongTokens", settings.wrong_tokens_per_minute, "Too many wrong tokens from here: wait a minute.", share
        )
        self.logins_begun = RateLimit("loginsBegun", LOGINS_PER_MINUTE, "Too many sign-ins were begun from here: wait a minute.", share)
        self.wrong_codes = RateLimit("wrongCodes", WRONG_CODES_PER_MINUTE, "Too many wrong codes from here: wait a minute.", share)
        self.wrong_invitations = RateLimit(
            "wrongInvitations", WRONG_INVITATIONS_PER_MINUTE, "Too many wrong invitations from here: wait a minute.", share
        )
        self.sent_forms = RateLimit("sentForms", FORMS_PER_MINUTE, "Too many forms from here: wait a moment.", share)
        most = settings.mcp_requests_per_minute
        self.mcp = RateLimit("mcp", most, f"This token has sent {most} requests over MCP within a minute. Wait, and send fewer.", share)
