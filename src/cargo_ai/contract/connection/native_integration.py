"""The native integration: the actions that are built in."""

from __future__ import annotations

from typing import Never

from pydantic import Field

from cargo_ai.contract import operations
from cargo_ai.kernel.operation import Cli, Operation
from cargo_ai.kernel.wire import JsonObject, Nothing, Wire


class NativeIntegration(Wire):
    """Built-in actions and extractors by slug; none of another service."""

    actions: dict[str, JsonObject] = Field(description="By slug: `{name, description, category, icon, config, output?, childrenCount}`")
    extractors: dict[str, JsonObject]


class NativeIntegrationReply(Wire):
    """The native integration."""

    native_integration: NativeIntegration


get: Operation[Nothing, NativeIntegrationReply, Never] = operations.add(
    Operation(
        "connection.nativeIntegration.get",
        "GET",
        "/connection/nativeIntegrations",
        request=Nothing,
        response=NativeIntegrationReply,
        summary="Show the built-in actions of workflows and the forms of their configs.",
        permission="connection:read",
        cli=Cli(examples=("cargo-ai connection native-integration get",)),
    )
)
