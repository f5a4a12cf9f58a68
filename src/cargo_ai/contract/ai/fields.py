"""Field types that agents, releases and messages share: actions, resources, capabilities, MCP clients, output."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from cargo_ai.contract.integration_slugs import AS_THERE_IS
from cargo_ai.contract.orchestration.fields import Number, Text, Word
from cargo_ai.contract.segmentation.filter import Filter
from cargo_ai.kernel.wire import JsonObject, Timestamp, Uuid, Wire

MAXIMUM_TOOLS = 128
"""Of actions, and of resources: services refuse more tools in one request."""

Prompt = Annotated[str, Field(max_length=100_000)]
Slug = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_.-]+$")]
"""The name by which the language model calls a tool."""


class _AgentAction(Wire):
    """What every action of an agent has. `slug` names it for the language model, `description` says when to use it; `config` holds the
    inputs that are fixed, which the language model neither sees nor sets. `isBulkAllowed`: the language model may call it for up to 50
    inputs at once, each of which is a run; agents are called one by one. `requiresApproval`: a person decides on each call."""

    slug: Slug
    name: Word | None = None
    description: Text | None = None
    is_bulk_allowed: bool = False
    config: dict[str, Any] = Field(default_factory=dict[str, Any])
    requires_approval: bool = False


class ToolAction(_AgentAction):
    """A tool of the workspace, or one of a template."""

    kind: Literal["tool"]
    tool_uuid: Uuid | None = None
    template_slug: Word | None = None
    wait_until_finished: bool = True


class SubAgentAction(_AgentAction):
    """Another agent of the workspace."""

    kind: Literal["agent"]
    agent_uuid: Uuid | None = None
    template_slug: Word | None = None
    wait_until_finished: bool = True


class ConnectorAction(_AgentAction):
    """An action of a third-party service; without a connector, that of the integration's default."""

    kind: Literal["connector"]
    integration_slug: Annotated[Word, AS_THERE_IS]
    connector_uuid: Uuid | None = None
    action_slug: Word


class BuiltInAction(_AgentAction):
    """A native action. Fields that name objects of the workspace (`modelUuid`) are for `config` alone: the language model sets none of
    them."""

    kind: Literal["native"]
    action_slug: Word


Action = Annotated[ToolAction | SubAgentAction | ConnectorAction | BuiltInAction, Field(discriminator="kind")]
Actions = Annotated[list[Action], Field(max_length=MAXIMUM_TOOLS)]


class _Resource(Wire):
    """What every resource has. `prompt`: how to use it, for the language model."""

    slug: Slug
    name: Word | None = None
    description: Text | None = None
    prompt: Text | None = None


class ModelResource(_Resource):
    """Records of a model. `isReadOnly` is true where it is absent; `limit`: rows of one query. `requiresApproval`: a person decides on each
    call that writes or removes records."""

    kind: Literal["model"]
    integration_slug: Annotated[Word | None, AS_THERE_IS] = None
    model_uuid: Uuid | None = None
    filter: Filter | None = None
    selected_column_slugs: Annotated[list[Word], Field(max_length=500)] | None = None
    limit: Annotated[int, Field(ge=1, le=1_000)] | None = None
    is_read_only: bool = True
    requires_approval: bool = False


class FileItem(Wire):
    """A file, or all files of a folder."""

    kind: Literal["file", "folder"]
    file_uuid: Uuid | None = None
    folder_uuid: Uuid | None = None


class FileResource(_Resource):
    """Files to search in."""

    kind: Literal["file"]
    items: Annotated[list[FileItem], Field(max_length=1_000)]


Resource = Annotated[ModelResource | FileResource, Field(discriminator="kind")]
Resources = Annotated[list[Resource], Field(max_length=MAXIMUM_TOOLS)]

CapabilitySlug = Literal[
    "sandbox",
    "context",
    "app",
    "code",
    "document",
    "webSearch",
    "fileSearch",
    "documentationSearch",
    "codeInterpreter",
    "memory",
    "suggestedActions",
]


