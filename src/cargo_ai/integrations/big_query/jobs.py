"""Jobs: statements are started under an id of our own, so that none runs twice, and awaited; results are read in pages."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from cargo_ai.integrations.big_query.account import location_of, project_of
from cargo_ai.integrations.big_query.client import path
from cargo_ai.integrations.big_query.values import Field, parameter, records
from cargo_ai.integrations.kit import InvalidConfig, Service, ServiceError
from cargo_ai.integrations.kit.errors import at

Json = Any
WAIT_SECONDS = 20.0
"""How long a call waits for a job to end; then it is asked again."""
LONGEST_WAITS = 15
PAGE = 500
MAX_BYTES = 4_000_000
"""How large a result may be that is given to a node."""
_TIMES: Mapping[str, Json] = {"useInt64Timestamp": True}
_MAX_REPEATS = 10


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement in BigQuery's SQL and its parameters, in BigQuery's form."""

    sql: str
    parameters: Sequence[Json] = ()
    maximum_bytes: int | None = None

    def query(self) -> dict[str, Json]:
        """As the configuration of a query."""
        named: Json = {"parameterMode": "NAMED", "queryParameters": [*self.parameters]} if self.parameters else {}
        limit: Json = {} if self.maximum_bytes is None else {"maximumBytesBilled": str(self.maximum_bytes)}
        return {"query": self.sql, "useLegacySql": False, **named, **limit}


def statement_of(sql: str, parameters: Mapping[str, Json], maximum_bytes: int | None) -> Statement:
    """A statement of a user, whose values go as parameters only. InvalidConfig for a value without a type."""
    if not sql.strip():
        raise InvalidConfig("The statement is empty.")
    return Statement(sql, [parameter(name, value) for name, value in parameters.items()], maximum_bytes)


@dataclass(frozen=True, slots=True)
class Job:
    """A job, by its id and where it runs."""

    id: str
    location: str | None

    def meta(self) -> dict[str, Json]:
        """As it is kept while a run waits."""
        return {"job": self.id, "location": self.location}

    @staticmethod
    def of_meta(meta: Json) -> Job | None:
        """The job that a run has waited for."""
        kept: Mapping[str, Json] = cast("Mapping[str, Json]", meta) if isinstance(meta, Mapping) else {}
        return Job(str(kept["job"]), kept.get("location")) if kept.get("job") else None


@dataclass(frozen=True, slots=True)
class Result:
    """What is known of a job that has ended: its columns, the first rows, and where more are; how many rows a change concerned."""

    job: Job
    fields: Sequence[Field]
    rows: Sequence[Json]
    page_token: str | None
    changed: int | None


def _location(service: Service) -> dict[str, Json]:
    location = None if service.account is None else location_of(service.account.config)
    return {} if location is None else {"location": location}


def _job_of(reference: Json) -> Job:
    return Job(str(reference["jobId"]), reference.get("location"))


async def check_reads(service: Service, statement: Statement) -> None:
    """InvalidConfig where a statement does more than read: BigQuery says it of a dry run, which costs nothing."""
    reference = {"jobReference": {"projectId": _project(service), **_location(service)}}
    body = {"configuration": {"dryRun": True, "query": statement.query()}, **reference}
    answer = await service.post(path(service, "jobs"), json=body, reads=True)
    kind = next(at(answer.body, "statistics.query.statementType"), "")
    if kind != "SELECT":
        raise InvalidConfig(f"`query` only reads, and this is {kind or 'something else'}: use the action execute for it.")


def _project(service: Service) -> str:
    return project_of({} if service.account is None else service.account.config)


async def read(service: Service, statement: Statement, most: int) -> Result | Job:
    """Start a statement that reads; its first page, or the job where that takes longer."""
    body = {
        **statement.query(),
        **_location(service),
        "maxResults": min(most, PAGE),
        "timeoutMs": int(WAIT_SECONDS * 1000),
        "formatOptions": _TIMES,
    }
    answer = await service.post(path(service, "queries"), json=body, reads=True)
    return _result(answer.body)


async def results(service: Service, job: Job, *, most: int = PAGE, page_token: str | None = None, start: int | None = None) -> Result | Job:
    """A page of the result of a job; the job again where it still runs. ServiceError where it has failed."""
    query = {
        "location": job.location,
        "maxResults": most,
        "pageToken": page_token,
        "startIndex": start,
        "timeoutMs": int(WAIT_SECONDS * 1000),
        "formatOptions.useInt64Timestamp": True,
    }
    answer = await service.get(path(service, "queries", job.id), query=query)
    return _result(answer.body)


