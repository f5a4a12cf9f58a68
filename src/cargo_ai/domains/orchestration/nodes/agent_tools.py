"""Tools of agents: what a language model may call, how each call is started as a run, and what it gave."""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from pydantic_core import from_json
from sqlalchemy import bindparam, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.context.process import Services
from cargo_ai.contract.orchestration.nodes.action import AgentAction, ConnectorAction, NativeAction, ToolAction
from cargo_ai.domains.connection import public as connection
from cargo_ai.domains.orchestration.node_tables import Review
from cargo_ai.domains.orchestration.nodes import action_graph
from cargo_ai.domains.orchestration.nodes.action_catalog import form_schema
from cargo_ai.domains.orchestration.tables import Release, Tool
from cargo_ai.domains.orchestration.workflows import lookup
from cargo_ai.engine.dispatch import cancel as engine_cancel
from cargo_ai.engine.dispatch import submit
from cargo_ai.engine.dispatch.queue import producer
from cargo_ai.engine.graph.action import Action as Declared
from cargo_ai.engine.graph.action import Call
from cargo_ai.engine.journal.tables import runs
from cargo_ai.kernel import ids
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.store.driver import driver_connection

Json = Any
ANYTHING: JsonObject = {"type": "object", "properties": {}, "additionalProperties": True}
_INSTEAD = {
    "agent": "an action of kind agent asks another agent",
    "modelAsk": "a resource of kind model lets an agent read records",
    "modelSearch": "a resource of kind model lets an agent read records",
}
"""Native actions that would give a language model more than the release names, and what does it instead."""
_OBJECT = re.compile(r"Uuids?$|^scope$")
"""Fields that say which object of the workspace an action reads or changes."""
_LAST = text("""
select distinct on (run_uuid) run_uuid, node_slug, output::text as output, output_file
from executions where run_uuid in :runs order by run_uuid, seq desc
""").bindparams(bindparam("runs", expanding=True))


class ToolUnusable(Exception):
    """The action cannot be called now; the message is for people and for the language model."""


@dataclass(frozen=True, slots=True)
class Parents:
    """Whose call it is: of an answer in a chat."""

    agent: uuid.UUID | None
    chat: uuid.UUID
    message: uuid.UUID


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """How a run ended. `output`: of its last node; None where it is kept in a file, of which `file` is the key. is_denied: a person has
    denied what the run was to do."""

    status: str
    error: str | None
    output: Json
    file: str | None
    is_denied: bool = False


async def has_tool(db: AsyncSession, tool: uuid.UUID | None) -> bool:
    """Whether the session's workspace has this tool."""
    return tool is not None and await db.scalar(select(Tool.uuid).where(Tool.uuid == tool, Tool.deleted_at.is_(None))) is not None


async def describe(services: Services, db: AsyncSession, workspace: uuid.UUID, action: Mapping[str, Any]) -> tuple[str, JsonObject]:
    """What an action is for, and the JSON Schema of what it takes, without what is fixed. ToolUnusable where it is not there any more."""
    fixed = cast("Mapping[str, Any]", action.get("config") or {})
    if action["kind"] == "tool":
        tool, release = await _tool(db, action)
        schema = ANYTHING if release.form_fields is None else form_schema(cast("list[JsonObject]", release.form_fields))
        return action.get("description") or tool.description or tool.name, _without(schema, fixed)
    if action["kind"] == "native":
        native = find_native(services, action)
        schema = _without(dict(native.config_schema), {**fixed, **dict.fromkeys(_objects_of(native))})
        return action.get("description") or native.description, {**schema, "additionalProperties": False}
    integration = (await connection.integrations(services, workspace)).get(action["integrationSlug"])
    declared = None if integration is None else integration.action(action["actionSlug"])
    if declared is None:
        raise ToolUnusable(f"There is no action {action['actionSlug']} of {action['integrationSlug']}.")
    return action.get("description") or declared.description, _without(dict(declared.config_schema), fixed)


