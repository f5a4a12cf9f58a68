"""Choices of a field that the account of a connector knows: which field asks, and what it depends on."""

from __future__ import annotations

from cargo_ai.console.forms.fields import Choices, Field
from cargo_ai.console.forms.names import below
from cargo_ai.console.forms.reading import Posted, branch_posted


def field_at(form: Field, posted: Posted, name: str, root: str) -> Field | None:
    """The field with this name in a form whose own name is `root`, as the form shows it now."""
    if not name.startswith(f"{root}/"):
        return None
    at, field = root, _chosen(form, posted, root)
    for part in name[len(root) + 1 :].split("/"):
        if field is None:
            return None
        if field.kind in ("rows", "pairs"):
            inside = field.item
        else:
            inside = next((child for child in field.fields if below(at, child.key) == f"{at}/{part}"), None)
        at = f"{at}/{part}"
        field = inside and _chosen(inside, posted, at)
    return field


def params_of(choices: Choices, posted: Posted, name: str) -> dict[str, str]:
    """The params of an autocomplete: the values of fields beside the one that asks, or beside those that hold it."""
    params: dict[str, str] = {}
    for param, key in choices.params.items():
        above = name.rpartition("/")[0]
        while above and param not in params:
            text = (posted.get(below(above, key)) or [""])[0]
            if text and "{{" not in text:
                params[param] = text
            above = above.rpartition("/")[0]
    return params


def _chosen(field: Field, posted: Posted, name: str) -> Field | None:
    """The alternative of a field that is chosen; the field itself where it has none."""
    while field.kind == "either":
        place = branch_posted(field, posted, name)
        if place is None:
            return None
        field = field.branches[place]
    return field
