"""`script`: runs JavaScript over the outputs of earlier nodes, in a sandbox."""

from __future__ import annotations

from cargo_ai.actions.config import code

ACTION = code.action(
    "javascript",
    slug="script",
    name="Script",
    description="Runs JavaScript with `nodes` and `parentNodes`; lodash and date-fns can be required. What it returns is `result`.",
)
