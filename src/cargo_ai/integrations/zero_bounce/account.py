"""Accounts of ZeroBounce: an API key and a region, proven by asking for the credits that are left, which costs none."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cargo_ai.integrations.kit import AccountSpec, ApiKey, Form, Verification

# ZeroBounce takes the key nowhere else than in the query.
API_KEY = ApiKey(query="api_key", description="In ZeroBounce: API > Keys & Info (https://www.zerobounce.net/members/API).")


class Region(Form):
    """Where addresses are processed."""

    region: Literal["default", "us", "eu"] = Field(
        default="default", title="Region", description="us: on servers in the United States; eu: in the European Union."
    )


ACCOUNT = AccountSpec(sign_ins=(API_KEY,), fields=Region, verification=Verification("/getcredits"))
