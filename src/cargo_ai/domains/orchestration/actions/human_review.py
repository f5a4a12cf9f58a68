"""`humanReview`: a run waits until a person approves or rejects what is proposed, perhaps with changed values.

Public documents name the native action `humanReview` and nothing more of it. Its config, its ways on and its output are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal, cast, get_args

from pydantic_core import to_json
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.actions.config.values import check_number, is_constant, output, schema
from cargo_ai.context.process import Services
from cargo_ai.domains.orchestration.node_tables import Review
from cargo_ai.domains.orchestration.reviews import earlier_decision, review_notify
from cargo_ai.email.email_address import InvalidAddress, parse_addresses
from cargo_ai.engine.graph.action import Action, Call, Done, Failed, InvalidConfig, Later, Outcome, Perform, Routes
from cargo_ai.engine.journal.tables import runs
from cargo_ai.expression import VARIABLE_TYPES, coerce
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.settings import Settings
from cargo_ai.store.session import Database

Timeout = Literal["reject", "approve", "fail"]
MAX_MINUTES: Final = 365 * 24 * 60
MAX_FIELDS: Final = 50
MAX_BYTES: Final = 256 * 1024
MAX_ASSIGNEES: Final = 20
MAX_TITLE: Final = 200
MAX_TEXT: Final = 10_000
# A decision wakes the run. Should that ever be missed, the run looks by itself.
LOOK_AGAIN = timedelta(days=7)


def check(config: Mapping[str, Any]) -> str | None:
    """A sentence for what is wrong whatever a run brings: outcomes that do not exist, addresses that are none, fields without names."""
    outcome = config.get("timeoutOutcome")
    if outcome is not None and is_constant(outcome) and outcome not in get_args(Timeout):
        return f"`timeoutOutcome` is {outcome!r}; it takes {', '.join(get_args(Timeout))}."
    try:
        if is_constant(config.get("assignees")):
            _assignees(config)
        if is_constant(config.get("fields")):
            _fields(config, [])
    except InvalidConfig as fault:
        return str(fault)
    return check_number(config, "timeoutMinutes", 0, MAX_MINUTES)


@dataclass(frozen=True, slots=True)
class Asked:
    """What people are asked, read from a resolved config. `fields` as they are kept and shown."""

    title: str
    instructions: str | None
    fields: list[dict[str, Any]]
    assignees: list[str]
    minutes: float | None
    outcome: Timeout
    warnings: tuple[str, ...]


def read_config(config: Mapping[str, Any], node: Mapping[str, Any]) -> Asked:
    """What the node asks. InvalidConfig where no one could answer that."""
    fault = check(config)
    if fault:
        raise InvalidConfig(fault)
    warnings: list[str] = []
    fields, assignees = _fields(config, warnings), _assignees(config)
    if len(to_json(fields, inf_nan_mode="null")) > MAX_BYTES:
        raise InvalidConfig(f"The fields have more than {MAX_BYTES // 1024} KB; show less, and keep the rest in the run.")
    minutes = coerce(config.get("timeoutMinutes"), "number")[0]
    title = _text(config, "title", MAX_TITLE) or str(node.get("name") or node.get("slug") or "Review")[:MAX_TITLE]
    return Asked(
        title,
        _text(config, "instructions", MAX_TEXT) or None,
        fields,
        assignees,
        None if minutes is None else cast("float", minutes),
        cast("Timeout", config.get("timeoutOutcome") or "reject"),
        tuple(warnings),
    )


def _text(config: Mapping[str, Any], name: str, most: int) -> str:
    text, _ = coerce(config.get(name), "string")
    return str(text or "").replace("\x00", "").encode("utf-8", "replace").decode().strip()[:most]


def _assignees(config: Mapping[str, Any]) -> list[str]:
    try:
        people = parse_addresses(config.get("assignees"))
    except InvalidAddress as fault:
        raise InvalidConfig(f"`assignees`: {fault}") from None
    if len(people) > MAX_ASSIGNEES:
        raise InvalidConfig(f"`assignees` names {len(people)} people; at most {MAX_ASSIGNEES} are allowed.")
    return [one.address for one in people]


def _fields(config: Mapping[str, Any], warnings: list[str]) -> list[dict[str, Any]]:
    given: object = config.get("fields")
    if given is None:
        return []
    if isinstance(given, Mapping):
        given = [{"name": name, "value": value} for name, value in cast("Mapping[str, Any]", given).items()]
    if not isinstance(given, list):
        raise InvalidConfig("`fields` must be a list of {name, value, type, editable}.")
    fields = [_field(one, number, warnings) for number, one in enumerate(cast("list[object]", given))]
    if len(fields) > MAX_FIELDS:
        raise InvalidConfig(f"There are {len(fields)} fields; at most {MAX_FIELDS} can be reviewed at once.")
    names = [field["name"] for field in fields]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InvalidConfig(f"Two fields are named {twice}.")
    return fields


def _field(given: object, number: int, warnings: list[str]) -> dict[str, Any]:
    field = cast("Mapping[str, Any]", given) if isinstance(given, Mapping) else dict[str, Any]()
    name, kind = field.get("name"), field.get("type") or "any"
    if not isinstance(name, str) or not name or len(name) > MAX_TITLE:
        raise InvalidConfig(f"`fields[{number}]` has no `name`.")
    if kind not in VARIABLE_TYPES:
        raise InvalidConfig(f"`fields[{number}].type` is {kind!r}; it takes {', '.join(VARIABLE_TYPES)}.")
    value, warning = coerce(field.get("value"), kind)
    if warning:
        warnings.append(f"{name}: {warning}")
    return {
        "name": name,
        "label": _text(field, "label", MAX_TITLE) or None,
        "description": _text(field, "description", MAX_TEXT) or None,
        "type": kind,
        "value": value,
        "editable": field.get("editable") is not False,
        "required": field.get("required") is True,
    }


class Reviews:
    """The effect of humanReview nodes; one per worker process."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database, self._settings = database, settings

    async def perform(self, call: Call) -> Outcome:
        """Ask, or look whether it is decided. The same node of a run asks once, whatever happens to its worker."""
        async with self._database.session(call.workspace) as db:
            row, warnings = await self._asked(db, call)
            if row.status == "pending" and row.expires_at is not None and row.expires_at <= clock.now():
                time_is_over(row)
            outcome = outcome_of(row, warnings)
            await db.commit()
        return outcome

    async def _asked(self, db: AsyncSession, call: Call) -> tuple[Review, tuple[str, ...]]:
        """The node's review, locked: a decision that is made at the same time is committed, or waits."""
        present = select(Review).where(Review.key == call.key).with_for_update()
        row = await db.scalar(present)
        if row is not None:
            return row, ()
        asked = read_config(call.config, call.node)
        run = select(runs.c.uuid).where(runs.c.uuid == call.run, runs.c.workspace_uuid == call.workspace)
        if (await db.execute(run)).one_or_none() is None:
            # A node that is tried by itself, inside of a group: nothing could go on after a decision.
            raise InvalidConfig("Only a run can request a review, and this is not one.")
        before = await earlier_decision.decided(db, call, asked.title, asked.fields)
        if before is not None:
            return before, asked.warnings
        insertion = insert(Review).values(_values(call, asked)).on_conflict_do_nothing(index_elements=["key"]).returning(Review.uuid)
        uid = (await db.execute(insertion)).scalar_one_or_none()
        if uid is not None and asked.assignees:
            await review_notify.notify_assignees(db, self._settings, uid)
        row = await db.scalar(present)
        if row is None:
            raise LookupError(f"the review of {call.key} is gone right after it was made")
        return row, asked.warnings


