"""Translate refusals of the server: name flags of the command line instead of fields of the request."""

from __future__ import annotations

import re

from cargo_ai.cli.failure import shell_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cargo_ai.cli.shapes import Arg, Row


def in_flags(row: Row, document: dict[str, Any]) -> None:
    """Name the command's flags in the sentence of a refusal; a request that is wrong in itself gets the command's help as its `fix`."""
    sentence = document.get("errorMessage")
    if not isinstance(sentence, str):
        return
    for arg in row["args"]:
        flag = _flag(arg)
        if flag is None:
            continue
        wire = re.escape(arg["wire"])
        sentence = re.sub(rf"`{wire}`", flag, sentence)
        sentence = re.sub(rf"(^|[.;] ){wire}: ", rf"\1{flag}: ", sentence)
        if arg["wire"] != arg["wire"].lower():  # a word of the language otherwise, such as `name`
            sentence = re.sub(rf"(?<![\w.\-/`$\"'{{]){wire}(?![\w\[`\"']|\.\w|: )", flag, sentence)
    document["errorMessage"] = sentence
    if document.get("reason") == "invalidInput" and row["args"]:
        document.setdefault("fix", shell_line([*row["words"], "--help"]))


def _flag(arg: Arg) -> str | None:
    if arg["in"] == "cli":
        return None
    return arg["flags"][0] if arg["flags"] else f"<{arg['wire']}>" if arg.get("positional") else None
