"""Tools: workflows that run on demand."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Never, cast

from pydantic import BeforeValidator, Field

from cargo_ai.contract import operations
from cargo_ai.contract.orchestration.fields import Name, Number, Text, Word
from cargo_ai.contract.workspace.bin import RemovedToBin
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import ByUuid, JsonObject, Timestamp, Uuid, Wire


class RawIcon(Wire):
    """An icon drawn by the user, as data."""

    kind: Literal["raw"]
    data: Annotated[Text, Field(max_length=100_000)]


class EmojiIcon(Wire):
    """An icon from the emoji set."""

    kind: Literal["emoji"]
    emoji_slug: Word


ToolIcon = Annotated[RawIcon | EmojiIcon, Field(discriminator="kind")]


class CostOfParts(Wire):
    """The cost is derived from the nodes: as a range, or as a sum."""

    kind: Literal["minMax", "sum"]


class CustomCost(Wire):
    """A cost that a user has set."""

    kind: Literal["custom"]
    min: Number
    max: Number


ToolCreditsCost = Annotated[CostOfParts | CustomCost, Field(discriminator="kind")]


class ToolTrigger(Wire):
    """A cron trigger of a tool: the schedule and the input. The fields of a reply are accepted unchanged."""

    accepts_also: ClassVar[frozenset[str]] = frozenset({"temporalScheduleWorkflowId", "nextFireAt", "lastFireAt", "lastRunUuid", "problem"})

    name: Name
    description: Text | None = None
    type: Literal["cron"] = "cron"
    cron: Word
    time_zone: Word | None = None
    data: dict[str, Any] = Field(default_factory=dict[str, Any])

    def stored(self) -> JsonObject:
        """The trigger as it is stored."""
        return ToolTrigger.to_wire(self)


class ToolTriggerCron(Wire):
    """A trigger with its state: when it fires next and fired last, the run that it started, or the problem that prevented one."""

    name: str
    description: str | None
    type: Literal["cron"]
    cron: str
    time_zone: str | None
    data: JsonObject
    temporal_schedule_workflow_id: str
    next_fire_at: Timestamp | None = None
    last_fire_at: Timestamp | None = None
    last_run_uuid: Uuid | None = None
    problem: str | None = None


class HookTriggerConfig(Wire):
    """Which events start the tool."""

    types: Annotated[list[Word], Field(max_length=100)] = Field(default_factory=list[str])


class HookTrigger(Wire):
    """A trigger by the events that a webhook connector takes. types: of these only; all of them by default."""

    name: Name
    description: Text | None = None
    type: Literal["connector"]
    connector_uuid: Uuid
    integration_slug: Literal["webhook"] = "webhook"
    config: HookTriggerConfig = HookTriggerConfig()

    def stored(self) -> JsonObject:
        """The trigger as it is stored."""
        return HookTrigger.to_wire(self)


def _triggers(value: Any) -> Any:
    """A lone trigger means a list of one; one without a type is a clock's."""
    triggers = [cast("object", value)] if isinstance(value, dict) else value
    if not isinstance(triggers, list):
        return triggers
    return [{"type": "cron", **trigger} if isinstance(trigger, dict) else trigger for trigger in cast("list[object]", triggers)]


ToolTriggerInput = Annotated[ToolTrigger | HookTrigger, Field(discriminator="type")]
Triggers = Annotated[list[ToolTriggerInput], BeforeValidator(_triggers), Field(max_length=100)]


class ToolPublicFormSpam(Wire):
    """Spam protection of a form. The secret is shown as `***`; sending `***` keeps it."""

    captcha_provider: Literal["turnstile", "hcaptcha"] | None = None
    captcha_site_key: Word | None = None
    captcha_secret: Word | None = None
    min_fill_millis: Number = 0


class ToolPublicFormTheme(Wire):
    """Colours and shapes of a form, as CSS values."""

    preset: Literal["light", "dark"] | None = None
    primary_color: Word | None = None
    primary_text_color: Word | None = None
    primary_hover_color: Word | None = None
    text_color: Word | None = None
    muted_color: Word | None = None
    background_color: Word | None = None
    border_color: Word | None = None
    border_focus_color: Word | None = None
    radius: Word | None = None
    font_family: Word | None = None


class ToolPublicFormPresentation(Wire):
    """How a form looks."""

    theme: ToolPublicFormTheme | None = None


class ToolPublicForm(Wire):
    """A form through which anyone may run the tool."""

    is_enabled: bool
    allowed_origins: Annotated[list[Word], Field(max_length=100)] = Field(default_factory=list[str])
    spam: ToolPublicFormSpam = ToolPublicFormSpam()
    presentation: ToolPublicFormPresentation | None = None


class ToolTemplate(Wire):
    """Whether the tool is offered as a template."""

    is_available: bool
    scope: Literal["public", "private"]


class Tool(Wire):
    """A workflow that runs on demand."""

    uuid: Uuid
    icon: ToolIcon
    workspace_uuid: Uuid
    workflow_uuid: Uuid
    user_uuid: Uuid
    name: str
    folder_uuid: Uuid | None
    credits_cost: ToolCreditsCost
    description: str | None
    is_read_only: bool
    triggers: list[Annotated[ToolTriggerCron | HookTrigger, Field(discriminator="type")]]
    public_form: ToolPublicForm | None
    created_at: Timestamp
    updated_at: Timestamp
    deleted_at: Timestamp | None


class ToolReply(Wire):
    """One tool."""

    tool: Tool


class ToolsReply(Wire):
    """Tools, newest first."""

    tools: list[Tool]


