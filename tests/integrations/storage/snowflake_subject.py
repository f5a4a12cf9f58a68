"""What is special about Snowflake in its conformance test: its account, examples of its actions, its extractor."""

from __future__ import annotations

from typing import Any

from tests.kit.conformance.subject import Example, Extraction, Simulator, Subject
from tests.simulators.snowflake import server
from tests.simulators.snowflake.control import Control, error, private_key

Json = Any
JsonObject = dict[str, Json]
PAGE = 50
"""Rows of a partition in the test of the extractor."""


def account(simulator: Simulator, **more: Json) -> JsonObject:
    """The config of a connector."""
    signed_in = {"method": "keyPair", "account": "acme-prod", "host": simulator.url, "user": "cargo", "privateKey": private_key()}
    return {**signed_in, "database": "SALES", "schema": "PUBLIC", **more}


def leads(control: Control) -> Json:
    """What the table holds."""
    return control.leads()


def insert(**values: Json) -> JsonObject:
    """A config of `insert`."""
    return {"table": "leads", "values": values}


def upsert(email: str = "ada@example.com", **values: Json) -> JsonObject:
    """A config of `upsert`."""
    return {"table": "leads", "matchingColumns": ["EMAIL"], "values": {"EMAIL": email, **values}}


_SENT = ("POST", "/statements$")
ADD = "UPDATE leads SET score = score + :more WHERE email = :email"

EXAMPLES = {
    "query": Example(
        config={"query": "SELECT email, score FROM leads WHERE email = :email", "parameters": {"email": "ada@example.com"}},
        effect=leads,
        call=_SENT,
        rejected={"query": "SELECT phone FROM leads"},
        says="phone",
    ),
    "execute": Example(
        config={"query": ADD, "parameters": {"more": 1, "email": "ada@example.com"}},
        effect=leads,
        call=_SENT,
        rejected={"query": "UPDATE leads SET phone = '1'"},
        says="phone",
    ),
    "insert": Example(
        config=insert(EMAIL="eve@example.com", SCORE=1, INFO={"city": "Bonn"}),
        effect=leads,
        call=_SENT,
        rejected=insert(EMAIL="eve@example.com", PHONE="1"),
        says="no column PHONE",
        row=lambda number: insert(EMAIL=f"row-{number}.@example.com"),
    ),
    "upsert": Example(
        config=upsert(NAME="Ada L."),
        effect=leads,
        call=_SENT,
        rejected=upsert(PHONE="1"),
        says="no column PHONE",
        nulls=upsert(NAME="Ada L.", SCORE=None),
        row=lambda number: upsert(f"row-{number}.@example.com", NAME="Row"),
    ),
}


def fill(control: Control, count: int) -> list[str]:
    """A table of this many rows; their keys."""
    control.page = PAGE
    control.warehouse.run("delete from public.leads")
    rows = "select 'key-' || n, 'Row', timestamp '2026-01-01' + to_seconds(n) from range(?) t(n)"
    control.warehouse.run(f"insert into public.leads (email, name, changed) {rows}", [count])
    return [f"key-{number}" for number in range(count)]


def _change(control: Control, key: str) -> None:
    control.warehouse.run("update public.leads set name = 'Other', changed = timestamp '2026-06-01' where email = ?", [key])


SUBJECT = Subject(
    slug="snowflake",
    running=server.running,
    account=account,
    wrong=lambda simulator: account(simulator, user="stranger"),
    secret=private_key().splitlines()[1],
    error=error,
    examples=EXAMPLES,
    extractions={
        "table": Extraction(
            config={"table": "leads", "keyColumn": "EMAIL", "changedColumn": "CHANGED"},
            size=PAGE,
            fill=fill,
            change=_change,
            # The last moment that was seen is read again.
            overlap=1,
        )
    },
    params={"listColumns": {"table": "leads"}, "row": {"table": "leads"}},
)