def _result(body: Json) -> Result | Job:
    if not isinstance(body, dict) or "jobComplete" not in body:
        raise ServiceError("BigQuery: the answer does not have the form that its API documents.", reason="unexpectedAnswer")
    answer = cast("dict[str, Json]", body)
    job = _job_of(answer["jobReference"])
    if not answer["jobComplete"]:
        return job
    changed = answer.get("numDmlAffectedRows")
    fields = [cast("Field", field) for field in at(answer, "schema.fields.*")]
    return Result(job, fields, answer.get("rows") or [], answer.get("pageToken"), None if changed is None else int(changed))


async def collected(service: Service, first: Result, limit: int) -> tuple[list[dict[str, Json]], bool]:
    """At most this many rows, and whether there are more: also where they are too large together."""
    rows: list[dict[str, Json]] = []
    size = 0
    page = first
    while True:
        for row in records(first.fields, page.rows):
            size += len(json.dumps(row, ensure_ascii=False))
            if len(rows) == limit or (rows and size > MAX_BYTES):
                return rows, True
            rows.append(row)
        if page.page_token is None or len(rows) == limit:
            return rows, page.page_token is not None
        page = ended(await results(service, first.job, page_token=page.page_token))


def ended(result: Result | Job) -> Result:
    """The result of a job that is known to have ended."""
    if isinstance(result, Job):
        raise ServiceError("BigQuery: a job that had ended runs again.", transient=True, reason="unexpectedAnswer")
    return result


def job_id(key: str, repeat: int) -> str:
    """The id of a job that follows from the key of an execution: BigQuery takes each once."""
    return f"cargo_{hashlib.sha256(f'{key}|{repeat}'.encode()).hexdigest()[:40]}"


async def start(service: Service, statement: Statement, key: str) -> Job:
    """Start a statement that changes something, once for each key: where it was started before, that job.

    A job that has failed has changed nothing, and is started again under another id, unless it was a script of several statements.
    """
    for repeat in range(_MAX_REPEATS):
        reference = {"projectId": _project(service), "jobId": job_id(key, repeat), **_location(service)}
        try:
            answer = await service.post(
                path(service, "jobs"), json={"jobReference": reference, "configuration": {"query": statement.query()}}
            )
            return _job_of(answer.body["jobReference"])
        except ServiceError as error:
            if error.status != 409:
                raise
            job = Job(reference["jobId"], reference.get("location"))
            if not await _has_failed(service, job, error):
                return job
    raise ServiceError("BigQuery: the statement has failed again and again.", reason="invalidRequest")


async def _has_failed(service: Service, job: Job, conflict: ServiceError) -> bool:
    """Whether a job that was started before has failed without having changed anything."""
    try:
        answer = await service.get(path(service, "jobs", job.id), query={"location": job.location})
    except ServiceError as error:
        if error.status == 404:
            raise conflict from None
        raise
    failure = next(at(answer.body, "status.errorResult.message"), None)
    if failure is not None and next(at(answer.body, "statistics.query.statementType"), "") == "SCRIPT":
        raise ServiceError(f"BigQuery: {failure} Some of its statements may have been done.", reason="invalidRequest")
    return failure is not None


async def finish(service: Service, job: Job) -> Result:
    """Wait for a job that changes something. ServiceError where it fails, or takes longer than five minutes."""
    for _ in range(LONGEST_WAITS):
        result = await results(service, job, most=0)
        if isinstance(result, Result):
            return result
    text = f"BigQuery: the job {job.id} still runs after {LONGEST_WAITS * WAIT_SECONDS:.0f} seconds."
    raise ServiceError(text, transient=True, reason="unreachable", sent=True)


async def counts(service: Service, job: Job) -> tuple[int, int] | None:
    """How many rows a job has inserted and updated; None where BigQuery does not say: it is done all the same."""
    try:
        answer = await service.get(path(service, "jobs", job.id), query={"location": job.location})
    except ServiceError:
        return None
    inserted, updated = (
        int(next(at(answer.body, f"statistics.query.dmlStats.{name}"), 0)) for name in ("insertedRowCount", "updatedRowCount")
    )
    return inserted, updated