_TRIGGERS = (
    "What starts it. Schedules: "
    '[{"name":"Monday","type":"cron","cron":"0 9 * * 1","timeZone":"Europe/Paris","data":{"domain":"acme.com"}}]. '
    "cron: five fields, or @every 1h; timeZone: UTC by default; data: the input of the run. Events of a webhook connector: "
    '[{"name":"Paid","type":"connector","connectorUuid":"...","config":{"types":["invoice.paid"]}}]; without types, all of them'
)


class CreateTool(Wire):
    """A new tool; deploy its graph afterwards."""

    name: Name = Field(description="The name, 1 to 200 characters.")
    icon: ToolIcon = Field(
        default=EmojiIcon(kind="emoji", emoji_slug="hammer"), description='The icon: {"kind":"emoji","emojiSlug":"hammer"} (the default).'
    )
    description: Text | None = Field(default=None, description="The description.")
    triggers: Triggers = Field(
        default_factory=list[ToolTrigger | HookTrigger],
        description=f"{_TRIGGERS}.",
    )
    folder_uuid: Uuid | None = Field(default=None, description="The folder to create it in.")


class UpdateTool(Wire):
    """Changes to a tool; absent fields stay as they are."""

    uuid: Uuid = Field(description="The tool.")
    name: Name | None = Field(default=None, description="The new name.")
    icon: ToolIcon | None = Field(default=None, description='The new icon: {"kind":"emoji","emojiSlug":"hammer"}.')
    description: Text | None = Field(default=None, description="The new description; null clears it.")
    triggers: Triggers | None = Field(
        default=None,
        description=f"{_TRIGGERS}. Replaces all triggers.",
    )
    public_form: ToolPublicForm | None = Field(
        default=None, description='The public form: {"isEnabled":true,"allowedOrigins":["https://example.com"]}; null removes it.'
    )
    folder_uuid: Uuid | None = Field(default=None, description="The folder to move it to; null: no folder.")
    template: ToolTemplate | None = Field(default=None, description="Accepted for compatibility; a tool cannot be offered as a template.")


class ListTools(Wire):
    """Which tools to list."""

    folder_uuid: Uuid | None = Field(default=None, description="Only tools in this folder.")


_TOOL_NOT_FOUND = refusal(404, "There is no tool with uuid {uuid}.")
_FOLDER_NOT_FOUND = refusal(404, "There is no folder with uuid {uuid}.")
_READ_ONLY = refusal(409, 'The tool "{name}" is read-only and cannot be changed.')

GetReason = Literal["toolNotFound"]
CreateReason = Literal["folderNotFound"]
UpdateReason = Literal["toolNotFound", "workflowNotFound", "toolIsReadOnly", "folderNotFound", "templatesNotAvailable"]
RemoveReason = Literal["toolNotFound", "toolIsReadOnly", "toolIsUsed"]

create: Operation[CreateTool, ToolReply, CreateReason] = operations.add(
    Operation(
        "orchestration.tool.create",
        "POST",
        "/orchestration/tools",
        request=CreateTool,
        response=ToolReply,
        summary="Create a tool with an empty graph.",
        permission="orchestration:workflow:write",
        refusals={"folderNotFound": _FOLDER_NOT_FOUND},
        cli=Cli(examples=('cargo-ai orchestration tool create --name "Company tier"',)),
    )
)

update: Operation[UpdateTool, ToolReply, UpdateReason] = operations.add(
    Operation(
        "orchestration.tool.update",
        "PUT",
        "/orchestration/tools/{uuid}",
        request=UpdateTool,
        response=ToolReply,
        summary="Change a tool's name, description, icon, folder, triggers or form.",
        permission="orchestration:workflow:write",
        refusals={
            "toolNotFound": _TOOL_NOT_FOUND,
            "workflowNotFound": refusal(404, "The tool's workflow no longer exists."),
            "toolIsReadOnly": _READ_ONLY,
            "folderNotFound": _FOLDER_NOT_FOUND,
            "templatesNotAvailable": refusal(400, "Tools cannot be offered as templates: leave template out."),
        },
        cli=Cli(
            examples=(
                'cargo-ai orchestration tool update --uuid UUID --name "Company tier, EU"',
                "cargo-ai orchestration tool update --uuid UUID --triggers "
                """'[{"name":"Monday","type":"cron","cron":"0 9 * * 1","data":{}}]'""",
            )
        ),
    )
)

remove: Operation[ByUuid, RemovedToBin, RemoveReason] = operations.add(
    Operation(
        "orchestration.tool.remove",
        "DELETE",
        "/orchestration/tools/{uuid}",
        request=ByUuid,
        response=RemovedToBin,
        summary="Remove a tool: it goes to the bin. Runs in progress finish.",
        permission="orchestration:workflow:write",
        refusals={
            "toolNotFound": _TOOL_NOT_FOUND,
            "toolIsReadOnly": _READ_ONLY,
            "toolIsUsed": refusal(409, 'The tool "{name}" is used by {users}: take it out there first.'),
        },
        cli=Cli(bin_kind="tool", examples=("cargo-ai orchestration tool remove UUID",)),
    )
)

get: Operation[ByUuid, ToolReply, GetReason] = operations.add(
    Operation(
        "orchestration.tool.get",
        "GET",
        "/orchestration/tools/{uuid}",
        request=ByUuid,
        response=ToolReply,
        summary="Show a tool.",
        permission="orchestration:workflow:read",
        refusals={"toolNotFound": _TOOL_NOT_FOUND},
        cli=Cli(examples=("cargo-ai orchestration tool get UUID",)),
    )
)

all: Operation[ListTools, ToolsReply, Never] = operations.add(
    Operation(
        "orchestration.tool.all",
        "GET",
        "/orchestration/tools/list",
        request=ListTools,
        response=ToolsReply,
        summary="List the tools, newest first.",
        permission="orchestration:workflow:read",
        cli=Cli(examples=("cargo-ai orchestration tool list",)),
    )
)
