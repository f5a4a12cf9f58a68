"""Switch one field of a form between its own inputs and a text for an expression or JSON, keeping its value."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from cargo_ai.console.forms import expressions
from cargo_ai.console.forms.choices import declared_at
from cargo_ai.console.forms.fields import Field
from cargo_ai.console.forms.names import ACTION, beside, keys_of
from cargo_ai.console.forms.reading import ABSENT, Posted, read
from cargo_ai.console.forms.texts import Texts, texts_of, written

Json = Any


def turned_field(form: Field, posted: Posted, name: str, root: str, current: Json, *, is_written: bool) -> Texts:
    """What the form shows next. `current`: the stored value of the form whose name is `root`; what its fields do not show is kept."""
    texts = {key: list(values) for key, values in posted.items() if key != ACTION}
    field = declared_at(form, posted, name, root)
    if field is None or not field.expressions or field.kind not in expressions.CHOSEN:
        return texts
    others = {key: values for key, values in texts.items() if key != name and not key.startswith((f"{name}/", f"{name}~"))}
    if is_written:
        value = read(field, texts, _stored(current, name, root), name).value
        return {**others, beside(name, "json"): ["" if value is ABSENT or value is None else _as_text(value)]}
    text = (posted.get(beside(name, "json")) or [""])[0]
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = text
    back = texts_of(field, value, name)
    return others if beside(name, "json") in back else {**others, **back}


def _as_text(value: Json) -> str:
    """The value as the text of a field for JSON: an expression as it is, all else as JSON."""
    text = expressions.text_of("json", value)
    return written(value) if text is None else text


def _stored(current: Json, name: str, root: str) -> Json:
    """The part of the stored value that has this name."""
    for key in keys_of(name[len(root) :]):
        if isinstance(current, Mapping):
            current = cast("Mapping[str, Json]", current).get(key)
        elif isinstance(current, list) and key.isdigit() and int(key) < len(cast("list[Json]", current)):
            current = cast("list[Json]", current)[int(key)]
        else:
            return None
    return current
