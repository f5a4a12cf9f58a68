# Written by tools/gen.py from the registry. Change the declaration in src/cargo_ai/contract instead.
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import cargo_ai.contract.connection.connector
import cargo_ai.contract.connection.connector_form
import cargo_ai.contract.connection.custom_integration
import cargo_ai.contract.connection.integration
import cargo_ai.contract.connection.language_model
import cargo_ai.contract.connection.native_integration
import cargo_ai.contract.connection.oauth
import cargo_ai.contract.workspace.bin
import cargo_ai.kernel.wire

class ConnectorMethods:
    def autocomplete(
        self,
        connector_uuid: str,
        *,
        slug: str,
        params: Mapping[str, Any],
        value: str | None = ...,
        refresh: bool = ...,
        variables: Mapping[str, Any] | None = ...,
    ) -> cargo_ai.contract.connection.connector_form.FormChoices:
        """List the values that a field of an action may take in a connector's account, such as its objects and their properties.

        connector_uuid: The connector.
        slug: Which choices, as `autocompletes` of connection integration get lists them: listObjects.
        params: Values of other fields that it depends on: {"objectType":"contacts"}; {} where there are none.
        value: What was typed so far: only choices that fit.
        refresh: Ask the service even if its answer of the last 30 minutes is known.
        variables: Not used by the integrations of this server.

        Refused for: connectorNotFound, failedToGetIntegration, failedToGetIntegrationAutocomplete
        """
        ...

    def connect(
        self,
        *,
        uuid: str | None = ...,
        integration_slug: str | None = ...,
        name: str | None = ...,
        slug: str | None = ...,
        config: Mapping[str, Any] | None = ...,
        secrets: Mapping[str, str] | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.connection.oauth.Connecting:
        """Connect an account by OAuth, or connect it again: prints the URL at which a person consents, and waits for that.

        uuid: The connector to connect again; without it a new one is made.
        integration_slug: The service of a new connector.
        name: The name of a new connector; by default that of the service.
        slug: The slug of a new connector; by default that of the service.
        config: Settings of a new connector besides the sign-in.
        secrets: Secrets of these settings by their paths, as in connector create.

        Wait for its end: client.connection.connector.wait(reply.connector.uuid)

        Refused for: integrationNotFound, initiateOauthNotSupported, failedToInitiateOauth, connectorNotFound, duplicateSlug,
          invalidConnector
        """
        ...

    def create(
        self,
        *,
        name: str,
        slug: str,
        integration_slug: str,
        config: Mapping[str, Any] | None = ...,
        secrets: Mapping[str, str] | None = ...,
        rate_limit: cargo_ai.contract.connection.connector.RateLimit | Mapping[str, Any] | None = ...,
        cache_ttl_milliseconds: int | None = ...,
        verify: bool = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.connection.connector.CreatedConnector:
        """Create a connector: an account of an integration, with its credentials.

        name: The name, 1 to 200 characters.
        slug: Unique in the workspace, also the slug of its dataset: letters, digits, `_` and `-`, at most 50 characters.
        integration_slug: The integration, as `connection integration list` shows it.
        config: Settings and secrets, as in `connector.config.schema` of connection integration get:
          {"baseUrl":"https://api.example.com"}.
        secrets: Secrets by their paths in `config`, such as auth.token. On the command line, once for each: PATH=@FILE,
          PATH=env:VARIABLE, PATH=- (standard input), PATH=secret://env/NAME (kept elsewhere), or PATH alone to be asked for it.
        rate_limit: The rate limit: {"unit":"minute","max":100,"strategy":"spread"} (day, hour, minute, second; spread by default, or
          burst); no limit by default.
        cache_ttl_milliseconds: How long replies of equal calls are reused, in milliseconds, at most 30 days; 0 or null: never.
        verify: Call the service before anything is stored, and store nothing when it does not accept the account. false (--no-verify):
          store without a call.

        Refused for: integrationNotFound, duplicateSlug, verificationFailed
        """
        ...

    def disconnect(
        self,
        uuid: str,
        *,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.connection.connector.ConnectorReply:
        """Disconnect an account that was connected by OAuth: its tokens are taken back and deleted, and its runs wait.

        uuid: Its uuid.

        Refused for: connectorNotFound, notConnected
        """
        ...

    def exists_by_slug(
        self,
        *,
        slug: str,
    ) -> cargo_ai.contract.connection.connector.Exists:
        """Check whether the workspace has a connector with this slug.

        slug: The slug.
        """
        ...

    def get(
        self,
        uuid: str,
        *,
        verify: bool = ...,
    ) -> cargo_ai.contract.connection.connector.ConnectorReply:
        """Show a connector, without its secrets; --verify proves that its service accepts it.

        uuid: The connector.
        verify: Call the service once, and refuse in its words when it does not accept the account.

        Refused for: connectorNotFound, verificationFailed
        """
        ...

    def wait(
        self,
        uuid: str,
        *,
        verify: bool = ...,
        timeout: float | None = None,
    ) -> cargo_ai.contract.connection.connector.ConnectorReply:
        """Wait until it has ended, and return it as `get` does; Unfinished after `timeout` seconds.

        uuid: The connector.
        verify: Call the service once, and refuse in its words when it does not accept the account.

        Refused for: connectorNotFound, verificationFailed
        """
        ...

    def get_dynamic_schema(
        self,
        connector_uuid: str,
        slug: str,
        *,
        params: Mapping[str, Any],
        refresh: bool = ...,
    ) -> cargo_ai.contract.connection.connector_form.DynamicSchemaReply:
        """Get the part of a form that depends on a connector's account, such as the custom fields of its objects.

        connector_uuid: The connector.
        slug: Which schema, as `dynamicSchemas` of connection integration get lists them.
        params: Values of other fields that it depends on: {"objectType":"contacts"}; {} where there are none.
        refresh: Ask the service even if its answer of the last 30 minutes is known.

        Refused for: connectorNotFound, failedToGetIntegration
        """
        ...

    def get_language_models(
        self,
        connector_uuid: str,
        *,
        refresh: bool = ...,
    ) -> cargo_ai.contract.connection.language_model.LanguageModelsReply:
        """List the language models that the account of a connector may ask.

        connector_uuid: The connector.
        refresh: Ask the service even if its answer of the last 30 minutes is known.

        Refused for: connectorNotFound, integrationNotFound, languageModelsNotSupported, failedToGetLanguageModels
        """
        ...

    def list(
        self,
        *,
        integration_slug: str | None = ...,
    ) -> cargo_ai.contract.connection.connector.ConnectorsReply:
        """List the connectors, newest first.

        integration_slug: Only connectors of this integration.
        """
        ...

    def remove(
        self,
        uuid: str,
        *,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.workspace.bin.RemovedToBin:
        """Remove a connector that nothing uses, with its secrets: they go to the bin.

        uuid: Its uuid.

        Refused for: connectorNotFound, connectorIsUsedInWorkflows, connectorIsUsedInModels
        """
        ...

    def start(
        self,
        uuid: str,
        *,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.connection.connector.ConnectorReply:
        """Start a stopped connector again: the runs that wait for it go on at once.

        uuid: Its uuid.

        Refused for: connectorNotFound
        """
        ...

    def stop(
        self,
        uuid: str,
        *,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.connection.connector.ConnectorReply:
        """Stop a connector: within two seconds no run calls its service any more. Runs that come to it wait; none fails.

        uuid: Its uuid.

        Refused for: connectorNotFound
        """
        ...

    def update(
        self,
        uuid: str,
        *,
        name: str | None = ...,
        is_default: bool | None = ...,
        config: Mapping[str, Any] | None = ...,
        secrets: Mapping[str, str] | None = ...,
        rate_limit: cargo_ai.contract.connection.connector.RateLimit | Mapping[str, Any] | None = ...,
        cache_ttl_milliseconds: int | None = ...,
        verify: bool = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.connection.connector.ConnectorReply:
        """Change a connector's name, settings or limits, or make it the default.

        uuid: The connector.
        name: The new name.
        is_default: Whether nodes that name no connector of the integration use this one.
        config: Replaces all settings; a secret given as `***` keeps its value. null: no settings.
        secrets: Secrets by their paths in `config`, such as auth.token. On the command line, once for each: PATH=@FILE,
          PATH=env:VARIABLE, PATH=- (standard input), PATH=secret://env/NAME (kept elsewhere), or PATH alone to be asked for it. Without
          `config`, all else stays as it is.
        rate_limit: The rate limit: {"unit":"minute","max":100,"strategy":"spread"} (day, hour, minute, second; spread by default, or
          burst); null: no limit.
        cache_ttl_milliseconds: How long replies of equal calls are reused, in milliseconds, at most 30 days; 0 or null: never.
        verify: Call the service before anything is stored, and store nothing when it does not accept the account. false (--no-verify):
          store without a call.

        Refused for: connectorNotFound, integrationNotFound, verificationFailed
        """
        ...

class CustomIntegrationMethods:
    def create(
        self,
        *,
        kind: Literal['external', 'worker'] = ...,
        base_url: str | None = ...,
        worker_uuid: str | None = ...,
        slug: str | None = ...,
        openapi: str | Mapping[str, Any] | None = ...,
        operations: Sequence[str] | None = ...,
        secrets: Mapping[Literal['signing'], str] | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.connection.custom_integration.CustomIntegrationReply:
        """Register a service of your own as an integration of this workspace.

        kind: external: a service at an address.
        base_url: Where the service is reached. Of a server that speaks the protocol, GET BASE-URL/manifest gives what it can do; of an
          OpenAPI document, the first of its `servers` by default.
        worker_uuid: Of a hosted worker: this server hosts none.
        slug: What connectors and nodes name it by; made of its name by default. That of a built-in one is refused.
        openapi: An OpenAPI 3.0 or 3.1 document in JSON whose operations become actions: the document itself, or its URL.
        operations: Which operations of the document, comma-separated, at most 100: their operationId, or METHOD /path.
        secrets: signing: a text of at least 16 characters that the server knows, too: every request then carries an HMAC-SHA256 of it
          (x-cargo-signature). On the command line: signing=@FILE, signing=env:VARIABLE, signing=-, or signing alone to be asked for it.

        Refused for: workerNotFound, failedToGetManifest, invalidManifest, invalidOpenapi, duplicateSlug, slugIsReserved,
          tooManyCustomIntegrations
        """
        ...

    def get(
        self,
        uuid: str,
    ) -> cargo_ai.contract.connection.custom_integration.CustomIntegrationFound:
        """Show a custom integration: where it is, and what was wrong when it was read last.

        uuid: Its uuid.

        Refused for: customIntegrationNotFound
        """
        ...

    def list(
        self,
    ) -> cargo_ai.contract.connection.custom_integration.CustomIntegrationsReply:
        """List the custom integrations of this workspace, newest first.
        """
        ...

    def remove(
        self,
        uuid: str,
        *,
        idempotency_key: str | None = None,
    ) -> cargo_ai.kernel.wire.Removed:
        """Remove a custom integration that has no connectors; nodes that still name it fail with a sentence.

        uuid: Its uuid.

        Refused for: customIntegrationNotFound, customIntegrationIsUsed
        """
        ...

    def update(
        self,
        uuid: str,
        *,
        base_url: str | None = ...,
        worker_uuid: str | None = ...,
        openapi: str | Mapping[str, Any] | None = ...,
        operations: Sequence[str] | None = ...,
        secrets: Mapping[Literal['signing'], str] | None = ...,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.connection.custom_integration.CustomIntegrationReply:
        """Read again what a custom integration announces, and change its address, document or operations.

        uuid: The custom integration.
        base_url: Where the service is reached. Of a server that speaks the protocol, GET BASE-URL/manifest gives what it can do; of an
          OpenAPI document, the first of its `servers` by default. Another host only while no connector holds secrets for it.
        worker_uuid: Of a hosted worker: this server hosts none.
        openapi: An OpenAPI 3.0 or 3.1 document in JSON whose operations become actions: the document itself, or its URL. Without it, the
          document is read again from its URL.
        operations: Which operations of the document, comma-separated, at most 100: their operationId, or METHOD /path.
        secrets: signing: a text of at least 16 characters that the server knows, too: every request then carries an HMAC-SHA256 of it
          (x-cargo-signature). On the command line: signing=@FILE, signing=env:VARIABLE, signing=-, or signing alone to be asked for it.
          {}: requests are not signed any more.

        Refused for: customIntegrationNotFound, customIntegrationNotWorker, customIntegrationNotExternal, workerNotFound,
          failedToGetManifest, invalidManifest, invalidOpenapi, tooManyCustomIntegrations, connectorsHoldSecrets
        """
        ...

class IntegrationMethods:
    def complete_oauth(
        self,
        slug: str,
        *,
        params: Mapping[str, Any],
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.connection.oauth.CompletedOauth:
        """Finish OAuth with what came back to the redirect URL: gives the grant for a new connector.

        slug: The integration, as `connection integration list` shows it.
        params: The query of the redirect: state and code.

        Refused for: integrationNotFound, initiateOauthNotSupported, failedToInitiateOauth, invalidState, consentFailed
        """
        ...

    def get(
        self,
        slug: str,
    ) -> cargo_ai.contract.connection.integration.IntegrationReply:
        """Show an integration: the config of its connectors, and the inputs and outputs of its actions.

        slug: The slug.

        Refused for: integrationNotFound
        """
        ...

    def get_documentation(
        self,
        slug: str,
    ) -> cargo_ai.contract.connection.integration.Documentation:
        """Read an integration's documentation, as plain text.

        slug: The slug.

        Refused for: integrationNotFound
        """
        ...

    def initiate_oauth(
        self,
        slug: str,
        *,
        idempotency_key: str | None = None,
    ) -> cargo_ai.contract.connection.oauth.Consent:
        """Begin to connect a service by OAuth: gives the URL at which a person consents.

        slug: The integration, as `connection integration list` shows it.

        Refused for: integrationNotFound, initiateOauthNotSupported, failedToInitiateOauth
        """
        ...

    def list(
        self,
        *,
        category: Literal['engagement', 'marketing', 'sales', 'finance', 'analytics', 'freeform', 'success', 'support', 'enrichment', 'storage', 'custom'] | None = ...,
        slug: str | None = ...,
        slugs: Sequence[str] | None = ...,
        search: str | None = ...,
        has_actions: bool | None = ...,
        has_extractors: bool | None = ...,
    ) -> cargo_ai.contract.connection.integration.IntegrationsReply:
        """List the integrations that can be connected.

        category: Only integrations of this category.
        slug: Only the integration with this slug.
        slugs: Only integrations with these slugs, comma-separated.
        search: Words that must all occur in name, slug, description, category or action names.
        has_actions: true: only integrations with actions; false: only those without.
        has_extractors: true: only integrations that fill models; false: only others.
        """
        ...

class NativeIntegrationMethods:
    def get(
        self,
    ) -> cargo_ai.contract.connection.native_integration.NativeIntegrationReply:
        """Show the built-in actions of workflows and the forms of their configs.
        """
        ...

class ConnectionDomain:
    @property
    def connector(self) -> ConnectorMethods:
        ...

    @property
    def custom_integration(self) -> CustomIntegrationMethods:
        ...

    @property
    def integration(self) -> IntegrationMethods:
        ...

    @property
    def native_integration(self) -> NativeIntegrationMethods:
        ...
