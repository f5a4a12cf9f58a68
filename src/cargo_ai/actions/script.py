"""`script`: JavaScript over the outputs of earlier nodes, in a sandbox."""

from __future__ import annotations

from cargo_ai.actions.code import Code
from cargo_ai.engine.graph.action import NativeAction


class Script(Code):
    """Runs JavaScript: what it returns, or its last value, is the result."""

    slug = "script"
    name = "Script"
    description = "Runs JavaScript with `nodes` and `parentNodes`; lodash and date-fns can be required. What it returns is `result`."
    language = "javascript"


ACTION: NativeAction = Script()
