"""Accounts of Snowflake: a user's key pair or access token, and where statements run; proven by a statement that reads nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from cargo_ai.integrations.kit import AccountSpec, Answer, Bearer, Credentials, Form, InvalidConfig, Service, Verification
from cargo_ai.integrations.snowflake.key_pair import KeyPair

Json = Any
STATEMENTS = "/api/v2/statements"
_ACCOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{1,200}")
# Tokens go to this host: in clear only on this machine, where a simulator may be.
_HOST = re.compile(r"(?:(?:https://)?[A-Za-z0-9][A-Za-z0-9.-]*|http://(?:127\.0\.0\.1|localhost))(?::[0-9]{1,5})?")
_SUFFIX = ".snowflakecomputing.com"


@dataclass(frozen=True, kw_only=True)
class AccessToken(Bearer):
    """A programmatic access token of a user."""

    async def credentials(self, config: Mapping[str, Json], *, refresh: bool = False) -> Credentials:
        """The token, and of which kind it is."""
        credentials = await Bearer.credentials(self, config, refresh=refresh)
        return Credentials(headers={**credentials.headers, "x-snowflake-authorization-token-type": "PROGRAMMATIC_ACCESS_TOKEN"})


def _name_field(title: str, description: str) -> Any:
    return Field(default="", title=title, description=description, max_length=255)


class Session(Form):
    """The account, and where statements run."""

    account: str = Field(
        title="Account",
        description="The account identifier: ORG-ACCOUNT, or a locator such as xy12345.eu-central-1.",
        min_length=2,
        max_length=255,
    )
    host: str = _name_field("Host", "Of a private link; by default ACCOUNT.snowflakecomputing.com.")
    warehouse: str = _name_field("Warehouse", "Which computes; by default the user's.")
    database: str = _name_field("Database", "For names without one; by default the user's.")
    schema_: str = Field(default="", alias="schema", title="Schema", description="For names without one.", max_length=255)
    role: str = _name_field("Role", "By default the user's.")


def address(config: Mapping[str, Json]) -> str:
    """Where the account is. InvalidConfig for another text."""
    host = str(config.get("host") or "").strip().rstrip("/")
    if host:
        if not _HOST.fullmatch(host):
            raise InvalidConfig("`host` must be like abc.privatelink.snowflakecomputing.com, by https and without a path.")
        return host if "://" in host else f"https://{host}"
    account = str(config.get("account") or "").strip()
    if not _ACCOUNT.fullmatch(account) or account.lower().endswith(_SUFFIX):
        raise InvalidConfig("`account` must be an account identifier such as ORG-ACCOUNT; an address goes into `host`.")
    return f"https://{account.lower().replace('_', '-')}{_SUFFIX}"


def session_of(config: Mapping[str, Json]) -> dict[str, Json]:
    """Where statements run, as a request says it."""
    return {name: value for name in ("warehouse", "database", "schema", "role") if (value := str(config.get(name) or "").strip())}


@dataclass(frozen=True, slots=True)
class _Proof(Verification):
    """A statement that needs no warehouse."""

    async def verify(self, service: Service) -> Answer | None:
        """What Snowflake says of the user. ServiceError, in its words, where the account cannot be used."""
        config: Mapping[str, Json] = {} if service.account is None else service.account.config
        body = {"statement": "SELECT CURRENT_USER()", "timeout": 30, **session_of(config)}
        return await service.post(STATEMENTS, json=body, reads=True)


ACCOUNT = AccountSpec(
    sign_ins=(KeyPair(), AccessToken(kind="accessToken", title="Programmatic access token", field="accessToken")),
    fields=Session,
    verification=_Proof(STATEMENTS, "POST"),
    bound_to=("account", "host"),
)
