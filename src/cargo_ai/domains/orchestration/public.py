"""Public interface of orchestration: tools of agents, actions and queries of alerts; for the server's routes: forms, links and hooks."""

from cargo_ai.domains.orchestration.hooks.delivery import Delivered, deliver
from cargo_ai.domains.orchestration.insight.query import query
from cargo_ai.domains.orchestration.nodes import agent_tools
from cargo_ai.domains.orchestration.nodes.action import execute_action, problem_of_action
from cargo_ai.domains.orchestration.nodes.action_graph import ARGUMENTS
from cargo_ai.domains.orchestration.nodes.agent_tools import has_tool
from cargo_ai.domains.orchestration.nodes.effects import Effect, Effects
from cargo_ai.domains.orchestration.reviews import review_link
from cargo_ai.domains.orchestration.workflows import form
from cargo_ai.domains.orchestration.workflows.lookup import workflow_exists

__all__ = [
    "ARGUMENTS",
    "Delivered",
    "Effect",
    "Effects",
    "agent_tools",
    "deliver",
    "execute_action",
    "form",
    "has_tool",
    "problem_of_action",
    "query",
    "review_link",
    "workflow_exists",
]
