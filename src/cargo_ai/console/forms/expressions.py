"""Expressions in forms: in a node's config a text with `{{…}}` may stand for a value, which is known when the node runs."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Final, cast

from cargo_ai.console.forms.fields import Field, Kind, Option

Json = Any

KINDS: Final = frozenset({"templateExpression", "jsExpression"})
TEXTS: Final[frozenset[Kind]] = frozenset({"text", "area", "number", "integer", "json"})
"""The fields into which people write."""
CHOSEN: Final[frozenset[Kind]] = frozenset({"choice", "many", "rows", "pairs", "either"})
"""The fields that people fill in otherwise; each can be shown as a text for an expression."""
_PLAIN: Final = frozenset({"kind", "expression", "instructTo", "fromRecipe"})
_STARTS_JSON: Final = ("{", "[", '"')


def with_expressions(form: Field) -> Field:
    """The form of a node's config: it takes expressions, keeps what has no field, and tells what was not entered from `false`."""
    made = replace(
        form,
        expressions=True,
        extras=True,
        fields=tuple(with_expressions(field) for field in form.fields),
        item=with_expressions(form.item) if form.item else None,
        branches=tuple(with_expressions(branch) for branch in form.branches),
    )
    if form.kind != "flag":
        return made
    return replace(made, kind="choice", required=False, options=(Option("true", "yes", True), Option("false", "no", False)))


def are_in(value: Json) -> bool:
    """Whether a value holds an expression anywhere."""
    left = [value]
    while left:
        part = left.pop()
        if isinstance(part, str) and "{{" in part:
            return True
        if isinstance(part, dict):
            entries = cast("dict[str, Json]", part)
            if entries.get("kind") in KINDS and isinstance(entries.get("expression"), str):
                return True
            left += entries.values()
        elif isinstance(part, list):
            left += cast("list[Json]", part)
    return False


def text_of(kind: Kind, value: Json) -> str | None:
    """The text that stands for a value in a field of this kind; None where the field has to show it in another way."""
    text = _template(value)
    if text is None and isinstance(value, str) and ("{{" in value if kind in ("number", "integer") else _reads_as_text(kind, value)):
        text = value
    if text is None or set(text) & {"\r", "\0"} or text.startswith("\n") or (kind in ("number", "integer") and "\n" in text):
        return None
    return text


def entered(text: str, current: Json) -> Json | None:
    """The value of a text that holds an expression; None for others. An expression object stays one."""
    text = text.replace("\r\n", "\n")
    template = _template(current)
    if template is not None and (text == template or "{{" in text):
        return {**cast("dict[str, Json]", current), "expression": text}
    return text if "{{" in text else None


def as_text(text: str, current: Json) -> Json | None:
    """What was entered where JSON was asked for, and is not JSON: a text, unless it looks as if it was meant to be JSON."""
    if text.lstrip().startswith(_STARTS_JSON) and not text.lstrip().startswith("{{"):
        return None
    value = entered(text, current)
    return text.replace("\r\n", "\n") if value is None else value


def _template(value: Json) -> str | None:
    """The text of an expression object that says nothing else."""
    if not isinstance(value, dict):
        return None
    entries = cast("dict[str, Json]", value)
    is_plain = entries.keys() <= _PLAIN and entries.get("instructTo", "none") == "none" and not entries.get("fromRecipe")
    text = entries.get("expression")
    return text if is_plain and entries.get("kind") == "templateExpression" and isinstance(text, str) and "{{" in text else None


def _reads_as_text(kind: Kind, text: str) -> bool:
    """Whether a field for JSON reads this text as itself."""
    if kind != "json" or not text.strip():
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return as_text(text, None) == text
    return False
