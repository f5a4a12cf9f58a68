"""`python`: Python over the outputs of earlier nodes, in a sandbox."""

from __future__ import annotations

from cargo_ai.actions.code import Code
from cargo_ai.engine.graph.action import NativeAction


class Python(Code):
    """Runs Python: what it leaves in `result` is the result."""

    slug = "python"
    name = "Python"
    description = "Runs Python with the dicts `nodes` and `parentNodes` and the standard library. What it leaves in `result` is `result`."
    language = "python"


ACTION: NativeAction = Python()
