"""Names inside of JSON: a graph, an action, a resource or a filter may name a model, a tool or a connector in place of its uuid."""

from __future__ import annotations

import re

from cargo_ai.cli import output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cargo_ai.cli.arguments.names import Known
    from cargo_ai.cli.arguments.parse import Parsed
    from cargo_ai.cli.shapes import Arg

UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
LONGEST = 200
"""What is longer is not a name."""
NOUNS = {
    "agentUuid": "ai.agent",
    "connectorUuid": "connection.connector",
    "fileUuid": "content.file",
    "fromModelUuid": "storage.model",
    "libraryUuid": "content.library",
    "modelUuid": "storage.model",
    "playUuid": "orchestration.play",
    "relatedModelUuid": "storage.model",
    "segmentUuid": "segmentation.segment",
    "toModelUuid": "storage.model",
    "toolUuid": "orchestration.tool",
    "workflowUuid": "workflow",
}
FLAGS = frozenset(
    ("--nodes", "--node", "--action", "--actions", "--resources", "--filter", "--scope", "--column", "--relationships", "--schedule")
)
"""Whose JSON speaks of things of the workspace; that of others holds values of people, which are theirs."""
BATCH = ["orchestration", "batch"]
VALUES = frozenset(("records", "data", "context", "jsonSchema"))
"""Below these stand values of people, too."""


def is_name(text: Any) -> bool:
    """Whether a value may be a name: not a uuid."""
    return isinstance(text, str) and 0 < len(text) <= LONGEST and not UUID.fullmatch(text)


def may_hold_names(parsed: Parsed, arg: Arg) -> bool:
    """Whether an argument is JSON in which names may stand."""
    flag = arg["flags"][0] if arg["flags"] else ""
    return flag in FLAGS or (flag == "--data" and parsed.words[:2] == BATCH)


def in_json(value: Any, known: Known) -> Any:
    """The value with uuids in place of names. What nothing has stays, and what an expression gives: the server says what is wrong with it.

    Failure (1) for a name that several things have, and for one that is almost right."""
    if output.is_list(value):
        return [in_json(item, known) for item in value]
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    for key, item in output.as_object(value).items():
        noun = NOUNS.get(key)
        if noun and is_name(item) and _may_name(item):
            found[key] = known.uuid_of(item, noun)
        else:
            found[key] = item if key in VALUES else in_json(item, known)
    return found


def _may_name(text: str) -> bool:
    """Neither an expression nor a place to fill in of a template."""
    return "{{" not in text and not text.startswith("__REPLACE_")
