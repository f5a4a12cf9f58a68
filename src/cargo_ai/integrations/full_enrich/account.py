"""Accounts of FullEnrich: an API key, proven by the endpoint that is made for it and costs nothing."""

from __future__ import annotations

from cargo_ai.integrations.kit import AccountSpec, ApiKey, Verification

API_KEY = ApiKey(header="authorization", prefix="Bearer ", description="In FullEnrich: API (https://app.fullenrich.com/app/api).")

ACCOUNT = AccountSpec(sign_ins=(API_KEY,), verification=Verification("/account/keys/verify"))
