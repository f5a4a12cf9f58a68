"""Seal everything that is sealed in the database again, with the present key: in bounded steps, each a transaction, none needed twice."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import psycopg
from psycopg import sql
from psycopg.types.json import Json

from cargo_ai.kernel.secrets import SecretKey, WrongKey

STEP_ROWS = 500

SEALED_COLUMNS: tuple[tuple[str, str], ...] = (
    ("connectors", "sealed_config"),
    ("connector_grants", "sealed_tokens"),
    ("oauth_consents", "sealed"),
    ("custom_integrations", "sealed_secret"),
    ("tools", "sealed_captcha_secret"),
    ("webhooks", "sealed"),
    ("workspace_users", "web_extension_sealed"),
    ("invitations", "sealed_code"),
    ("login_codes", "sealed_code"),
    ("device_logins", "sealed_verifier"),
    ("idempotency_keys", "reply"),
    # The last: it says with which key a server may start.
    ("installation", "sealed_probe"),
)
SEALED_DOCUMENTS: tuple[tuple[str, str], ...] = (("agent_releases", "parts"), ("messages", "given"))
"""JSON with the sealed tokens of MCP servers in it."""
SEALED_TOKENS = ("accessToken", "refreshToken", "clientSecret")


@dataclass(slots=True)
class Resealed:
    """How many values were sealed again, how many were already, and how many neither key opens (they could not be read before either)."""

    sealed: int = 0
    already: int = 0
    unreadable: int = 0


def reseal(connection: psycopg.Connection[Any], key: SecretKey) -> Resealed:
    """Seal with `key` what its former keys have sealed. The connection commits by itself. Memory: one step."""
    counts = Resealed()
    for table, column in SEALED_DOCUMENTS:
        for _ in _steps(connection, table, column, lambda value: _resealed_document(key, value, counts), "mcpClients"):
            pass
    for table, column in SEALED_COLUMNS:
        for _ in _steps(connection, table, column, lambda value: _resealed(key, bytes(value), counts)):
            pass
    return counts


def _steps(
    connection: psycopg.Connection[Any], table: str, column: str, change: Callable[[Any], object | None], holding: str = ""
) -> Iterator[int]:
    """Change the values of a column, a step at a time, in the order of the table's key."""
    names = _key_of(connection, table)
    keys, last = sql.SQL(", ").join(map(sql.Identifier, names)), None
    chosen = sql.SQL("{c} is not null").format(c=sql.Identifier(column))
    if holding:
        chosen = sql.SQL("{} and strpos({}::text, {}) > 0").format(chosen, sql.Identifier(column), sql.Literal(holding))
    places = sql.SQL(", ").join(sql.Placeholder() * len(names))
    while True:
        after = sql.SQL(" and ({}) > ({})").format(keys, places) if last is not None else sql.SQL("")
        read = sql.SQL("select {}, {} from {} where {}{} order by {} limit {} for no key update").format(
            keys, sql.Identifier(column), sql.Identifier(table), chosen, after, keys, sql.Literal(STEP_ROWS)
        )
        write = sql.SQL("update {} set {} = %s where ({}) = ({})").format(sql.Identifier(table), sql.Identifier(column), keys, places)
        with connection.transaction():
            rows: list[tuple[Any, ...]] = connection.execute(read, list(last or ())).fetchall()
            for *identity, value in rows:
                changed = change(value)
                if changed is not None:
                    connection.execute(write, [changed, *identity])
        if not rows:
            return
        last = rows[-1][:-1]
        yield len(rows)


def _key_of(connection: psycopg.Connection[Any], table: str) -> Sequence[str]:
    query = (
        "select a.attname from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)"
        " where i.indrelid = %s::regclass and i.indisprimary order by array_position(i.indkey::int2[], a.attnum)"
    )
    return [str(row[0]) for row in connection.execute(query, [table]).fetchall()]


def _resealed(key: SecretKey, value: bytes, counts: Resealed) -> bytes | None:
    """The value sealed with the present key; None where it is, or where no key opens it."""
    if key.seals(value):
        counts.already += 1
        return None
    try:
        plain = key.open(value)
    except WrongKey:
        counts.unreadable += 1
        return None
    counts.sealed += 1
    return key.seal(plain)


def _resealed_document(key: SecretKey, document: Any, counts: Resealed) -> Json | None:
    changed = False
    for client in cast("list[dict[str, Any]]", document.get("mcpClients") or []):
        authentication = cast("dict[str, Any]", client.get("authentication") or {})
        for name in SEALED_TOKENS:
            text = authentication.get(name)
            value = _resealed(key, base64.b64decode(str(text)), counts) if text else None
            if value is not None:
                authentication[name] = base64.b64encode(value).decode()
                changed = True
    return Json(document) if changed else None
