"""What a test may order: faults, an org with records, locked ones, sessions that end, a day's calls that are used up."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.simulators.faults import Orders
from tests.simulators.salesforce.org import JsonObject, Org, refused

Json = Any
CLIENT_ID, CLIENT_SECRET = "3MVG9simulated.consumer-key", "simulated-consumer-secret-0815"
TOKEN = "00D5g000000Simu!AQEAQ.simulated-session-4711"
"""A session that does not end."""


@dataclass(frozen=True)
class Numbers:
    """page: records on a page of a query. calls: in 24 hours. seconds: how long a session lasts without a call; here: from its begin."""

    page: int = 2000
    calls: int = 15_000
    seconds: float = 7200.0


class Control(Orders):
    """The state of the simulator and the orders of a test. strict_columns: a column that an object lacks fails the whole request."""

    def __init__(self, numbers: Numbers | None = None) -> None:
        self.numbers = numbers or Numbers()
        self.url = ""
        super().__init__()

    def reset(self) -> None:
        """Back to a new org."""
        super().reset()
        self.org = Org()
        self.sessions: dict[str, float | None] = {TOKEN: None}
        self.clients = {CLIENT_ID: CLIENT_SECRET}
        self.codes: set[str] = set()
        self.refresh_tokens: set[str] = set()
        self.locators: dict[str, tuple[list[JsonObject], int]] = {}
        self.locked: set[str] = set()
        self.given = self.used = 0
        self.strict_columns = False

    def values(self, object_type: str) -> list[JsonObject]:
        """What each record of an object holds, without ids and times."""
        times = ("Id", "CreatedDate", "LastModifiedDate", "SystemModstamp", "IsDeleted")
        records = self.org.objects[object_type].records.values()
        return [{name: value for name, value in record.items() if name not in times and value is not None} for record in records]

    def add(self, object_type: str, **values: Json) -> str:
        """One more record; its id."""
        return str(self.org.objects[object_type].create(values)["Id"])

    def end_sessions(self) -> None:
        """Every session is over, as after a change of the session settings."""
        self.sessions.clear()

    def admit(self, authorization: str) -> None:
        """Sign in and count a call."""
        kind, _, token = authorization.partition(" ")
        ends = self.sessions.get(token, 0.0)
        if kind.lower() not in ("bearer", "oauth") or (ends is not None and ends <= time.time()):
            raise refused(401, "INVALID_SESSION_ID", "Session expired or invalid")
        if self.used >= self.numbers.calls:
            raise refused(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        self.used += 1

    def headers(self) -> dict[str, str]:
        """What every answer says of the day's calls."""
        return {"Sforce-Limit-Info": f"api-usage={self.used}/{self.numbers.calls}"}

    def exchange(self, form: Mapping[str, str]) -> tuple[int, JsonObject]:
        """The token endpoint."""
        if form.get("client_id") not in self.clients:
            return 400, {"error": "invalid_client_id", "error_description": "client identifier invalid"}
        if self.clients[form["client_id"]] != form.get("client_secret"):
            return 400, {"error": "invalid_client", "error_description": "invalid client credentials"}
        more: JsonObject = {}
        match form.get("grant_type"):
            case "client_credentials":
                pass
            case "authorization_code":
                if form.get("code") not in self.codes:
                    return 400, {"error": "invalid_grant", "error_description": "invalid authorization code"}
                self.codes.discard(form["code"])
                more["refresh_token"] = f"5Aep{secrets.token_hex(20)}"
                self.refresh_tokens.add(more["refresh_token"])
            case "refresh_token":
                if form.get("refresh_token") not in self.refresh_tokens:
                    return 400, {"error": "invalid_grant", "error_description": "expired access/refresh token"}
            case _:
                return 400, {"error": "unsupported_grant_type", "error_description": "grant type not supported"}
        token = f"00D5g000000Simu!{secrets.token_hex(24)}"
        self.sessions[token] = time.time() + self.numbers.seconds
        self.given += 1
        about = {"id": f"{self.url}/id/00D5g000000SimuEAA/0055g000001AbcdEAE", "signature": "c2lnbmVk", "scope": "api"}
        said = {"access_token": token, "instance_url": self.url, "token_type": "Bearer", "issued_at": str(int(time.time() * 1000))}
        return 200, said | about | more
