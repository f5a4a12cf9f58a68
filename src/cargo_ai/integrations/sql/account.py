"""Accounts of databases: where one is, who signs in, and how the way is protected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from cargo_ai.integrations.kit import AccountSpec, Answer, Form, Login, Service, Verification, secret_field, ui
from cargo_ai.integrations.sql.connections import transact
from cargo_ai.integrations.sql.statement import Dialect

Json = Any


class DatabaseFields(Form):
    """Where a database is."""

    host: str = Field(title="Host", pattern=r"^[A-Za-z0-9._:-]+$")
    database: str = Field(title="Database", min_length=1)
    tls: Literal["verify", "encrypt", "off"] = Field(
        default="verify",
        title="TLS",
        description="verify: the certificate has to be valid for the host; encrypt: any certificate; off: for networks of your own.",
    )


class PostgresqlFields(DatabaseFields):
    """Where a PostgreSQL database is."""

    port: int = Field(default=5432, title="Port", ge=1, le=65535)


class SqlFields(DatabaseFields):
    """Where a database is, and of which kind it is."""

    dialect: Literal["postgresql", "mysql"] = Field(title="Kind", description="mysql: also MariaDB.", json_schema_extra=ui(widget="radio"))
    port: int | None = Field(default=None, title="Port", description="By default 5432, and 3306 for MySQL.", ge=1, le=65535)


class _LoginForm(Form):
    user: str = Field(title="User", min_length=1)
    password: str = secret_field("Password", optional=True)


class _SelectOne(Verification):
    async def verify(self, service: Service) -> Answer:
        """Sign in and read one value."""
        (rows,) = await transact(service, [("SELECT 1 AS one", {})], read_only=True, limit=1)
        return Answer(200, {}, rows.rows)


def account_of(fields: type[DatabaseFields]) -> AccountSpec:
    """The account of a database with these fields."""
    return AccountSpec(
        sign_ins=(Login(entered=_LoginForm),), fields=fields, verification=_SelectOne(""), bound_to=("host", "port", "database", "dialect")
    )


def dialect_of(config: Mapping[str, Json]) -> Dialect:
    """Which kind of database an account is of; accounts of `postgresql` say nothing."""
    return "mysql" if config.get("dialect") == "mysql" else "postgresql"
