"""Actions: execute one action on one record or many, without a workflow."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Never, cast

from pydantic import BeforeValidator, Field, model_validator

from cargo_ai.contract import operations
from cargo_ai.contract.orchestration import batch, run
from cargo_ai.contract.orchestration.fields import FINAL, Number, Word
from cargo_ai.contract.orchestration.node import NodeRetry
from cargo_ai.kernel.operation import Cli, Operation, Until, refusal
from cargo_ai.kernel.wire import JsonObject, Uuid, Wire

ActionKind = Literal["connector", "native", "tool", "agent"]


class _Configured(Wire):
    """What all actions have: settings, over which the record's fields win, and a rule for failures."""

    config: dict[str, Any] = Field(
        default_factory=dict[str, Any], description="Settings; without any, the record's fields are the action's input."
    )
    retry: NodeRetry | None = Field(default=None, description="How often a failed try is repeated.")

    def stored(self) -> JsonObject:
        """The action as it is kept and handed out: what was not given stays absent."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class NativeAction(_Configured):
    """A built-in action."""

    kind: Literal["native"]
    action_slug: Word = Field(min_length=1)


class ConnectorAction(_Configured):
    """An action of a service; without a connector, the integration's default one is used."""

    kind: Literal["connector"]
    integration_slug: Word = Field(min_length=1)
    action_slug: Word = Field(min_length=1)
    connector_uuid: Uuid | None = None


class ToolAction(_Configured):
    """A tool of the workspace: by its uuid, by one of its releases, or as a template that needs no filling in."""

    kind: Literal["tool"]
    tool_uuid: Uuid | None = None
    release_uuid: Uuid | None = None
    template_slug: Word | None = None
    wait_until_finished: bool | None = None

    @model_validator(mode="after")
    def _named(self) -> ToolAction:
        if not (self.tool_uuid or self.release_uuid or self.template_slug):
            raise ValueError("a tool action needs toolUuid, releaseUuid or templateSlug")
        return self


class AgentAction(_Configured):
    """An agent of the workspace."""

    kind: Literal["agent"]
    agent_uuid: Uuid | None = None
    release_uuid: Uuid | None = None
    template_slug: Word | None = None
    wait_until_finished: bool | None = None


Action = Annotated[NativeAction | ConnectorAction | ToolAction | AgentAction, Field(discriminator="kind")]


class ExecuteAction(Wire):
    """One action on one record."""

    action: Action = Field(description="The action, such as what `orchestration action list` shows.")
    data: Any = Field(default_factory=dict[str, Any], description="The record: a JSON object with the action's inputs.")


