"""Messages: their content as forms take it, and what is given of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from pydantic import Field

from cargo_ai.integrations.kit import Form, InvalidConfig, ui

Json = Any
MAX_BLOCKS = 50
EXPRESSION = ui(widget="ExpressionWidget")


class Content(Form):
    """What a message says."""

    text: str = Field(
        default="",
        title="Text",
        description="Slack's markup: *bold*, _italic_, <https://example.com|a link>. Beside blocks: what notifications show.",
        json_schema_extra=EXPRESSION,
    )
    blocks: list[dict[str, Json]] = Field(
        default=[], title="Blocks", description="Block Kit, instead of a text alone.", max_length=MAX_BLOCKS, json_schema_extra=EXPRESSION
    )

    def content(self) -> dict[str, Json]:
        """As Slack takes it. InvalidConfig where nothing is said."""
        if not self.text.strip() and not self.blocks:
            raise InvalidConfig("A message needs a `text` or `blocks`.")
        return {"text": self.text, **({"blocks": self.blocks} if self.blocks else {})}


OUTPUT: Mapping[str, Json] = {
    "type": "object",
    "properties": {"channel": {"type": "string"}, "ts": {"type": "string"}, "text": {"type": "string"}},
    "required": ["channel", "ts", "text"],
    "additionalProperties": False,
}


def output_of(answer: Mapping[str, Json]) -> dict[str, Json]:
    """A message on the way out: the channel's id, `ts` which names it there, and its text."""
    message = cast("Mapping[str, Json]", answer.get("message") or {})
    return {"channel": answer["channel"], "ts": answer["ts"], "text": str(message.get("text") or answer.get("text") or "")}
