"""Start answers to nodes: create the chats, messages and empty answers of many nodes in one transaction of few statements."""

from __future__ import annotations

import json
import uuid
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

from cargo_ai.domains.ai.agents import lookup
from cargo_ai.domains.ai.asking.groups import Groups
from cargo_ai.domains.ai.chats import conversation, effective
from cargo_ai.domains.ai.chats.answering.origin import Origin
from cargo_ai.domains.ai.tables import Chat
from cargo_ai.engine.graph.action import InvalidConfig
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.llm.step import Turn
from cargo_ai.store.driver import Connection, driver_connection
from cargo_ai.store.session import ALL_WORKSPACES, Database

MAX_RELEASES = 200
"""Whose parts a process keeps: those of releases that are frozen."""
KNOWN = "select execution_key, uuid from messages where execution_key = any(%s)"
AGENTS = """
select asked.workspace, asked.agent, asked.release, a.name, a.max_tokens_per_day is not null or a.max_credits_per_day is not null, r.uuid
from unnest(%s::uuid[], %s::uuid[], %s::uuid[]) as asked(workspace, agent, release)
join agents a on a.uuid = asked.agent and a.workspace_uuid = asked.workspace and a.deleted_at is null
left join lateral (
    select d.uuid from agent_releases d where d.agent_uuid = a.uuid and d.status = 'deployed' and asked.release is null
    union all select n.uuid from agent_releases n where n.agent_uuid = a.uuid and n.uuid = asked.release
) r on true
"""
PARTS = "select uuid, status <> 'draft', parts from agent_releases where uuid = any(%s)"
BEGIN = """
with begun as (
    select * from unnest(
        %(workspaces)s::uuid[], %(chats)s::uuid[], %(sent)s::uuid[], %(answers)s::uuid[], %(agents)s::uuid[], %(releases)s::uuid[],
        %(traces)s::uuid[], %(keys)s::text[], %(triggers)s::text[], %(parts)s::text[], %(given)s::text[]
    ) as begun(workspace, chat, sent, answer, agent, release, trace, key, trigger, parts, given)
), answers as (
    insert into messages (
        uuid, created_at, updated_at, workspace_uuid, chat_uuid, agent_uuid, release_uuid, type, status, parts, given, steps,
        execution_key, owner, leased_until
    )
    select answer, %(now)s + interval '1 millisecond', %(now)s, workspace, chat, agent, release, 'assistant', 'generating', '[]',
        given::json, '[]', key, %(owner)s, %(until)s
    from begun order by key
    on conflict (execution_key) do nothing returning uuid
), sent as (
    insert into messages (
        uuid, created_at, updated_at, workspace_uuid, chat_uuid, agent_uuid, release_uuid, type, status, parts, given, steps, finished_at
    )
    select sent, %(now)s, %(now)s, workspace, chat, agent, release, 'user', 'success', begun.parts::json, '{}', '[]', %(now)s
    from begun join answers on answers.uuid = begun.answer
), new_chats as (
    insert into chats (uuid, created_at, updated_at, workspace_uuid, agent_uuid, trigger, trace_uuid, last_message_uuid, heartbeats_count)
    select chat, %(now)s, %(now)s, workspace, agent, begun.trigger::json, trace, answer, 0
    from begun join answers on answers.uuid = begun.answer
)
select uuid from answers
"""


@dataclass(frozen=True, slots=True)
class Request:
    """What a node asks. agent: None asks with `given` alone. release: the one that the node names, None the deployed one.
    repeated: it may have been asked before. sent, answer: the uuids of the message and of the answer to it."""

    workspace: uuid.UUID
    key: str
    agent: uuid.UUID | None
    release: uuid.UUID | None
    text: str
    given: JsonObject
    trigger: JsonObject
    trace: uuid.UUID
    repeated: bool
    sent: uuid.UUID
    answer: uuid.UUID


@dataclass(frozen=True, slots=True)
class Begun:
    """The answer to a node. origin: what it is written from by this process; None where it had begun before."""

    message: uuid.UUID
    origin: Origin | None


class _Agent(NamedTuple):
    """An agent that is asked, and the release that answers."""

    name: str
    is_limited: bool
    release: uuid.UUID | None


class _New(NamedTuple):
    """An answer that is to be stored, with its chat."""

    request: Request
    release: uuid.UUID | None
    origin: Origin


_Asked = tuple[uuid.UUID, uuid.UUID, uuid.UUID | None]
"""The workspace, the agent, and the release that is named."""