class ExecuteActionBatch(Wire):
    """One action on many records. `data` is another name for `records`: one record, or a list of them."""

    action: Action = Field(description="The action, such as what `orchestration action list` shows.")
    records: list[dict[str, Any]] | None = Field(default=None, description="The records: a list of JSON objects.")
    data: dict[str, Any] | list[dict[str, Any]] | None = Field(default=None, description="A single record instead of records.")
    webhook_url: Annotated[str, Field(max_length=2_000)] | None = Field(
        default=None, description="Where the finished batch is sent to, by POST."
    )
    webhook_secret: Annotated[str, Field(min_length=1, max_length=500)] | None = Field(
        default=None, description="Signs what is sent: x-cargo-signature is its HMAC-SHA256."
    )

    @model_validator(mode="before")
    @classmethod
    def _given(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return cast("object", value)
        given = cast("dict[str, Any]", value)
        if given.get("records") is None and given.get("data") is None:
            raise ValueError("records is missing: give a list of JSON objects")
        return given

    @property
    def all_records(self) -> list[JsonObject]:
        """The records, however they were given."""
        if self.records is not None:
            return self.records
        return self.data if isinstance(self.data, list) else [self.data or {}]


def _joined(value: Any) -> Any:
    """Several words may come as a list, as they do from a command line."""
    return " ".join(map(str, cast("list[object]", value))) if isinstance(value, list) else cast("object", value)


class ListActions(Wire):
    """Which actions to look for."""

    query: Annotated[str | None, BeforeValidator(_joined), Field(max_length=200)] = Field(
        default=None, description="Words that all must be found; all actions without."
    )
    kind: ActionKind | None = Field(default=None, description="Only actions of this kind.")
    integration_slug: Word | None = Field(default=None, description="Only actions of this integration.")
    limit: Annotated[int, Field(ge=1, le=50)] = Field(default=20, description="How many at most; 50 is the maximum.")


class ActionConnector(Wire):
    """A connector that could carry the action out."""

    uuid: Uuid
    name: str
    slug: str
    is_default: bool


class FoundAction(Wire):
    """An action that was found. `action` can be executed as it is; `inputs` is the JSON Schema of its fields."""

    name: str
    description: str
    score: Number
    action: JsonObject
    connectors: list[ActionConnector]
    credits: JsonObject
    autocompletes: list[JsonObject]
    inputs: JsonObject


class FoundActions(Wire):
    """What was found, the best first; `totalMatches` counts what the limit cut off, too."""

    query: str
    total_matches: int
    results: list[FoundAction]


class GetOutputSchema(Wire):
    """The action whose output is asked for."""

    action: Action = Field(description="The action.")
    data: Any = Field(default=None, description="A record; not needed.")


class OutputSchema(Wire):
    """The JSON Schema of what an action gives."""

    schema_: JsonObject = Field(alias="schema")


OutputSchemaReason = Literal[
    "integrationNotFound", "connectorNotFound", "actionNotFound", "actionHasNoOutput", "releaseNotFound", "failedToGetSchema"
]

_REQUEST = """'{"kind":"connector","integrationSlug":"http","actionSlug":"request"}'"""

execute: Operation[ExecuteAction, run.RunReply, run.CreateReason] = operations.add(
    Operation(
        "orchestration.action.execute",
        "POST",
        "/orchestration/actions/execute",
        request=ExecuteAction,
        response=run.RunReply,
        summary="Execute one action on one record.",
        permission="orchestration:workflow:write",
        refusals=run.create.refusals,
        until=Until("orchestration.run.get", key="run.uuid", field="run.status", final=FINAL),
        cli=Cli(
            examples=(
                f"cargo-ai orchestration action execute --action {_REQUEST} "
                """--data '{"url":"https://example.com"}' --wait-until-finished""",
                """cargo-ai orchestration action execute --action '{"kind":"tool","toolUuid":"UUID"}' --data '{"domain":"acme.com"}'""",
            )
        ),
    )
)

execute_batch: Operation[ExecuteActionBatch, batch.BatchReply, batch.CreateReason] = operations.add(
    Operation(
        "orchestration.action.executeBatch",
        "POST",
        "/orchestration/actions/execute-batch",
        request=ExecuteActionBatch,
        response=batch.BatchReply,
        summary="Execute one action on many records.",
        permission="orchestration:workflow:write",
        refusals=batch.create.refusals,
        until=Until("orchestration.batch.get", key="batch.uuid", field="batch.status", final=FINAL),
        cli=Cli(
            results="orchestration.run.downloadOutputs",
            examples=(
                f"cargo-ai orchestration action execute-batch --action {_REQUEST} "
                """--records '[{"url":"https://example.com"},{"url":"https://example.org"}]' --wait-until-finished""",
                """cargo-ai orchestration action execute-batch --action '{"kind":"tool","toolUuid":"UUID"}' --records @records.json """
                "--webhook-url https://example.com/done --webhook-secret SECRET",
            ),
        ),
    )
)

list_: Operation[ListActions, FoundActions, Never] = operations.add(
    Operation(
        "orchestration.action.list",
        "GET",
        "/orchestration/actions/list",
        request=ListActions,
        response=FoundActions,
        summary="Search the actions that can be executed: of services, built-in ones and tools.",
        permission="orchestration:workflow:read",
        cli=Cli(
            positionals=("query",),
            csv=frozenset({"query"}),
            examples=("cargo-ai orchestration action list http request", "cargo-ai orchestration action list --kind tool --limit 50"),
        ),
    )
)

get_output_schema: Operation[GetOutputSchema, OutputSchema, OutputSchemaReason] = operations.add(
    Operation(
        "orchestration.action.getOutputSchema",
        "POST",
        "/orchestration/actions/get-output-schema",
        request=GetOutputSchema,
        response=OutputSchema,
        summary="Show the JSON Schema of what an action gives, without executing it.",
        permission="orchestration:workflow:read",
        refusals={
            "integrationNotFound": refusal(404, "There is no integration {slug}."),
            "connectorNotFound": refusal(404, "There is no connector {uuid} of this integration."),
            "actionNotFound": refusal(404, "There is no such action: {cause}"),
            "actionHasNoOutput": refusal(404, "Action has no output schema."),
            "releaseNotFound": refusal(404, "There is no release to look at: {cause}"),
            "failedToGetSchema": refusal(502, "The schema could not be made: {cause}"),
        },
        reads=True,
        cli=Cli(examples=(f"cargo-ai orchestration action get-output-schema --action {_REQUEST}",)),
    )
)
