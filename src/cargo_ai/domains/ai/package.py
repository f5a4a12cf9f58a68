"""What the AI domain adds to the server: its operations, the writing of answers and what follows them, and triggers of agents."""

from __future__ import annotations

from cargo_ai.context.package import Package
from cargo_ai.context.process import Hooks, Services
from cargo_ai.domains.ai.afterwards.afterwards import Afterwards
from cargo_ai.domains.ai.agents import lookup, search_kinds, trigger
from cargo_ai.domains.ai.asking import fields, given_before, token_bounds
from cargo_ai.domains.ai.chats import hooked, scheduled, sending
from cargo_ai.domains.ai.chats.answering.answers import Answers
from cargo_ai.domains.ai.chats.nodes import agent_node
from cargo_ai.domains.ai.live.speaker import Speaker
from cargo_ai.engine.dispatch.queue import Task


def _answers(services: Services) -> Answers:
    return services.once(Answers, lambda: Answers(services))


def _answer(services: Services) -> Task:
    return _answers(services).start


PACKAGE = Package(
    module=__package__ or "",
    actions=agent_node.ACTIONS,
    instruct=lambda services: services.once(fields.Fields, lambda: fields.Fields(services)).fill,
    hooks=Hooks(
        token_bounds=token_bounds.of_nodes,
        known_agents=lookup.known_agents,
        hook_targets=(hooked.of_connector,),
        search_kinds=search_kinds.KINDS,
    ),
    chores={"forget what fields were filled with": lambda services: given_before.forget(services.database)},
    jobs={sending.TASK: _answer},
    schedules={trigger.KIND: lambda _services: scheduled.fire},
    background=[
        lambda services: _answers(services).run(),
        lambda services: services.once(Speaker, lambda: Speaker(services)).run(),
        lambda services: Afterwards(services).run(),
    ],
)