def _values(call: Call, asked: Asked) -> dict[str, Any]:
    now = clock.now()
    return {
        "uuid": ids.new(),
        "created_at": now,
        "updated_at": now,
        "workspace_uuid": call.workspace,
        "key": call.key,
        "workflow_uuid": call.workflow,
        "batch_uuid": call.batch,
        "run_uuid": call.run,
        "node_uuid": str(call.node.get("uuid")),
        "node_slug": str(call.node.get("slug")),
        "title": asked.title,
        "instructions": asked.instructions,
        "fields": asked.fields,
        "assignees": asked.assignees,
        "expires_at": None if asked.minutes is None else now + timedelta(minutes=asked.minutes),
        "timeout_outcome": asked.outcome,
        "status": "pending",
        "edited": False,
        "timed_out": False,
        "notified": [],
        "notify_attempts": 0,
    }


def time_is_over(row: Review) -> None:
    """Decide as the node says for a review without a decision in time."""
    row.status = {"approve": "approved", "reject": "rejected", "fail": "expired"}[row.timeout_outcome]
    row.values = {field["name"]: field["value"] for field in row.fields}
    row.timed_out, row.decided_at = True, row.expires_at


def outcome_of(row: Review, warnings: tuple[str, ...] = ()) -> Outcome:
    """What the node gives: approved goes to child 0, rejected to child 1, which a node may do without."""
    if row.status == "pending":
        left = LOOK_AGAIN if row.expires_at is None else min(row.expires_at - clock.now(), LOOK_AGAIN)
        # A little later than the moment itself, so that it has passed by then on every clock.
        return Later(max(0.0, left.total_seconds()) + 0.05, {"reviewUuid": str(row.uuid)}, "a person has to decide")
    if row.status not in {"approved", "rejected"}:
        asked = row.decided_at - row.created_at if row.decided_at else timedelta()
        return Failed(f"No one decided within {asked.total_seconds() / 60:g} minutes.")
    by = {"userUuid": row.decided_by_uuid and str(row.decided_by_uuid), "email": row.decided_by_email, "via": row.decided_via}
    output = {
        "decision": row.status,
        "values": row.values or {},
        "edited": row.edited,
        "comment": row.comment,
        "decidedBy": None if row.timed_out else by,
        "decidedAt": clock.to_iso(row.decided_at) if row.decided_at else None,
        "timedOut": row.timed_out,
        "reviewUuid": str(row.uuid),
    }
    who = "when the time was over" if row.timed_out else f"by {row.decided_by_email or 'a link'}"
    if row.status == "approved":
        return Done(output, f"✅ Approved {who}{' with changes' if row.edited else ''}", child=0, warnings=warnings)
    return Done(output, f"❌ Rejected {who}", child=1, warnings=warnings)


