"""Statements: typed parameters as the database takes them, and results in BigQuery's form."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, cast

from tests.simulators.big_query.control import TABLE_BYTES, Control, Job, as_text, refused
from tests.simulators.warehouse import Executed, Invalid

Json = Any
JsonObject = dict[str, Json]
_QUERY = {"query", "useLegacySql", "parameterMode", "queryParameters", "maximumBytesBilled", "defaultDataset", "priority"}
_TYPES = {
    "VARCHAR": "STRING",
    "BIGINT": "INTEGER",
    "INTEGER": "INTEGER",
    "DOUBLE": "FLOAT",
    "BOOLEAN": "BOOLEAN",
    "DATE": "DATE",
    "HUGEINT": "INTEGER",
}


def parameters_of(query: JsonObject) -> JsonObject | None:
    """The named parameters. Refused where one has a type that does not fit its value."""
    given: list[JsonObject] = query.get("queryParameters") or []
    if given and query.get("parameterMode") != "NAMED":
        raise refused(400, "Named parameters need parameterMode NAMED")
    return {each["name"]: _value(each["parameterType"], each.get("parameterValue") or {}, each["name"]) for each in given} or None


def _value(kind: JsonObject, value: JsonObject, name: str) -> Json:
    match kind["type"]:
        case "ARRAY":
            return [_value(kind["arrayType"], item, name) for item in value.get("arrayValues", [])]
        case "STRUCT":
            if "structValues" not in value:
                return None
            fields = {part["name"]: part["type"] for part in kind["structTypes"]}
            if set(value["structValues"]) - set(fields):
                raise refused(400, f"Invalid struct value for parameter {name}")
            return {part: _value(fields[part], inner, name) for part, inner in value["structValues"].items()}
        case scalar:
            return _scalar(scalar, value.get("value"), name)


def _scalar(kind: str, text: str | None, name: str) -> Json:
    if text is None:
        return None
    try:
        match kind:
            case "INT64" | "INTEGER":
                return int(text)
            case "FLOAT64" | "FLOAT":
                return float(text)
            case "NUMERIC" | "BIGNUMERIC":
                return Decimal(text)
            case "BOOL" | "BOOLEAN":
                return {"true": True, "false": False}[text.lower()]
            case "TIMESTAMP":
                moment = datetime.fromisoformat(text)
                return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            case "DATE":
                return date.fromisoformat(text)
            case _:
                return text
    except (ValueError, KeyError, ArithmeticError):
        raise refused(400, f"Invalid value for parameter {name}: {text} is not a {kind}") from None


def execute(control: Control, query: JsonObject, job_id: str) -> Job:
    """Start a job; it is refused where it cannot even begin."""
    if unknown := set(query) - _QUERY:
        raise refused(
            400, f"Invalid JSON payload received. Unknown name \"{unknown.pop()}\" at 'job.configuration.query': Cannot find field."
        )
    if query.get("useLegacySql", True):
        raise refused(400, "Legacy SQL is not simulated", "invalidQuery")
    if int(query.get("maximumBytesBilled") or TABLE_BYTES) < TABLE_BYTES:
        message = f"Query exceeded limit for bytes billed: {query['maximumBytesBilled']}. {TABLE_BYTES} or higher required."
        raise refused(400, message, "bytesBilledLimitExceeded")
    parameters = parameters_of(query)
    try:
        kind = control.warehouse.kind_of(query["query"])
    except Invalid as error:
        raise refused(400, str(error), "invalidQuery") from None
    job = Job(job_id, kind, None, runs_for=control.slow)
    if control.failures:
        job.failure = control.failures.pop(0)
    elif kind == "SCRIPT":
        job.failure = ("invalidQuery", "Scripts are not simulated")
    else:
        try:
            job.done = control.warehouse.execute(query["query"], parameters)
        except Invalid as error:
            job.failure = ("invalidQuery", str(error))
    control.jobs[job_id] = job
    return job


def schema_of(done: Executed) -> JsonObject:
    """The columns of a result."""
    return {"fields": [_field(name, kind) for name, kind in done.columns]}


def _field(name: str, kind: str) -> JsonObject:
    if kind.endswith("[]"):
        return {**_field(name, kind[:-2]), "mode": "REPEATED"}
    if kind.startswith("STRUCT("):
        parts = [part.strip().split(" ", 1) for part in kind[len("STRUCT(") : -1].split(",")]
        return {"name": name, "type": "RECORD", "mode": "NULLABLE", "fields": [_field(part.strip('"'), of) for part, of in parts]}
    if kind.startswith("TIMESTAMP"):
        return {"name": name, "type": "TIMESTAMP" if "TIME ZONE" in kind else "DATETIME", "mode": "NULLABLE"}
    if kind.startswith("DECIMAL"):
        return {"name": name, "type": "NUMERIC", "mode": "NULLABLE"}
    return {"name": name, "type": _TYPES.get(kind, "STRING"), "mode": "NULLABLE"}


def rows_of(done: Executed, start: int, end: int) -> list[JsonObject]:
    """Some rows of a result."""
    return [{"f": [{"v": _cell(value)} for value in row]} for row in done.rows[start:end]]


def _cell(value: Json) -> Json:
    if isinstance(value, dict):
        return {"f": [{"v": _cell(inner)} for inner in cast("JsonObject", value).values()]}
    if isinstance(value, list):
        return [{"v": _cell(item)} for item in cast("list[Json]", value)]
    if isinstance(value, datetime) and value.tzinfo is not None:
        return str(round(value.timestamp() * 1_000_000))
    return value.isoformat() if isinstance(value, (datetime, date)) else as_text(value)
