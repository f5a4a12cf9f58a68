"""A rotation of the secret key: everything that is sealed is sealed with the new key, also after a kill, and both are good meanwhile."""

from __future__ import annotations

import base64
import json
from typing import Any

import psycopg
import pytest
from sqlalchemy import LargeBinary

from cargo_ai.kernel import ids
from cargo_ai.kernel.secrets import SecretKey, WrongKey
from cargo_ai.server.key_rotation import reseal
from cargo_ai.store.rows import Row
from tests.unit.store.test_migrate import load_every_table

NOT_SEALED = {"digest", "config_hash"}
FORMER = SecretKey(b"f" * 32)
NEW_BYTES = b"n" * 32
BOTH = SecretKey(NEW_BYTES, FORMER)
NEW = SecretKey(NEW_BYTES)


class Dies(SecretKey):
    """A key whose process ends at the third value."""

    seals_left = 2

    def seal(self, plain: bytes) -> bytes:
        self.seals_left -= 1
        if self.seals_left < 0:
            raise KeyboardInterrupt
        return super().seal(plain)


def replies(connection: psycopg.Connection[Any]) -> list[bytes]:
    return [bytes(row[0]) for row in connection.execute("select reply from idempotency_keys order by key").fetchall()]


def fill(connection: psycopg.Connection[Any], count: int) -> None:
    token = ids.new()
    for number in range(count):
        connection.execute(
            "insert into idempotency_keys (token_uuid, key, request_hash, reply, at) values (%s, %s, 'h', %s, now())",
            [token, f"{number:03}", FORMER.seal(f"reply {number}".encode())],
        )
    connection.execute(
        "insert into installation (id, sealed_probe, created_at) values (%s, %s, now())", [ids.new(), FORMER.seal(b"cargo-ai probe")]
    )


def test_every_column_of_bytes_is_sealed_again_or_known_not_to_be_sealed() -> None:
    load_every_table()
    columns = {
        (table.name, column.name)
        for table in Row.metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, LargeBinary) and column.name not in NOT_SEALED
    }
    assert columns == set(reseal.SEALED_COLUMNS)


def test_everything_is_sealed_with_the_new_key_and_again_changes_nothing(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        fill(connection, 5)
        assert reseal.reseal(connection, BOTH) == reseal.Resealed(sealed=6)
        assert [NEW.open(reply) for reply in replies(connection)] == [f"reply {number}".encode() for number in range(5)]
        assert reseal.reseal(connection, BOTH) == reseal.Resealed(already=6)


def test_a_rotation_that_was_killed_leaves_all_readable_by_both_keys_and_goes_on(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reseal, "STEP_ROWS", 2)
    with psycopg.connect(database_url, autocommit=True) as connection:
        fill(connection, 5)
        with pytest.raises(KeyboardInterrupt):
            reseal.reseal(connection, Dies(NEW_BYTES, FORMER))
        assert [NEW.seals(reply) for reply in replies(connection)] == [True, True, False, False, False]
        assert all(BOTH.open(reply).startswith(b"reply") for reply in replies(connection))
        assert reseal.reseal(connection, BOTH) == reseal.Resealed(sealed=4, already=2)
        assert all(NEW.seals(reply) for reply in replies(connection))


def test_what_no_key_opens_is_counted_and_left(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        fill(connection, 1)
        stray = SecretKey(b"s" * 32).seal(b"?")
        connection.execute("update idempotency_keys set reply = %s", [stray])
        assert reseal.reseal(connection, BOTH) == reseal.Resealed(sealed=1, unreadable=1)
        assert replies(connection) == [stray]


def test_the_tokens_of_mcp_servers_in_documents_are_sealed_again(database_url: str) -> None:
    sealed = base64.b64encode(FORMER.seal(b"token")).decode()
    document = {"mcpClients": [{"name": "a", "authentication": {"accessToken": sealed, "kind": "bearer"}}, {"name": "b"}], "other": 1}
    with psycopg.connect(database_url, autocommit=True) as connection:
        for (name,) in connection.execute(
            "select conname from pg_constraint where conrelid = 'agent_releases'::regclass and contype = 'f'"
        ).fetchall():
            connection.execute(f"alter table agent_releases drop constraint {name}".encode())
        columns = connection.execute(
            "select column_name, data_type from information_schema.columns where table_name = 'agent_releases' and is_nullable = 'NO'"
            " and column_default is null"
        ).fetchall()
        filled: dict[str, Any] = {"uuid": ids.new(), "timestamp with time zone": "now", "text": "draft", "jsonb": "{}", "json": "{}"}
        values = [json.dumps(document) if name == "parts" else filled[kind] for name, kind in columns]
        names = ", ".join(name for name, _ in columns)
        places = ", ".join("%s" for _ in columns)
        connection.execute(f"insert into agent_releases ({names}) values ({places})".encode(), values)
        assert reseal.reseal(connection, BOTH).sealed == 1
        row = connection.execute("select parts from agent_releases").fetchone()
    assert row is not None
    text = row[0]["mcpClients"][0]["authentication"].pop("accessToken")
    assert NEW.open(base64.b64decode(text)) == b"token"
    assert row[0] == {"mcpClients": [{"name": "a", "authentication": {"kind": "bearer"}}, {"name": "b"}], "other": 1}


def test_the_former_key_opens_and_verifies_until_it_is_taken_away() -> None:
    sealed, signature = FORMER.seal(b"secret"), FORMER.sign("a", "b")
    assert BOTH.open(sealed) == b"secret" and BOTH.verify(signature, "a", "b")
    assert not NEW.verify(signature, "a", "b")
    with pytest.raises(WrongKey):
        NEW.open(sealed)
