"""Choices of a field that come from the connector's account: which field asks, and which fields it depends on."""

from __future__ import annotations

from cargo_ai.console.forms.fields import Choices, Field
from cargo_ai.console.forms.names import below
from cargo_ai.console.forms.reading import Posted, branch_posted


def field_at(form: Field, posted: Posted, name: str, root: str) -> Field | None:
    """The field with this name in a form whose own name is `root`, as the form shows it now: of alternatives the chosen one."""
    field = declared_at(form, posted, name, root)
    return field and _chosen(field, posted, name)


def declared_at(form: Field, posted: Posted, name: str, root: str) -> Field | None:
    """The same, with all of its alternatives."""
    if not name.startswith(f"{root}/"):
        return None
    above, field = root, form
    for part in name[len(root) + 1 :].split("/"):
        holder = _chosen(field, posted, above)
        if holder is None:
            return None
        at = f"{above}/{part}"
        if holder.kind in ("rows", "pairs"):
            inside = holder.item
        else:
            inside = next((child for child in holder.fields if below(above, child.key) == at), None)
        if inside is None:
            return None
        above, field = at, inside
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