def _without(schema: JsonObject, fixed: Mapping[str, Any]) -> JsonObject:
    properties = {name: part for name, part in cast("JsonObject", schema.get("properties", {})).items() if name not in fixed}
    required = [name for name in schema.get("required", []) if name not in fixed]
    return {**schema, "type": "object", "properties": properties, "required": required}


def find_native(services: Services, action: Mapping[str, Any]) -> Declared[Call]:
    """The native action that an agent's action names. ToolUnusable where agents cannot have it, or it leaves open what it acts on."""
    slug = str(action["actionSlug"])
    native = services.actions.native(slug)
    if native is None:
        raise ToolUnusable(f"There is no native action {slug}: see `cargo-ai orchestration action list --kind native`.")
    if native.only_in_graphs or native.chooses or slug in _INSTEAD:
        why = _INSTEAD.get(slug, "it means nothing outside of a workflow")
        raise ToolUnusable(f"The native action {slug} is not one for agents: {why}.")
    fixed = cast("Mapping[str, Any]", action.get("config") or {})
    needed = set(cast("Sequence[str]", native.config_schema.get("required", ())))
    is_open = sorted(name for name in _objects_of(native) if name in needed and name not in fixed)
    if is_open:
        raise ToolUnusable(f"The config has to fix {', '.join(is_open)}: a language model does not choose what {slug} acts on.")
    return native


def _objects_of(native: Declared[Call]) -> list[str]:
    return [name for name in cast("JsonObject", native.config_schema.get("properties", {})) if _OBJECT.search(name)]


async def start(
    services: Services,
    db: AsyncSession,
    workspace: uuid.UUID,
    user: uuid.UUID | None,
    action: Mapping[str, Any],
    arguments: JsonObject,
    parents: Parents | None,
    question: JsonObject | None = None,
) -> uuid.UUID:
    """Start the run of a call in the session's transaction. What is fixed wins over the arguments. question: what a person is asked before
    the action, the config of a `humanReview`. ToolUnusable where it cannot be started."""
    fixed = cast("JsonObject", action.get("config") or {})
    if action["kind"] == "tool":
        tool, release = await _tool(db, action)
        if question is None:
            spec = submit.RunSpec(workspace, tool.workflow_uuid, user, release.uuid, release.nodes)
            return await _submit(services, db, spec, arguments | fixed, parents)
    record = {name: value for name, value in arguments.items() if name not in fixed}
    if action["kind"] == "native":
        objects = _objects_of(find_native(services, action))
        record = {name: value for name, value in record.items() if name not in objects}
    named = await _named(services, workspace, action, fixed)
    known = await services.actions.within(workspace)
    nodes = [node.to_wire() for node in action_graph.nodes(known, named, [record], approved=question is not None)]
    spec = submit.RunSpec(workspace, await lookup.hidden_workflow(db, workspace), user, None, nodes)
    if question is not None:
        record = question | {"fields": [{"name": action_graph.ARGUMENTS, "type": "object", "value": record, "required": False}]}
    return await _submit(services, db, spec, record, parents)


async def _named(services: Services, workspace: uuid.UUID, action: Mapping[str, Any], fixed: JsonObject) -> action_graph.Direct:
    if action["kind"] == "tool":
        return ToolAction(kind="tool", tool_uuid=action["toolUuid"], config=fixed)
    if action["kind"] == "agent":
        return AgentAction(kind="agent", agent_uuid=action["agentUuid"], config=fixed)
    if action["kind"] == "native":
        return NativeAction(kind="native", action_slug=action["actionSlug"], config=fixed)
    integration = (await connection.integrations(services, workspace)).get(action["integrationSlug"])
    if integration is None or integration.action(action["actionSlug"]) is None:
        raise ToolUnusable(f"There is no action {action['actionSlug']} of {action['integrationSlug']}.")
    return ConnectorAction(
        kind="connector",
        integration_slug=action["integrationSlug"],
        action_slug=action["actionSlug"],
        connector_uuid=action.get("connectorUuid"),
        config=fixed,
    )


