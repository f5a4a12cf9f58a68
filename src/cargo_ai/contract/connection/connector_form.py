"""What the forms of a connector's actions ask its account: the choices of a field, and parts of forms that depend on the account."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from cargo_ai.contract import operations
from cargo_ai.kernel.operation import Cli, Operation, refusal
from cargo_ai.kernel.wire import JsonObject, Uuid, Wire

_EXAMPLE = "0198c5f0-0000-7000-8000-000000000001"
_SLUG = "as `autocompletes` of connection integration get lists them"

Params = Annotated[
    JsonObject, Field(description='Values of other fields that it depends on: {"objectType":"contacts"}; {} where there are none.')
]


class AutocompleteConnector(Wire):
    """A field that is being filled in."""

    connector_uuid: Uuid = Field(description="The connector.")
    slug: Annotated[str, Field(max_length=200, description=f"Which choices, {_SLUG}: listObjects.")]
    params: Params
    value: Annotated[str, Field(max_length=1000)] | None = Field(default=None, description="What was typed so far: only choices that fit.")
    refresh: bool = Field(default=False, description="Ask the service even if its answer of the last 30 minutes is known.")
    variables: JsonObject | None = Field(default=None, description="Not used by the integrations of this server.")


class FormChoice(Wire):
    """One value that the field may take. `parent`: the value of the choice below which it is shown."""

    label: str
    value: str
    description: str | None = None
    parent: str | None = None

    @model_serializer(mode="wrap")
    def _serialize(self, handler: SerializerFunctionWrapHandler) -> JsonObject:
        """What is not said is left out."""
        return {name: value for name, value in handler(self).items() if value is not None}


class FormChoices(Wire):
    """The choices, in the order in which they are shown."""

    results: list[FormChoice]


class GetDynamicSchema(Wire):
    """A part of a form that depends on the account."""

    connector_uuid: Uuid = Field(description="The connector.")
    slug: Annotated[str, Field(max_length=200, description="Which schema, as `dynamicSchemas` of connection integration get lists them.")]
    params: Params
    refresh: bool = Field(default=False, description="Ask the service even if its answer of the last 30 minutes is known.")


class DynamicSchemaReply(Wire):
    """The JSON Schema, and hints for its form."""

    # `schema` is the name of a method of every model.
    json_schema: JsonObject | None = Field(alias="schema")
    ui_schema: JsonObject | None


_not_found = refusal(404, "There is no connector {connector} in this workspace.")
_no_integration = refusal(404, "{said}")

AutocompleteReason = Literal["connectorNotFound", "failedToGetIntegration", "failedToGetIntegrationAutocomplete"]

autocomplete: Operation[AutocompleteConnector, FormChoices, AutocompleteReason] = operations.add(
    Operation(
        "connection.connector.autocomplete",
        "POST",
        "/connection/connectors/{connectorUuid}/autocomplete",
        request=AutocompleteConnector,
        response=FormChoices,
        summary="List the values that a field of an action may take in a connector's account, such as its objects and their properties.",
        permission="connection:read",
        refusals={
            "connectorNotFound": _not_found,
            "failedToGetIntegration": _no_integration,
            "failedToGetIntegrationAutocomplete": refusal(422, "{said}"),
        },
        reads=True,
        cli=Cli(
            examples=(
                f"cargo-ai connection connector autocomplete --connector-uuid {_EXAMPLE} --slug listObjects --params '{{}}'",
                f"cargo-ai connection connector autocomplete --connector-uuid {_EXAMPLE} --slug listObjectProperties "
                '--params \'{"objectType":"contacts"}\' --value email',
            )
        ),
    )
)

DynamicSchemaReason = Literal["connectorNotFound", "failedToGetIntegration"]

get_dynamic_schema: Operation[GetDynamicSchema, DynamicSchemaReply, DynamicSchemaReason] = operations.add(
    Operation(
        "connection.connector.getDynamicSchema",
        "POST",
        "/connection/connectors/{connectorUuid}/dynamicSchemas/{slug}",
        request=GetDynamicSchema,
        response=DynamicSchemaReply,
        summary="Get the part of a form that depends on a connector's account, such as the custom fields of its objects.",
        permission="connection:read",
        refusals={"connectorNotFound": _not_found, "failedToGetIntegration": _no_integration},
        reads=True,
        cli=Cli(
            examples=(
                f"cargo-ai connection connector get-dynamic-schema --connector-uuid {_EXAMPLE} --slug recordProperties "
                '--params \'{"objectType":"contacts"}\'',
            )
        ),
    )
)