class Beginning:
    """Begins answers as those of one process. Several that are wanted at the same time are one group."""

    def __init__(self, database: Database, owner: uuid.UUID, lease: timedelta) -> None:
        self._database, self._owner, self._lease = database, owner, lease
        self._frozen: OrderedDict[uuid.UUID, JsonObject] = OrderedDict()
        self._groups = Groups[Request, Begun | InvalidConfig]("answers to nodes that begin", self._store)
        database.before_close(self._groups.end)

    async def begin(self, request: Request) -> Begun:
        """Begin the answer to a node, unless it has begun. InvalidConfig where its agent cannot be asked."""
        begun = await self._groups.add(request)
        if isinstance(begun, InvalidConfig):
            raise begun
        return begun

    async def _store(self, requests: Sequence[Request]) -> Sequence[Begun | InvalidConfig]:
        async with self._database.session(ALL_WORKSPACES) as db:
            connection = await driver_connection(db)
            known = await _known(connection, [request.key for request in requests if request.repeated])
            # By their answers, not by their keys: a shard that this process has lost and claimed again asks for the same one twice.
            results: dict[uuid.UUID, Begun | InvalidConfig] = {
                request.answer: known[request.key] for request in requests if request.key in known
            }
            fresh = [request for request in requests if request.key not in known]
            agents = await _agents(connection, fresh)
            releases = await self._parts(connection, {agent.release for agent in agents.values() if agent.release is not None})
            new: list[_New] = []
            for request in fresh:
                try:
                    new.append(_new(request, agents, releases))
                except InvalidConfig as error:
                    results[request.answer] = error
            if new:
                results |= await self._insert(connection, new)
            await db.commit()
        return [results[request.answer] for request in requests]

    async def _parts(self, connection: Connection, releases: set[uuid.UUID]) -> Mapping[uuid.UUID, JsonObject]:
        """The parts of releases; those of frozen ones are kept."""
        known = {uid: self._frozen[uid] for uid in releases if uid in self._frozen}
        if missing := list(releases - known.keys()):
            for uid, is_frozen, parts in await (await connection.execute(PARTS, (missing,))).fetchall():
                known[uid] = parts
                if is_frozen:
                    self._frozen[uid] = parts
        while len(self._frozen) > MAX_RELEASES:
            self._frozen.popitem(last=False)
        return known

    async def _insert(self, connection: Connection, new: Sequence[_New]) -> Mapping[uuid.UUID, Begun]:
        """Insert chats and messages; the answer to each, which is another process's where that has begun it meanwhile."""
        now = clock.now()
        values: dict[str, Any] = {
            "now": now,
            "until": now + self._lease,
            "owner": self._owner,
            "workspaces": [row.request.workspace for row in new],
            "chats": [row.origin.chat.uuid for row in new],
            "sent": [row.request.sent for row in new],
            "answers": [row.request.answer for row in new],
            "agents": [row.request.agent for row in new],
            "releases": [row.release for row in new],
            "traces": [row.request.trace for row in new],
            "keys": [row.request.key for row in new],
            "triggers": [json.dumps(row.request.trigger) for row in new],
            "parts": [json.dumps(_parts_of(row.request)) for row in new],
            "given": [json.dumps(row.request.given) for row in new],
        }
        inserted = {uid for (uid,) in await (await connection.execute(BEGIN, values)).fetchall()}
        others = await _known(connection, [row.request.key for row in new if row.request.answer not in inserted])
        return {
            row.request.answer: Begun(row.request.answer, row.origin) if row.request.answer in inserted else others[row.request.key]
            for row in new
        }


async def _known(connection: Connection, keys: Sequence[str]) -> dict[str, Begun]:
    """The answers that there are by their keys."""
    if not keys:
        return {}
    rows = await (await connection.execute(KNOWN, (list(keys),))).fetchall()
    return {key: Begun(message, None) for key, message in rows}


async def _agents(connection: Connection, requests: Sequence[Request]) -> dict[_Asked, _Agent]:
    """The agents that are asked; those that are not there are left out."""
    asked = sorted({(request.workspace, request.agent, request.release) for request in requests if request.agent is not None}, key=str)
    if not asked:
        return {}
    rows = await (await connection.execute(AGENTS, [list(column) for column in zip(*asked, strict=True)])).fetchall()
    return {(workspace, agent, named): _Agent(*rest) for workspace, agent, named, *rest in rows}


def _new(request: Request, agents: Mapping[_Asked, _Agent], releases: Mapping[uuid.UUID, JsonObject]) -> _New:
    """The answer to a node. InvalidConfig where its agent cannot be asked."""
    agent, release = None, None
    if request.agent is not None:
        agent = agents.get((request.workspace, request.agent, request.release))
        if agent is None:
            raise no_agent(str(request.agent))
        release = agent.release
        if release is None or release not in releases:
            fix = f"cargo-ai ai release deploy-draft --agent-uuid {request.agent}"
            raise InvalidConfig(f"The agent {agent.name!r} has nothing deployed: {fix}")
    chat = Chat(
        uuid=ids.new(), workspace_uuid=request.workspace, agent_uuid=request.agent, trigger=request.trigger, trace_uuid=request.trace
    )
    plan = effective.plan(None if release is None else releases[release], request.given)
    turns = [Turn(conversation.text_of(_parts_of(request)))]
    return _New(request, release, Origin(chat, plan, turns, is_limited=agent is not None and agent.is_limited, of_node=True))


def no_agent(named: str) -> InvalidConfig:
    """There is no such agent."""
    return InvalidConfig(f"There is no agent {named} (any more): see `{lookup.LIST}`.")


def _parts_of(request: Request) -> list[JsonObject]:
    return [{"type": "text", "text": request.text}]
