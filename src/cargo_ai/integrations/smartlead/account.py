"""Accounts of Smartlead: an API key, proven by reading the campaigns."""

from __future__ import annotations

from cargo_ai.integrations.kit import AccountSpec, ApiKey, Verification

# Smartlead takes the key nowhere else than in the query.
API_KEY = ApiKey(query="api_key", description="In Smartlead: Settings > API Keys.")

ACCOUNT = AccountSpec(sign_ins=(API_KEY,), verification=Verification("/campaigns"))
