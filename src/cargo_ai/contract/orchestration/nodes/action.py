"""Actions: execute one action on one record or many, without a workflow."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Never, cast

from pydantic import BeforeValidator, Field, model_validator

from cargo_ai.contract import operations
from cargo_ai.contract.integration_slugs import AS_THERE_IS
from cargo_ai.contract.orchestration.batches import batch
from cargo_ai.contract.orchestration.fields import FINAL, NodeKind, Number, Word
from cargo_ai.contract.orchestration.nodes.node import NodeRetry
from cargo_ai.contract.orchestration.runs import run
from cargo_ai.kernel.operation import Cli, Operation, Until, refusal
from cargo_ai.kernel.wire import JsonObject, Uuid, Wire


class _Configured(Wire):
    """The fields of every action: config, over which the record's fields take precedence, and retries."""

    config: dict[str, Any] = Field(
        default_factory=dict[str, Any], description="The settings of the action; fields of the record take precedence."
    )
    retry: NodeRetry | None = Field(default=None, description="How failed attempts are retried.")

    def stored(self) -> JsonObject:
        """The action as it is stored and returned, without absent fields."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class NativeAction(_Configured):
    """A built-in action."""

    kind: Literal["native"]
    action_slug: Word = Field(min_length=1)


class ConnectorAction(_Configured):
    """An action of a service; without a connector, the integration's default one is used."""

    kind: Literal["connector"]
    integration_slug: Annotated[Word, AS_THERE_IS] = Field(min_length=1)
    action_slug: Word = Field(min_length=1)
    connector_uuid: Uuid | None = None


class ToolAction(_Configured):
    """A tool of the workspace: by uuid, by release, or by a template without placeholders."""

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


_ACTION = (
    'The action, as orchestration action list shows it: {"kind":"connector","integrationSlug":"http","actionSlug":"request"}, '
    '{"kind":"tool","toolUuid":"..."} or {"kind":"native","actionSlug":"..."}.'
)


class ExecuteAction(Wire):
    """One action on one record."""

    action: Action = Field(description=_ACTION)
    data: Any = Field(default_factory=dict[str, Any], description='The action\'s inputs, a JSON object: {"url":"https://example.com"}.')


class ExecuteActionBatch(Wire):
    """One action on many records. `data` is another name for `records`: one record, or a list of them."""

    action: Action = Field(description=_ACTION)
    records: list[dict[str, Any]] | None = Field(default=None, description="The records, a list of JSON objects with the action's inputs.")
    data: dict[str, Any] | list[dict[str, Any]] | None = Field(
        default=None, description="One record, or a list of them, instead of --records."
    )
    webhook_url: Annotated[str, Field(max_length=2_000)] | None = Field(
        default=None, description="The URL to which the finished batch is sent by POST."
    )
    webhook_secret: Annotated[str, Field(min_length=1, max_length=500)] | None = Field(
        default=None, description="Signs the webhook: its header x-cargo-signature is the HMAC-SHA256 of the body with this secret."
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
        default=None, description="Words that must all occur; all actions by default."
    )
    kind: NodeKind | None = Field(default=None, description="Only actions of this kind.")
    integration_slug: Annotated[Word | None, AS_THERE_IS] = Field(default=None, description="Only actions of this integration.")
    category: Word | None = Field(default=None, description="Only actions of integrations of this category, such as enrichment.")
    credits_only: bool = Field(default=False, description="Only actions that cost credits.")
    limit: Annotated[int, Field(ge=1, le=50)] = Field(default=20, description="How many at most, 1 to 50.")


class ActionConnector(Wire):
    """A connector that could carry the action out."""

    uuid: Uuid
    name: str
    slug: str
    is_default: bool


class FoundAction(Wire):
    """A matching action. `action` can be executed unchanged; `inputs`: the JSON Schema of its fields."""

    name: str
    description: str
    score: Number
    action: JsonObject
    connectors: list[ActionConnector]
    credits: JsonObject
    autocompletes: list[JsonObject]
    inputs: JsonObject


class FoundActions(Wire):
    """Matching actions, the best match first; `totalMatches` also counts those beyond the limit."""

    query: str
    total_matches: int
    results: list[FoundAction]


class GetOutputSchema(Wire):
    """The action whose output is asked for."""

    action: Action = Field(description=_ACTION)
    data: Any = Field(default=None, description="A record; optional.")


class OutputSchema(Wire):
    """The JSON Schema of an action's output."""

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
        summary="Search the actions of connectors, the native actions, the tools and the agents.",
        permission="orchestration:workflow:read",
        cli=Cli(
            aliases=(("connection", "action", "search"),),
            flags={"integrationSlug": ("--integration-slug", "--integration")},
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
        summary="Show the JSON Schema of an action's output, without executing it.",
        permission="orchestration:workflow:read",
        refusals={
            "integrationNotFound": refusal(404, "There is no integration {slug}."),
            "connectorNotFound": refusal(404, "There is no connector {uuid} of this integration."),
            "actionNotFound": refusal(404, "There is no such action: {cause}"),
            "actionHasNoOutput": refusal(404, "Action has no output schema."),
            "releaseNotFound": refusal(404, "There is no such release: {cause}"),
            "failedToGetSchema": refusal(502, "The schema could not be determined: {cause}"),
        },
        reads=True,
        cli=Cli(examples=(f"cargo-ai orchestration action get-output-schema --action {_REQUEST}",)),
    )
)
