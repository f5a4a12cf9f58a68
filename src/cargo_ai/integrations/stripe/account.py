"""Accounts of Stripe: a secret or restricted key, proven by reading one customer."""

from __future__ import annotations

from cargo_ai.integrations.kit import AccountSpec, Bearer, Verification

API_KEY = Bearer(
    kind="apiKey",
    title="API key",
    field="apiKey",
    description="A restricted key (rk_…) that may read what you use, or the secret key (sk_…): Developers > API keys.",
)

ACCOUNT = AccountSpec(sign_ins=(API_KEY,), verification=Verification("/customers?limit=1"))
