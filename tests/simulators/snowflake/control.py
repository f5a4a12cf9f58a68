"""What the imitation of Snowflake keeps: tables, statements, the key of its user; and what a test may order."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.simulators.faults import Orders
from tests.simulators.serving import Refused
from tests.simulators.warehouse import Executed, Warehouse

Json = Any
JsonObject = dict[str, Json]
ACCOUNT, USER = "ACME-PROD", "CARGO"
ACCESS_TOKEN = "pat-simulated-4711-0815"
COLUMNS = (
    ("EMAIL", "VARCHAR(16777216)", "N"),
    ("NAME", "VARCHAR(200)", "Y"),
    ("SCORE", "NUMBER(38,0)", "Y"),
    ("CHANGED", "TIMESTAMP_NTZ(9)", "Y"),
    ("INFO", "VARIANT", "Y"),
)
"""The columns of the table SALES.PUBLIC.LEADS: name, type, whether it may be null."""


@cache
def key() -> rsa.RSAPrivateKey:
    """The key of the user; the same in a process."""
    return rsa.generate_private_key(65537, 2048)


@cache
def private_key(passphrase: str = "") -> str:
    """The same as text."""
    closed = serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    return key().private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, closed).decode()


@cache
def fingerprint() -> str:
    """Of the public key, as DESCRIBE USER shows it."""
    public = key().public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return "SHA256:" + base64.b64encode(hashlib.sha256(public).digest()).decode()


def error(status: int, message: str, code: str = "") -> JsonObject:
    """An error in Snowflake's form."""
    codes = {401: "390144", 403: "390422", 404: "000709", 422: "001003", 429: "391908", 408: "000630"}
    return {"code": code or codes.get(status, "000000"), "message": message, "sqlState": "22000"}


def refused(status: int, message: str, code: str = "") -> Refused:
    """The same, raised."""
    return Refused(status, error(status, message, code))


@dataclass
class Sent:
    """A statement that was sent: what it gave, or its error, and for how many more calls it runs."""

    handle: str
    done: Executed | None
    failure: tuple[str, str] | None = None
    runs_for: int = 0


class Control(Orders):
    """The state of the simulator and the orders of a test. slow: for how many calls the next statements run. page: rows of a partition.
    failures: (code, message) of the next statements, which then do nothing."""

    def __init__(self) -> None:
        self.warehouse = Warehouse("snowflake", "SALES")
        super().__init__()

    def reset(self) -> None:
        """Back to an account with the table SALES.PUBLIC.LEADS, which has two rows."""
        super().reset()
        self.warehouse.run("drop schema if exists public cascade; create schema public; use sales.public")
        self.warehouse.run(
            "create table public.leads (EMAIL varchar not null, NAME varchar, SCORE decimal(38,0), CHANGED timestamp, INFO json)"
        )
        self.add("ada@example.com", "Ada", 3, "2026-11-01 10:00:00", '{"city":"Ulm"}')
        self.add("bob@example.com", "Bob", None, "2026-11-02 10:00:00.5", None)
        self.statements: dict[str, Sent] = {}
        self.by_request: dict[str, Sent] = {}
        self.slow, self.page = 0, 1_000
        self.failures: list[tuple[str, str]] = []

    def add(self, *values: Json) -> None:
        """One more row of the table."""
        self.warehouse.run("insert into public.leads values (?, ?, ?, ?, ?)", [*values])

    def leads(self) -> list[JsonObject]:
        """The rows of the table, by their e-mail addresses."""
        rows = self.warehouse.run("select email, name, score::bigint, info from public.leads order by email, name")
        return [dict(zip(("email", "name", "score", "info"), row, strict=True)) for row in rows]

    def admit(self, headers: Mapping[str, str]) -> None:
        """Sign in."""
        kind, _, token = headers.get("authorization", "").partition(" ")
        match headers.get("x-snowflake-authorization-token-type"):
            case "KEYPAIR_JWT":
                valid = _is_valid(token)
            case "PROGRAMMATIC_ACCESS_TOKEN":
                valid = token == ACCESS_TOKEN
            case _:
                valid = False
        if kind.lower() != "bearer" or not valid:
            raise refused(401, "JWT token is invalid. [0ce9eb56-821d-4ca9-a774-04ae89a0cf5a]")

    def remember(self, sent: Sent, request_id: str) -> Sent:
        """Keep a statement."""
        self.statements[sent.handle] = sent
        if request_id:
            self.by_request[request_id] = sent
        return sent

    def statement(self, handle: str) -> Sent:
        """A statement that was sent."""
        if handle not in self.statements:
            raise refused(404, "Statement handle was not found or has expired.")
        return self.statements[handle]


def new_handle() -> str:
    """A handle for a statement."""
    return f"01b0{secrets.token_hex(2)}-0000-{secrets.token_hex(2)}-0000-{secrets.token_hex(6)}"


def _is_valid(token: str) -> bool:
    try:
        head, claims, signature = token.split(".")
        key().public_key().verify(_decoded(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256())
        said = json.loads(_decoded(claims))
    except (ValueError, InvalidSignature):
        return False
    subject = f"{ACCOUNT}.{USER}"
    lasts = said["exp"] - said["iat"] <= 3600 and said["iat"] <= time.time() < said["exp"]
    return lasts and said["sub"] == subject and said["iss"] == f"{subject}.{fingerprint()}"


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
