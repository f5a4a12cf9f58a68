"""What the imitation of BigQuery keeps: tables, jobs, tokens; and what a test may order."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

from tests.simulators.faults import Orders
from tests.simulators.google.answers import UNAUTHENTICATED
from tests.simulators.google.sign_in import Tokens
from tests.simulators.serving import Refused
from tests.simulators.warehouse import Executed, Warehouse

Json = Any
JsonObject = dict[str, Json]
PROJECT = "simulated-project"
TABLE_BYTES = 10_000_000
LEADS: list[JsonObject] = [
    {"name": "email", "type": "STRING", "mode": "REQUIRED"},
    {"name": "name", "type": "STRING", "mode": "NULLABLE", "description": "The full name."},
    {"name": "score", "type": "INTEGER", "mode": "NULLABLE"},
    {"name": "changed", "type": "TIMESTAMP", "mode": "NULLABLE"},
    {"name": "tags", "type": "STRING", "mode": "REPEATED"},
    {
        "name": "address",
        "type": "RECORD",
        "mode": "NULLABLE",
        "fields": [{"name": "city", "type": "STRING", "mode": "NULLABLE"}, {"name": "zip", "type": "STRING", "mode": "NULLABLE"}],
    },
]
"""The columns of the table sales.leads, as BigQuery describes them."""
_REASONS = {
    400: "invalid",
    401: "authError",
    403: "accessDenied",
    404: "notFound",
    409: "duplicate",
    429: "rateLimitExceeded",
    500: "backendError",
}


def error(status: int, message: str, reason: str = "") -> JsonObject:
    """An error in BigQuery's form."""
    about = {"domain": "global", "reason": reason or _REASONS.get(status, "invalid"), "message": message}
    return {"error": {"code": status, "message": message, "errors": [about], "status": "INVALID_ARGUMENT"}}


def refused(status: int, message: str, reason: str = "") -> Refused:
    """The same, raised."""
    return Refused(status, error(status, message, reason))


@dataclass
class Job:
    """A job: its statement, what it gave or why it failed, and for how many more calls it runs."""

    id: str
    kind: str
    done: Executed | None
    failure: tuple[str, str] | None = None
    runs_for: int = 0


class Control(Orders):
    """The state of the simulator and the orders of a test. slow: for how many calls the next jobs run. failures: (reason, message) of the
    next jobs, which then do nothing."""

    def __init__(self, calls: int = 100) -> None:
        self.calls = calls
        self.warehouse = Warehouse("bigquery", PROJECT)
        super().__init__()

    def reset(self) -> None:
        """Back to a project with the table sales.leads, which has two rows."""
        super().reset()
        self.warehouse.run("drop schema if exists sales cascade; create schema sales")
        self.warehouse.run(
            "create table sales.leads (email varchar not null, name varchar, score bigint, changed timestamptz, tags varchar[],"
            " address struct(city varchar, zip varchar))"
        )
        self.add("ada@example.com", "Ada", 3, "2026-11-01 10:00:00+00", ["a", "b"], {"city": "Ulm", "zip": "89073"})
        self.add("bob@example.com", "Bob", None, "2026-11-02 10:00:00.5+00", [], None)
        self.tables = {"sales.leads": LEADS}
        self.jobs: dict[str, Job] = {}
        self.slow = 0
        self.failures: list[tuple[str, str]] = []
        self.tokens = Tokens()
        self._recent: list[float] = []

    def add(self, *values: Json) -> None:
        """One more row of sales.leads."""
        given = [*values, *[None] * (6 - len(values))]
        self.warehouse.run("insert into sales.leads values (?, ?, ?, ?, ?, ?)", given)

    def leads(self) -> list[JsonObject]:
        """The rows of sales.leads, by their e-mail addresses."""
        rows = self.warehouse.run("select email, name, score, tags, address from sales.leads order by email, name")
        return [dict(zip(("email", "name", "score", "tags", "address"), row, strict=True)) for row in rows]

    def admit(self, authorization: str) -> None:
        """Sign in and count a call."""
        if not self.tokens.admits(authorization):
            raise refused(401, UNAUTHENTICATED)
        now = time.monotonic()
        self._recent = [at for at in self._recent if at > now - 1.0]
        if len(self._recent) >= self.calls:
            raise refused(403, "Exceeded rate limits: too many api requests per user per method for this user_method", "rateLimitExceeded")
        self._recent.append(now)

    def job(self, job_id: str) -> Job:
        """A job."""
        if job_id not in self.jobs:
            raise refused(404, f"Not found: Job {PROJECT}:{job_id}")
        return self.jobs[job_id]


def as_text(value: Json) -> Json:
    """A scalar as BigQuery sends all of them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, (dict, list)) else None if value is None else str(value)
