"""What is special about BigQuery in its conformance test: its account, examples of its actions, its extractor."""

from __future__ import annotations

from typing import Any

from cargo_ai.integrations.big_query.jobs import PAGE
from cargo_ai.integrations.kit.signing.oauth import ACCESS_TOKEN
from tests.kit.conformance.subject import Example, Extraction, Subject
from tests.simulators.big_query import server
from tests.simulators.big_query.control import Control, error
from tests.simulators.google.sign_in import EMAIL, TOKEN, key_file, key_line

Json = Any
JsonObject = dict[str, Json]


def account_of(email: str) -> JsonObject:
    """The config of a connector."""
    return {"method": "serviceAccount", "serviceAccountKey": key_file(email), "location": "EU"}


def opened(account: JsonObject) -> JsonObject:
    """The same with the token that the token endpoint would give; of a stranger, one that is not good."""
    return {**account, ACCESS_TOKEN: TOKEN if EMAIL in account["serviceAccountKey"] else "ya29.of-a-stranger"}


def leads(control: Control) -> Json:
    """What the table holds."""
    return control.leads()


def insert(**values: Json) -> JsonObject:
    """A config of `insert`."""
    return {"table": "sales.leads", "values": values}


def upsert(email: str = "ada@example.com", **values: Json) -> JsonObject:
    """A config of `upsert`."""
    return {"table": "sales.leads", "matchingColumns": ["email"], "values": {"email": email, **values}}


EXAMPLES = {
    "query": Example(
        config={"query": "SELECT email, score FROM sales.leads WHERE email = @email", "parameters": {"email": "ada@example.com"}},
        effect=leads,
        call=("POST", "/queries$"),
        rejected={"query": "SELECT phone FROM sales.leads"},
        says="phone",
    ),
    "execute": Example(
        config={
            "query": "UPDATE sales.leads SET score = score + @more WHERE email = @email",
            "parameters": {"more": 1, "email": "ada@example.com"},
        },
        effect=leads,
        call=("POST", "/jobs$"),
        rejected={"query": "UPDATE sales.leads SET phone = '1' WHERE true"},
        says="phone",
    ),
    "insert": Example(
        config=insert(email="eve@example.com", score=1, tags=["x"], address={"city": "Bonn"}),
        effect=leads,
        call=("POST", "/jobs$"),
        rejected=insert(email="eve@example.com", phone="1"),
        says="no column phone",
        row=lambda number: insert(email=f"row-{number}.@example.com"),
    ),
    "upsert": Example(
        config=upsert(name="Ada L."),
        effect=leads,
        call=("POST", "/jobs$"),
        rejected=upsert(phone="1"),
        says="no column phone",
        nulls=upsert(name="Ada L.", score=None),
        row=lambda number: upsert(f"row-{number}.@example.com", name="Row"),
    ),
}


def fill(control: Control, count: int) -> list[str]:
    """A table of this many rows; their keys."""
    control.warehouse.run("delete from sales.leads")
    rows = "select 'key-' || n, 'Row', timestamptz '2026-01-01' + to_seconds(n) from range(?) t(n)"
    query = f"insert into sales.leads (email, name, changed) {rows}"
    control.warehouse.run(query, [count])
    return [f"key-{number}" for number in range(count)]


def _change(control: Control, key: str) -> None:
    control.warehouse.run("update sales.leads set name = 'Other', changed = timestamptz '2026-06-01' where email = ?", [key])


SUBJECT = Subject(
    slug="bigQuery",
    running=lambda: server.running(1_000_000),
    account=lambda _simulator: account_of(EMAIL),
    wrong=lambda _simulator: account_of("stranger@elsewhere.iam.gserviceaccount.com"),
    opened=opened,
    secret=key_line(),
    error=error,
    examples=EXAMPLES,
    extractions={
        "table": Extraction(
            config={"table": "sales.leads", "keyColumn": "email", "changedColumn": "changed"},
            size=PAGE,
            fill=fill,
            change=_change,
            # The last moment that was seen is read again.
            overlap=1,
        )
    },
    params={"listColumns": {"table": "sales.leads"}, "row": {"table": "sales.leads"}},
)
