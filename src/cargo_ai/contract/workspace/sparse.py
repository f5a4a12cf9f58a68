"""Sparse: an object of the wire whose fields are optional but never null, so that what is unknown is left out."""

from __future__ import annotations

from typing import Any

from pydantic import SerializerFunctionWrapHandler, model_serializer

from cargo_ai.kernel.wire import Wire


class Sparse(Wire):
    """Leaves out its fields that are None."""

    @model_serializer(mode="wrap")
    def _without_nulls(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in handler(self).items() if value is not None}
