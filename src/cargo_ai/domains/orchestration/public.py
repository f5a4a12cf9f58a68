"""Public interface of orchestration: tools of agents, public forms of tools, signed links of reviews and hooks, for the server's routes."""

from cargo_ai.domains.orchestration.hooks.delivery import Delivered, deliver
from cargo_ai.domains.orchestration.nodes import agent_tools
from cargo_ai.domains.orchestration.nodes.action_graph import ARGUMENTS
from cargo_ai.domains.orchestration.nodes.agent_tools import has_tool
from cargo_ai.domains.orchestration.reviews import review_link
from cargo_ai.domains.orchestration.workflows import form

__all__ = ["ARGUMENTS", "Delivered", "agent_tools", "deliver", "form", "has_tool", "review_link"]
