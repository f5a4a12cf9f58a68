"""Wire objects whose unknown fields are left out instead of sent as null."""

from __future__ import annotations

from typing import Any

from pydantic import SerializerFunctionWrapHandler, model_serializer

from cargo_ai.kernel.wire import Wire


class Sparse(Wire):
    """Leaves out its fields that are None."""

    @model_serializer(mode="wrap")
    def _without_nulls(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in handler(self).items() if value is not None}
