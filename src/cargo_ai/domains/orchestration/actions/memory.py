"""`memory`: keep values between runs, by key, changed by one run at a time.

Public documents name the native action `memory` and nothing more of it. Its config, scopes, operations and output are ours.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, cast, get_args

from pydantic_core import to_json
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.actions.config.values import check_number, is_constant, output, schema
from cargo_ai.context.process import Services
from cargo_ai.domains.orchestration.node_tables import Memory
from cargo_ai.domains.orchestration.nodes import node_outcomes as outcomes
from cargo_ai.engine.graph.action import Action, Call, Done, InvalidConfig, Outcome, Perform
from cargo_ai.engine.graph.check.finding import Finding
from cargo_ai.engine.graph.check.settled import settle
from cargo_ai.expression import coerce
from cargo_ai.kernel import clock
from cargo_ai.store.session import Database

Operation = Literal["get", "set", "append", "increment", "delete"]
Scope = Literal["workflow", "workspace", "record"]

MAX_KEY: Final = 200
MAX_BYTES: Final = 64 * 1024
MAX_KEYS: Final = 10_000
LARGEST: Final = 2.0**53


def check(config: Mapping[str, Any]) -> str | None:
    """A sentence for an operation or a scope that does not exist, or a value that is not a number."""
    for name, allowed in (("operation", get_args(Operation)), ("scope", get_args(Scope))):
        value = config.get(name)
        if value is not None and is_constant(value) and value not in allowed:
            return f"`{name}` is {value!r}; it takes {', '.join(allowed)}."
    return check_number(config, "by", -LARGEST, LARGEST) or check_number(config, "keepLast", 1, MAX_BYTES)


def inspect(config: Mapping[str, Any], _models: object) -> Iterator[Finding]:
    """The value that an operation needs."""
    if settle(config.get("operation")) in ("set", "append") and "value" not in config:
        yield Finding("config.value", f"`value` is missing: {config['operation']} needs it.")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One use of the memory, read from a resolved config. `owner`: which workflow, workspace or record it is about."""

    operation: Operation
    scope: Scope
    owner: str
    key: str
    value: Any = None
    default: Any = None
    by: float = 1
    keep_last: int | None = field(default=None)


def read(call: Call) -> Wanted:
    """What the node asks for. InvalidConfig where that is nothing."""
    config = call.config
    fault = check(config)
    if fault:
        raise InvalidConfig(fault)
    key: object = config.get("key")
    if isinstance(key, bool) or not isinstance(key, str | int) or not 1 <= len(str(key)) <= MAX_KEY:
        raise InvalidConfig(f"The config needs `key`: a text of 1 to {MAX_KEY} characters.")
    operation = cast("Operation", config.get("operation") or "get")
    scope = cast("Scope", config.get("scope") or "workflow")
    if operation in {"set", "append"} and "value" not in config:
        raise InvalidConfig(f"{operation} needs `value`.")
    by, keep = coerce(config.get("by"), "number")[0], coerce(config.get("keepLast"), "number")[0]
    return Wanted(
        operation,
        scope,
        _owner(call, scope),
        str(key).replace("\x00", ""),
        config.get("value"),
        config.get("default"),
        1 if by is None else cast("float", by),
        None if keep is None else int(cast("float", keep)),
    )


def owner_of(scope: Scope, workflow: str, record: str | None) -> str:
    """Whose memory a scope means, as rows have it."""
    if scope == "workspace":
        return ""
    return workflow if scope == "workflow" else f"{workflow} {record}".replace("\x00", "")


def _owner(call: Call, scope: Scope) -> str:
    workflow = str(call.workflow or uuid.UUID(int=0))
    if scope != "record":
        return owner_of(scope, workflow, None)
    named: object = call.config.get("recordId")
    # An item of a group is not a record: the one of the run that the group belongs to is.
    record_ids = [named, _id_of(call.context), _id_of(call.parent)]
    record = next((str(one) for one in record_ids if isinstance(one, str | int) and not isinstance(one, bool) and str(one)), None)
    if record is None:
        raise InvalidConfig("The scope is record, but the run's record has no `_id`: give `recordId`, or take another scope.")
    if len(record) > 500:
        raise InvalidConfig("`recordId` has more than 500 characters.")
    return owner_of(scope, workflow, record)


def _id_of(context: object) -> object:
    start: object = cast("Mapping[str, object]", context).get("start") if isinstance(context, Mapping) else None
    return cast("Mapping[str, object]", start).get("_id") if isinstance(start, Mapping) else None