class Capability(Wire):
    """Something that the platform lets an agent do."""

    slug: CapabilitySlug
    config: dict[str, Any] = Field(default_factory=dict[str, Any])


Capabilities = Annotated[list[Capability], Field(max_length=50)]


class McpAuthentication(Wire):
    """The tokens for an MCP server. They are stored sealed and shown as `***`; sending `***` keeps them."""

    issued_at: Timestamp | None = None
    access_token: Annotated[str, Field(max_length=20_000)]
    expires_in: Number | None = None
    refresh_token: Annotated[str, Field(max_length=20_000)] | None = None
    scope: Word | None = None
    token_type: Word | None = None
    client_id: Word | None = None
    client_secret: Annotated[str, Field(max_length=20_000)] | None = None


class _McpClient(Wire):
    """What every MCP client has. `requiresApproval`: a person decides on each call, also on those that the server says only read."""

    name: Word
    disabled_tool_slugs: Annotated[list[Word], Field(max_length=500)] = Field(default_factory=list[str])
    requires_approval: bool = False


class McpClientCustom(_McpClient):
    """An MCP server by its URL."""

    kind: Literal["custom"]
    url: Annotated[str, Field(min_length=1, max_length=2_000)]
    authentication: McpAuthentication | None = None


class McpClientConnector(_McpClient):
    """The MCP server of a connector's service."""

    kind: Literal["connector"]
    connector_uuid: Uuid
    integration_slug: Annotated[Word, AS_THERE_IS]


McpClient = Annotated[McpClientCustom | McpClientConnector, Field(discriminator="kind")]
McpClients = Annotated[list[McpClient], Field(max_length=20)]


class SuggestedActionAction(Wire):
    """An action of the agent, by its slug."""

    slug: Word


class SuggestedAction(Wire):
    """A text to begin with, and the actions that it is about."""

    text: Text
    actions: Annotated[list[SuggestedActionAction], Field(max_length=50)] = Field(default_factory=list[SuggestedActionAction])


SuggestedActions = Annotated[list[SuggestedAction], Field(max_length=50)]


class TextOutput(Wire):
    """An answer in words."""

    type: Literal["text"]


class JsonSchemaOutput(Wire):
    """An answer that is a JSON object and holds to this schema."""

    type: Literal["jsonSchema"]
    json_schema: JsonObject


class DefaultOutput(Wire):
    """The same as null."""

    type: Literal["default"]


Output = Annotated[TextOutput | JsonSchemaOutput | DefaultOutput, Field(discriminator="type")]


class Heartbeat(Wire):
    """The agent is asked again by itself, with this prompt."""

    interval_minutes: Annotated[int, Field(ge=1, le=525_600)]
    max_messages: Annotated[int, Field(ge=1, le=1_000)]
    prompt: Prompt | None = None


class Evaluator(Wire):
    """How answers are judged: a rubric, and the score from 0 to 1 from which an answer passes."""

    rubric: Prompt
    threshold: Annotated[float, Field(ge=0, le=1)]


class ReconcileOptions(Wire):
    """Connectors and models for actions and resources that name none, by the slug of the integration."""

    accepts_also: ClassVar[frozenset[str]] = frozenset()

    connector_uuids_by_integration_slug: dict[str, Uuid] = Field(default_factory=dict[str, str])
    model_uuids_by_integration_slug: dict[str, Uuid] = Field(default_factory=dict[str, str])


class LanguageModelChoice(Wire):
    """A language model, and the connector that asks it; without one, the integration's default."""

    integration_slug: Annotated[Word, AS_THERE_IS]
    connector_uuid: Uuid | None = None
    language_model_slug: Annotated[str, Field(min_length=1, max_length=200)]


LanguageModelChoices = Annotated[list[LanguageModelChoice], Field(max_length=5)]
