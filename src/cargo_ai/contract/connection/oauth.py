"""OAuth: connect accounts by the consent of a person in the browser."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.contract.connection.connector import Connector, ConnectorReply, Name, Secrets, Slug
from cargo_ai.kernel.operation import Cli, Operation, Until, refusal
from cargo_ai.kernel.wire import ByUuid, JsonObject, Timestamp, Uuid, Wire

_EXAMPLE = "0198c5f0-0000-7000-8000-000000000001"
_IntegrationSlug = Annotated[str, Field(max_length=100, description="The integration, as `connection integration list` shows it.")]


class InitiateOauth(Wire):
    """Which service to connect."""

    slug: _IntegrationSlug


class Consent(Wire):
    """Where a person consents, until when, and the state with which the answer comes back."""

    consent_url: str
    state: str
    expires_at: Timestamp


class CompleteOauth(Wire):
    """What came back to the redirect URL."""

    slug: _IntegrationSlug
    params: JsonObject = Field(description="The query of the redirect: state and code.")


class CompletedOauth(Wire):
    """The grant: put `value` into `grant` of a new connector's config within an hour. It can be used once."""

    value: str
    extra_values: dict[str, str] = Field(default_factory=dict[str, str])


class ConnectConnector(Wire):
    """A new connector of a service, or one to connect again."""

    uuid: Uuid | None = Field(default=None, description="The connector to connect again; without it a new one is made.")
    integration_slug: _IntegrationSlug | None = Field(default=None, description="The service of a new connector.")
    name: Name | None = Field(default=None, description="The name of a new connector; by default that of the service.")
    slug: Slug | None = Field(default=None, description="The slug of a new connector; by default that of the service.")
    config: JsonObject | None = Field(default=None, description="Settings of a new connector besides the sign-in.")
    secrets: Secrets | None = Field(default=None, description="Secrets of these settings by their paths, as in connector create.")


class Connecting(Wire):
    """The connector, which is disconnected until a person has consented at the URL."""

    connector: Connector
    consent_url: str
    expires_at: Timestamp


_no_integration = refusal(404, "There is no integration {integration}.")
_not_supported = refusal(409, "{integration} is not connected by OAuth: make a connector with `cargo-ai connection connector create`.")
_failed = refusal(409, "{said}")

InitiateReason = Literal["integrationNotFound", "initiateOauthNotSupported", "failedToInitiateOauth"]

initiate: Operation[InitiateOauth, Consent, InitiateReason] = operations.add(
    Operation(
        "connection.integration.initiateOauth",
        "POST",
        "/connection/integrations/{slug}/initiateOauth",
        request=InitiateOauth,
        response=Consent,
        summary="Begin to connect a service by OAuth: gives the URL at which a person consents.",
        permission="connection:write",
        refusals={
            "integrationNotFound": _no_integration,
            "initiateOauthNotSupported": _not_supported,
            "failedToInitiateOauth": _failed,
        },
        cli=Cli(examples=("cargo-ai connection integration initiate-oauth hubspot",)),
        agent_safe=False,
    )
)

CompleteReason = Literal["integrationNotFound", "initiateOauthNotSupported", "failedToInitiateOauth", "invalidState", "consentFailed"]

complete: Operation[CompleteOauth, CompletedOauth, CompleteReason] = operations.add(
    Operation(
        "connection.integration.completeOauth",
        "POST",
        "/connection/integrations/{slug}/completeOauth",
        request=CompleteOauth,
        response=CompletedOauth,
        summary="Finish OAuth with what came back to the redirect URL: gives the grant for a new connector.",
        permission="connection:write",
        refusals={
            "integrationNotFound": _no_integration,
            "initiateOauthNotSupported": _not_supported,
            "failedToInitiateOauth": _failed,
            "invalidState": refusal(
                400, "This state is not valid: it is unknown, older than 10 minutes, used already, or of another user. Begin again."
            ),
            "consentFailed": refusal(400, "{said} Begin again."),
        },
        cli=Cli(examples=('cargo-ai connection integration complete-oauth hubspot --params \'{"state":"...","code":"..."}\'',)),
        agent_safe=False,
    )
)

ConnectReason = Literal[
    "integrationNotFound", "initiateOauthNotSupported", "failedToInitiateOauth", "connectorNotFound", "duplicateSlug", "invalidConnector"
]

connect: Operation[ConnectConnector, Connecting, ConnectReason] = operations.add(
    Operation(
        "connection.connector.connect",
        "POST",
        "/connection/connectors/connect",
        request=ConnectConnector,
        response=Connecting,
        summary="Connect an account by OAuth, or connect it again: prints the URL at which a person consents, and waits for that.",
        permission="connection:write",
        refusals={
            "integrationNotFound": _no_integration,
            "initiateOauthNotSupported": _not_supported,
            "failedToInitiateOauth": _failed,
            "connectorNotFound": refusal(404, "There is no connector {connector} in this workspace."),
            "duplicateSlug": refusal(
                409, "This workspace has a connector or dataset {slug} already: give another --slug, or --uuid to connect again."
            ),
            "invalidConnector": refusal(400, "Give the integration of a new connector, or the uuid of one to connect again."),
        },
        until=Until("connection.connector.get", "connector.uuid", "connector.status", frozenset({"active"})),
        cli=Cli(
            examples=(
                "cargo-ai connection connector connect --integration-slug hubspot --wait-until-finished",
                f"cargo-ai connection connector connect --uuid {_EXAMPLE} --wait-until-finished",
            ),
            flags={"secrets": ("--secret",)},
            secrets=frozenset({"secrets"}),
            announce="consentUrl",
        ),
        agent_safe=False,
    )
)

DisconnectReason = Literal["connectorNotFound", "notConnected"]

disconnect: Operation[ByUuid, ConnectorReply, DisconnectReason] = operations.add(
    Operation(
        "connection.connector.disconnect",
        "POST",
        "/connection/connectors/{uuid}/disconnect",
        request=ByUuid,
        response=ConnectorReply,
        summary="Disconnect an account that was connected by OAuth: its tokens are taken back and deleted, and its runs wait.",
        permission="connection:write",
        refusals={
            "connectorNotFound": refusal(404, "There is no connector {connector} in this workspace."),
            "notConnected": refusal(409, "This connector is not connected by OAuth: `connector stop` lets its runs wait."),
        },
        cli=Cli(examples=(f"cargo-ai connection connector disconnect {_EXAMPLE}",)),
        agent_safe=False,
    )
)