def _performer(services: Services) -> Perform:
    return Reviews(services.database, services.settings).perform


ACTION: Action[Call] = Action(
    slug="humanReview",
    name="Human review",
    description="Waits until a person approves or rejects: approved goes to the first child, rejected to the second, or nowhere without "
    "one. An approval may change the values of editable fields.",
    does="acts",
    category="logic",
    icon="user-check",
    config_schema=schema(
        {
            "title": {"type": "string", "maxLength": MAX_TITLE, "description": "What is to be decided; the node's name by default."},
            "instructions": {"type": "string", "maxLength": MAX_TEXT, "description": "What to look at."},
            "fields": {
                "type": ["array", "object"],
                "maxItems": MAX_FIELDS,
                "description": "The proposed values: a list, or an object {name: value}.",
                "items": schema(
                    {
                        "name": {"type": "string", "minLength": 1},
                        "label": {"type": "string"},
                        "description": {"type": "string"},
                        "type": {"enum": list(VARIABLE_TYPES), "default": "any"},
                        "value": {"description": "What is proposed."},
                        "editable": {"type": "boolean", "default": True, "description": "Whether an approval may change it."},
                        "required": {"type": "boolean", "default": False, "description": "Whether an approval needs a value here."},
                    },
                    ("name",),
                ),
            },
            "assignees": {
                "type": ["array", "string"],
                "items": {"type": "string"},
                "description": "E-mail addresses of the reviewers; they receive an e-mail with a link if this server can send e-mail.",
            },
            "timeoutMinutes": {
                "type": "number",
                "minimum": 0,
                "maximum": MAX_MINUTES,
                "description": "How long to wait (fractions too); without it, for as long as it takes.",
            },
            "timeoutOutcome": {
                "enum": list(get_args(Timeout)),
                "default": "reject",
                "description": "What then counts as decided; fail: the node fails.",
            },
        }
    ),
    output_schema=output(
        {
            "decision": {"enum": ["approved", "rejected"]},
            "values": {"type": "object", "description": "The proposed values with the changes of the approval."},
            "edited": {"type": "boolean"},
            "comment": {"type": ["string", "null"]},
            "decidedBy": {"type": ["object", "null"], "description": "{userUuid, email, via}; null when the time was over."},
            "decidedAt": {"type": "string", "format": "date-time"},
            "timedOut": {"type": "boolean"},
            "reviewUuid": {"type": "string"},
        },
        ("decision", "values", "comment", "decidedBy", "decidedAt", "timedOut"),
    ),
    routes=Routes(("approved", "rejected"), fewest=1),
    needs_run=True,
    idempotency="key",
    check=check,
    performer=_performer,
)
