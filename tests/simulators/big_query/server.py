"""The simulator on a port of the loopback: jobs, queries and their results, datasets, tables, and tokens."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.simulators import running as running_server
from tests.simulators.big_query.control import PROJECT, TABLE_BYTES, Control, Job, refused
from tests.simulators.big_query.statements import execute, rows_of, schema_of
from tests.simulators.faults import FaultyAnswer
from tests.simulators.google.answers import masked
from tests.simulators.google.sign_in import TOKEN
from tests.simulators.serving import Act, application
from tests.simulators.warehouse import Invalid

Json = Any
JsonObject = dict[str, Json]
Endpoint = Callable[[Control, Request, Json], Json]
_BASE = "/bigquery/v2/projects/{project}"
_STATUS = {"invalidQuery": 400, "backendError": 500, "rateLimitExceeded": 403, "accessDenied": 403, "notFound": 404}
_QUERY_ONLY = {"location", "maxResults", "timeoutMs", "formatOptions", "requestId", "dryRun", "useQueryCache", "kind"}


def _reference(job_id: str) -> JsonObject:
    return {"projectId": PROJECT, "jobId": job_id, "location": "EU"}


def _insert_job(control: Control, _request: Request, body: Json) -> Json:
    if unknown := set(body) - {"jobReference", "configuration"}:
        raise refused(400, f'Invalid JSON payload received. Unknown name "{unknown.pop()}": Cannot find field.')
    configuration = body["configuration"]
    reference: JsonObject = body.get("jobReference") or {}
    job_id: str = reference.get("jobId") or f"job_{secrets.token_hex(8)}"
    if configuration.get("dryRun"):
        kind = _dry_run(control, configuration["query"])
        statistics = {"totalBytesProcessed": str(TABLE_BYTES), "query": {"statementType": kind}}
        return {"jobReference": _reference(job_id), "status": {"state": "DONE"}, "statistics": statistics}
    if job_id in control.jobs:
        raise refused(409, f"Already Exists: Job {PROJECT}:EU.{job_id}")
    return _job_document(execute(control, configuration["query"], job_id))


def _dry_run(control: Control, query: JsonObject) -> str:
    """What a statement does; a SELECT is planned, too, so that unknown names are refused."""
    try:
        kind = control.warehouse.kind_of(query["query"])
    except Invalid as error:
        raise refused(400, str(error), "invalidQuery") from None
    if kind == "SELECT":
        failures, control.failures = control.failures, []
        job = execute(control, query, f"dry_{secrets.token_hex(8)}")
        control.failures = failures
        del control.jobs[job.id]
        _raise_failure(job)
    return kind


def _job_document(job: Job) -> JsonObject:
    ended = job.runs_for <= 0
    status: JsonObject = {"state": "DONE" if ended else "RUNNING"}
    query: JsonObject = {"statementType": job.kind}
    if ended and job.failure is not None:
        status["errorResult"] = {"reason": job.failure[0], "message": job.failure[1]}
    if ended and job.done is not None and job.kind in ("INSERT", "UPDATE", "DELETE", "MERGE"):
        counts = {"insertedRowCount": job.done.inserted, "updatedRowCount": job.done.updated, "deletedRowCount": job.done.deleted}
        query["dmlStats"] = {name: str(count) for name, count in counts.items()}
        query["numDmlAffectedRows"] = str(job.done.changed)
    return {"kind": "bigquery#job", "jobReference": _reference(job.id), "status": status, "statistics": {"query": query}}


def _get_job(control: Control, request: Request, _body: Json) -> Json:
    return _job_document(control.job(request.path_params["job"]))


def _query(control: Control, _request: Request, body: Json) -> Json:
    query = {name: value for name, value in body.items() if name not in _QUERY_ONLY}
    job = execute(control, query, f"job_{secrets.token_hex(8)}")
    return _results(job, 0, int(body.get("maxResults", 10_000)))


def _get_results(control: Control, request: Request, _body: Json) -> Json:
    job, query = control.job(request.path_params["job"]), request.query_params
    start = int(query.get("pageToken", "").removeprefix("page-") or query.get("startIndex", 0))
    return _results(job, start, int(query.get("maxResults", 10_000)))


def _raise_failure(job: Job) -> None:
    if job.failure is not None:
        reason, message = job.failure
        raise refused(_STATUS.get(reason, 400), message, reason)


def _results(job: Job, start: int, most: int) -> JsonObject:
    reference = {"jobReference": _reference(job.id)}
    if job.runs_for > 0:
        job.runs_for -= 1
        return {"kind": "bigquery#queryResponse", "jobComplete": False, **reference}
    _raise_failure(job)
    assert job.done is not None
    answer: JsonObject = {"kind": "bigquery#queryResponse", "jobComplete": True, **reference, "totalRows": str(len(job.done.rows))}
    if job.kind != "SELECT":
        return {**answer, "numDmlAffectedRows": str(job.done.changed)}
    end = start + most
    more = {"pageToken": f"page-{end}"} if end < len(job.done.rows) and most else {}
    return {**answer, "schema": schema_of(job.done), "rows": rows_of(job.done, start, end), **more}


def _datasets(control: Control, _request: Request, _body: Json) -> Json:
    names = sorted({name.split(".")[0] for name in control.tables})
    return {"datasets": [{"datasetReference": {"projectId": PROJECT, "datasetId": name}} for name in names]}


def _tables(control: Control, request: Request, _body: Json) -> Json:
    names = [name.split(".") for name in control.tables]
    tables = [table for dataset, table in names if dataset == request.path_params["dataset"]]
    references = [{"projectId": PROJECT, "datasetId": request.path_params["dataset"], "tableId": table} for table in tables]
    return {"tables": [{"tableReference": reference, "type": "TABLE"} for reference in references]}


def _table(control: Control, request: Request, _body: Json) -> Json:
    name = f"{request.path_params['dataset']}.{request.path_params['table']}"
    if name not in control.tables:
        raise refused(404, f"Not found: Table {PROJECT}:{name}")
    return masked(
        {"kind": "bigquery#table", "type": "TABLE", "schema": {"fields": control.tables[name]}}, request.query_params.get("fields", "")
    )


ENDPOINTS: tuple[tuple[str, str, Endpoint], ...] = (
    ("POST", f"{_BASE}/jobs", _insert_job),
    ("GET", f"{_BASE}/jobs/{{job}}", _get_job),
    ("POST", f"{_BASE}/queries", _query),
    ("GET", f"{_BASE}/queries/{{job}}", _get_results),
    ("GET", f"{_BASE}/datasets", _datasets),
    ("GET", f"{_BASE}/datasets/{{dataset}}/tables", _tables),
    ("GET", f"{_BASE}/datasets/{{dataset}}/tables/{{table}}", _table),
)


def _behind(control: Control, endpoint: Endpoint) -> Act:
    def act(request: Request, body: Json) -> tuple[int, Json]:
        control.admit(request.headers.get("authorization", ""))
        if request.path_params["project"] != PROJECT:
            raise refused(
                403, f"Access Denied: Project {request.path_params['project']}: User does not have bigquery.jobs.create permission."
            )
        return 200, endpoint(control, request, body)

    return act


def build(control: Control) -> Starlette:
    """The simulator as an application."""

    async def token(request: Request) -> Response:
        status, document = control.tokens.exchange({name: str(value) for name, value in (await request.form()).items()})
        return FaultyAnswer(status, json.dumps(document).encode(), {})

    built = application(control, [(method, path, _behind(control, endpoint)) for method, path, endpoint in ENDPOINTS])
    built.router.routes.append(Route("/token", token, methods=["POST"]))
    return built


class Running(running_server.Running):
    """A simulator that answers: `url`, the token that it accepts as `key`, and its control."""

    key = TOKEN

    def __init__(self, control: Control) -> None:
        self.control = control
        super().__init__(build(control))


@contextmanager
def running(calls: int = 100) -> Generator[Running]:
    """A simulator in a thread of this process."""
    simulator = Running(Control(calls))
    try:
        yield simulator
    finally:
        simulator.stop()