class Memories:
    """The effect of memory nodes; one per worker process."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def perform(self, call: Call) -> Outcome:
        """One transaction: the change, and that this node has made it."""
        wanted = read(call)
        async with self._database.session(call.workspace) as db:
            if wanted.operation == "get":
                return _done(wanted, await _get(db, wanted))
            output = await _change(db, call, wanted)
            await db.commit()
        return _done(wanted, output)


async def _get(db: AsyncSession, wanted: Wanted) -> dict[str, Any]:
    row = await _row(db, wanted)
    return _output(wanted, wanted.default if row is None else row.value, row)


async def _change(db: AsyncSession, call: Call, wanted: Wanted) -> dict[str, Any]:
    # Everybody who changes this value takes turns, and so do the attempts of one node: they change the same value.
    await outcomes.locked(db, f"memory {call.workspace} {wanted.scope} {wanted.owner} {wanted.key}")
    done = await outcomes.find(db, call.key)
    if done is not None:
        return done
    row = await _row(db, wanted)
    value = _changed(wanted, row)
    if wanted.operation == "delete":
        await db.execute(delete(Memory).where(*_where(wanted)))
    else:
        await _write(db, call.workspace, wanted, value, is_new=row is None)
    output = _output(wanted, value, row)
    await outcomes.keep(db, call.workspace, call.key, output)
    return output


def _changed(wanted: Wanted, row: Memory | None) -> Any:
    """What is remembered afterwards."""
    present: object = None if row is None else row.value
    match wanted.operation:
        case "append":
            if present is not None and not isinstance(present, list):
                raise InvalidConfig(f"What is remembered under {wanted.key} is not a list, so nothing can be appended to it.")
            longer = [*cast("list[Any]", present or []), wanted.value]
            return longer[-wanted.keep_last :] if wanted.keep_last else longer
        case "increment":
            if isinstance(present, bool) or not isinstance(present, int | float | None):
                raise InvalidConfig(f"What is remembered under {wanted.key} is not a number, so nothing can be added to it.")
            total = (present or 0) + wanted.by
            if not math.isfinite(total) or abs(total) > LARGEST:
                raise InvalidConfig(f"{wanted.key} would leave the numbers that are exact (up to 2^53).")
            return int(total) if total == int(total) else total
        case "delete":
            return None
        case _:
            return wanted.value


async def _write(db: AsyncSession, workspace: uuid.UUID, wanted: Wanted, value: Any, *, is_new: bool) -> None:
    size = len(to_json(value, inf_nan_mode="null"))
    if size > MAX_BYTES:
        raise InvalidConfig(f"{wanted.key} would have {size:,} bytes; at most {MAX_BYTES:,} are remembered under one key.")
    if is_new and await _is_full(db, wanted):
        raise InvalidConfig(f"The memory of this {wanted.scope} has {MAX_KEYS:,} keys, which is the most: delete some first.")
    now = clock.now()
    row = {"workspace_uuid": workspace, "scope": wanted.scope, "owner": wanted.owner, "key": wanted.key, "value": value}
    change = insert(Memory).values(**row, created_at=now, updated_at=now)
    await db.execute(
        change.on_conflict_do_update(
            index_elements=["workspace_uuid", "scope", "owner", "key"], set_={"value": change.excluded.value, "updated_at": now}
        )
    )


async def _is_full(db: AsyncSession, wanted: Wanted) -> bool:
    some = select(Memory.key).where(Memory.scope == wanted.scope, Memory.owner == wanted.owner).limit(MAX_KEYS).subquery()
    return await db.scalar(select(func.count()).select_from(some)) == MAX_KEYS


async def _row(db: AsyncSession, wanted: Wanted) -> Memory | None:
    return await db.scalar(select(Memory).where(*_where(wanted)))


def _where(wanted: Wanted) -> tuple[Any, ...]:
    return (Memory.scope == wanted.scope, Memory.owner == wanted.owner, Memory.key == wanted.key)


def _output(wanted: Wanted, value: Any, row: Memory | None) -> dict[str, Any]:
    return {"key": wanted.key, "value": value, "previous": None if row is None else row.value, "found": row is not None}


_DID: Final[dict[Operation, str]] = {
    "get": "was looked up",
    "set": "was remembered",
    "append": "has one more",
    "increment": "was counted on",
    "delete": "was forgotten",
}


def _done(wanted: Wanted, output: dict[str, Any]) -> Done:
    if wanted.operation == "get" and not output["found"]:
        return Done(output, f"Nothing is remembered under {wanted.key}")
    return Done(output, f"✅ {wanted.key} {_DID[wanted.operation]}")


def _performer(services: Services) -> Perform:
    return Memories(services.database).perform


ACTION: Action[Call] = Action(
    slug="memory",
    name="Memory",
    description="Stores values between runs: get, set, append to a list, increment a number, delete; for the workflow, the whole "
    "workspace, or one record of the workflow.",
    does="acts",
    category="storage",
    icon="brain",
    config_schema=schema(
        {
            "operation": {"enum": list(get_args(Operation)), "default": "get"},
            "key": {"type": "string", "minLength": 1, "maxLength": MAX_KEY, "description": "The key of the value."},
            "scope": {
                "enum": list(get_args(Scope)),
                "default": "workflow",
                "description": "Who shares it: all runs of this workflow, the whole workspace, or this workflow's runs on the same record.",
            },
            "recordId": {"type": "string", "description": "Scope record: the record; the `_id` of the run's record by default."},
            "value": {"description": "set: the value; append: what is added to the list."},
            "default": {"description": "get: the value if none is stored."},
            "by": {"type": "number", "default": 1, "description": "increment: how much is added."},
            "keepLast": {"type": "integer", "minimum": 1, "description": "append: keep only this many of the newest values."},
        },
        ("key",),
    ),
    output_schema=output(
        {
            "key": {"type": "string"},
            "value": {"description": "The value now; null after delete."},
            "previous": {"description": "The value before; null if there was none."},
            "found": {"type": "boolean", "description": "Whether a value was stored before."},
        },
        ("key", "value", "previous", "found"),
    ),
    idempotency="key",
    check=check,
    inspect=inspect,
    performer=_performer,
)
