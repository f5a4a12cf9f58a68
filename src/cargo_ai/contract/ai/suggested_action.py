"""Suggested actions: what a user could say next to an agent."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.ai import asking, fields
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import Uuid


class GenerateSuggestedActions(asking.AsksModel):
    """What the suggestions are for: an answer, an agent, or instructions with what may be used."""

    message_uuid: Uuid | None = Field(default=None, description="The message that they follow.")
    agent_uuid: Uuid | None = Field(default=None, description="The agent that they are for; of a message, its own.")
    system_prompt: fields.Prompt | None = Field(default=None, description="The instructions, in place of the agent's.")
    context_prompt: fields.Prompt | None = Field(default=None, description="What else is known, such as the page that the user looks at.")
    actions: fields.Actions | None = Field(default=None, description="The actions, in place of the agent's.")
    resources: fields.Resources | None = Field(default=None, description="What may be read, in place of the agent's.")
    capabilities: fields.Capabilities | None = Field(default=None, description="The capabilities, in place of the agent's.")
    cache_key: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        default=None, description="The same request with this key gets the same reply for an hour."
    )


class SuggestedActionsReply(asking.Asked):
    """What the user could say next."""

    suggested_actions: list[fields.SuggestedAction]


Reason = Literal["agentNotFound", "messageNotFound", "languageModelMissing", "failedToAskLanguageModel"]

generate: Operation[GenerateSuggestedActions, SuggestedActionsReply, Reason] = operations.add(
    Operation(
        "ai.suggestedAction.generate",
        "POST",
        "/ai/suggestedActions/generate",
        request=GenerateSuggestedActions,
        response=SuggestedActionsReply,
        summary="Have a language model suggest what to say next to an agent.",
        permission="ai:agent:write",
        refusals={
            "agentNotFound": refusal(404, "There is no agent {uuid} in this workspace."),
            "messageNotFound": refusal(404, "There is no message {uuid} in this workspace."),
            **asking.REFUSALS,
        },
        cli=Cli(examples=("cargo-ai ai suggested-action generate --agent-uuid UUID",)),
    )
)
