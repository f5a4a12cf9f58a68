"""Records of Salesforce over HTTP: queried page by page, saved and deleted in collections of up to 200."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast
from urllib.parse import quote

from cargo_ai.integrations.kit import Answer, Failed, Page, Service, ServiceError, cursor, segment
from cargo_ai.integrations.salesforce.client import LOCKED
from cargo_ai.integrations.salesforce.versions import COLLECTIONS, QUERY

Json = Any
JsonObject = Mapping[str, Json]

MAX_INPUTS = 200
MAX_BYTES = 4_000_000
"""How large the configs of one batch are together."""
MAX_QUERY = 12_000
"""How long a query may be as it stands in an address: address and headers together may have 16,384 bytes."""
# What Salesforce says of a row that it could not get to; all else is the row's fault.
_TRANSIENT = {LOCKED, "SERVER_UNAVAILABLE", "QUERY_TIMEOUT", "ALL_OR_NONE_OPERATION_ROLLED_BACK"}
_REASONS = {
    LOCKED: "locked",
    "DUPLICATE_VALUE": "conflict",
    "DUPLICATES_DETECTED": "conflict",
    "DUPLICATE_EXTERNAL_ID": "ambiguous",
    "ENTITY_IS_DELETED": "notFound",
    "INVALID_CROSS_REFERENCE_KEY": "notFound",
    "NOT_FOUND": "notFound",
    "INSUFFICIENT_ACCESS_OR_READONLY": "forbidden",
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": "forbidden",
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": "refusedByAutomation",
}
Method = Literal["POST", "PATCH"]


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of one record of a collection. errors: why nothing did."""

    id: str
    created: bool
    errors: tuple[JsonObject, ...] = ()

    @property
    def codes(self) -> set[str]:
        """The codes of its errors."""
        return {str(error.get("statusCode")) for error in self.errors}

    @property
    def message(self) -> str:
        """Its errors in Salesforce's words."""
        said = [f"{str(error.get('message')).rstrip('. ')} ({error.get('statusCode')})" for error in self.errors[:3]]
        return "; ".join(said) or "Salesforce refused the record without a word."

    @property
    def transient(self) -> bool:
        """Whether it may go better later."""
        return bool(self.codes) and self.codes <= _TRANSIENT

    @property
    def reason(self) -> str:
        """A code of ours for its errors."""
        return next((_REASONS[code] for code in sorted(self.codes) if code in _REASONS), "invalidRequest")


def failure_of(saved: Saved) -> Failed:
    """What a row becomes whose record was not saved."""
    return Failed(saved.message, transient=saved.transient, reason=saved.reason)


async def query(service: Service, soql: str) -> AsyncIterator[Page[str]]:
    """The pages of a query's records; Salesforce decides how many are on one, 2,000 at most."""

    async def fetch(following: str | None) -> Answer:
        return await service.get(QUERY, query={"q": soql}) if following is None else await service.get(following)

    async for page in cursor(fetch, items="records", next="nextRecordsUrl"):
        yield page


def length_of(soql: str) -> int:
    """How long a query is as it stands in an address."""
    return len(quote(soql, safe=""))


async def save(service: Service, method: Method, object_type: str, records: Sequence[JsonObject], *, by: str = "") -> list[Saved]:
    """Create (POST), change (PATCH, each with its `id`) or upsert (PATCH `by` an external id) up to 200 records of a type. What is wrong
    with one is its own: the others are saved."""
    path = f"{COLLECTIONS}/{segment(object_type)}/{segment(by)}" if by else COLLECTIONS
    typed = [{"attributes": {"type": object_type}, **record} for record in records]
    answer = await service.call(method, path, json={"allOrNone": False, "records": typed})
    return _saved(answer, len(records))


async def delete(service: Service, ids: Sequence[str]) -> list[Saved]:
    """Move up to 200 records to the recycle bin."""
    answer = await service.delete(COLLECTIONS, query={"ids": ",".join(ids), "allOrNone": "false"})
    return _saved(answer, len(ids))


def _saved(answer: Answer, count: int) -> list[Saved]:
    body: object = answer.body
    results = cast("list[Json]", body) if isinstance(body, list) else []
    if len(results) != count or not all(isinstance(result, dict) for result in results):
        text = f"Salesforce answered with {len(results)} results for {count} records: look there before you repeat it."
        raise ServiceError(text, status=answer.status, body=answer.body, reason="unexpectedAnswer", sent=True)
    return [_one(result) for result in cast("list[JsonObject]", results)]


def _one(result: JsonObject) -> Saved:
    errors = cast("list[JsonObject]", result.get("errors") or [])
    if result.get("success") is True:
        return Saved(str(result.get("id")), result.get("created") is True)
    return Saved("", created=False, errors=tuple(errors) or ({"message": "not saved", "statusCode": "UNKNOWN"},))


def shown(service: Service, record: JsonObject) -> dict[str, Json]:
    """A record as actions give it."""
    values = {name: value for name, value in record.items() if name not in ("attributes", "Id")}
    return {"id": str(record.get("Id")), "properties": values, "url": url_of(service, str(record.get("Id")))}


def url_of(service: Service, record_id: str) -> str:
    """Where people see a record."""
    return f"{service.spec.address({} if service.account is None else service.account.config)}/{record_id}"
