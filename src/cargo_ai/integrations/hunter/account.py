"""Accounts of Hunter: an API key, proven by the endpoint that says what is left of the plan and costs nothing."""

from __future__ import annotations

from cargo_ai.integrations.kit import AccountSpec, ApiKey, Verification

# Hunter also takes the key in the query; addresses end up in the logs of proxies, headers do not.
API_KEY = ApiKey(header="X-API-KEY", description="In Hunter: API (https://hunter.io/api-keys).")

ACCOUNT = AccountSpec(sign_ins=(API_KEY,), verification=Verification("/account"))