async def ask_person(
    services: Services, db: AsyncSession, workspace: uuid.UUID, user: uuid.UUID | None, question: JsonObject, parents: Parents
) -> uuid.UUID:
    """Start a run that asks people, in the session's transaction. question: the config of a `humanReview` node, whose output it gives."""
    review = NativeAction(kind="native", action_slug="humanReview", config={})
    nodes = [node.to_wire() for node in action_graph.nodes(services.actions, review, [question])]
    spec = submit.RunSpec(workspace, await lookup.hidden_workflow(db, workspace), user, None, nodes)
    return await _submit(services, db, spec, question, parents)


async def review_of(db: AsyncSession, run: uuid.UUID) -> uuid.UUID | None:
    """The review that a run of `ask_person` waits for."""
    return await db.scalar(select(Review.uuid).where(Review.run_uuid == run))


async def open_review_of(db: AsyncSession, run: uuid.UUID) -> uuid.UUID | None:
    """The review for which a run waits now, if it waits for one."""
    return await db.scalar(select(Review.uuid).where(Review.run_uuid == run, Review.status == "pending").limit(1))


async def cancel(db: AsyncSession, workspace: uuid.UUID, started: Sequence[uuid.UUID]) -> None:
    """Cancel runs, in the session's transaction."""
    if started:
        await engine_cancel.cancel_runs(await driver_connection(db), workspace, started)


async def _submit(services: Services, db: AsyncSession, spec: submit.RunSpec, record: JsonObject, parents: Parents | None) -> uuid.UUID:
    row = await submit.submit_run(await driver_connection(db), producer(services.settings.max_concurrent_runs), spec, record)
    if parents is not None:
        origin = {"parent_agent_uuid": parents.agent, "parent_chat_uuid": parents.chat, "parent_message_uuid": parents.message}
        await db.execute(update(runs).where(runs.c.uuid == row["uuid"]).values(origin))
    return row["uuid"]


async def outcomes(db: AsyncSession, workspace: uuid.UUID, started: Collection[uuid.UUID]) -> dict[uuid.UUID, RunOutcome]:
    """Those of these runs that have ended, and how."""
    query = select(runs.c.uuid, runs.c.status, runs.c.error_message).where(
        runs.c.uuid.in_(started), runs.c.workspace_uuid == workspace, runs.c.finished_ms.is_not(None)
    )
    ended = {row.uuid: row for row in await db.execute(query)}
    if not ended:
        return {}
    last = {row.run_uuid: row for row in await db.execute(_LAST, {"runs": list(ended)})}
    return {uid: _outcome(row.status, row.error_message, last.get(uid)) for uid, row in ended.items()}


def _outcome(status: str, error: str | None, last: Any) -> RunOutcome:
    """last: the last execution of the run, if it had one."""
    if last is None:
        return RunOutcome(status, error, None, None)
    output = None if last.output is None else from_json(last.output)
    is_denied = status == "success" and last.node_slug == action_graph.APPROVAL and isinstance(output, dict) and "reviewUuid" in output
    return RunOutcome(status, error, output, last.output_file, is_denied)


async def _tool(db: AsyncSession, action: Mapping[str, Any]) -> tuple[Tool, Release]:
    row = (
        await db.execute(
            select(Tool, Release)
            .join(Release, (Release.workflow_uuid == Tool.workflow_uuid) & (Release.status == "deployed"))
            .where(Tool.uuid == ids.parse(str(action.get("toolUuid") or "")), Tool.deleted_at.is_(None))
        )
    ).one_or_none()
    if row is None:
        raise ToolUnusable(f"There is no tool {action.get('toolUuid')}, or it has nothing deployed.")
    return row[0], row[1]
