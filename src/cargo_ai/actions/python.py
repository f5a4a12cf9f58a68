"""`python`: runs Python over the outputs of earlier nodes, in a sandbox."""

from __future__ import annotations

from cargo_ai.actions.config import code

ACTION = code.action(
    "python",
    slug="python",
    name="Python",
    description="Runs Python with the dicts `nodes` and `parentNodes` and the standard library. What it leaves in `result` is `result`.",
)
