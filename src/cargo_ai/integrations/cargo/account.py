"""Accounts of Cargo's own data: which connector of another service answers; without one, the first that the workspace has."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cargo_ai.integrations.kit import AccountSpec, Anonymous, Form


class Answering(Form):
    """Who answers."""

    provider: Literal["", "peopleDataLabs", "apolloio"] = Field(
        default="", title="Answered by", description="The service that answers; by default the first of these that the workspace has."
    )
    connector_uuid: str = Field(
        default="",
        title="Connector",
        description="The connector of that service; by default its default one.",
        max_length=36,
        pattern="^([0-9a-fA-F-]{36})?$",
    )


ACCOUNT = AccountSpec(sign_ins=(Anonymous(),), fields=Answering, required=False)
