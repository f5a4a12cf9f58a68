"""Fields of a form that depend on the account: where its dynamic schemas belong, and the form with them in their places."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from cargo_ai.console.forms.fields import Field
from cargo_ai.console.forms.names import below
from cargo_ai.console.forms.reading import Posted, branch_posted

_OBJECT = {"type": "object"}


def places_of(form: Field, posted: Posted, name: str) -> Iterator[tuple[str, Field]]:
    """The fields whose parts the account knows, by name, as the form shows them now. Not those in rows."""
    if form.account is not None:
        yield name, form
    elif form.kind == "group":
        for field in form.fields:
            yield from places_of(field, posted, below(name, field.key))
    elif form.kind == "either":
        place = branch_posted(form, posted, name)
        if place is not None:
            yield from places_of(form.branches[place], posted, name)


def keys_of(posted: Posted, name: str) -> list[str]:
    """The properties of an object that were posted by name: what is left of its fields while the account says nothing."""
    parts = [
        posted_name[len(name) + 1 :].split("/")[0]
        for posted_name, texts in posted.items()
        if posted_name.startswith(f"{name}/") and any(texts)
    ]
    keys = dict.fromkeys(re.sub("~[a-z]+$", "", part).replace("~1", "/").replace("~0", "~") for part in parts)
    return [] if all(key.isdecimal() for key in keys) else list(keys)


def with_parts(form: Field, name: str, parts: Mapping[str, Field]) -> Field:
    """The form with these groups in the places that have their names. Their alternatives keep their numbers."""
    if name in parts and form.account is not None:
        return _placed(form, parts[name])
    if form.kind == "group":
        return replace(form, fields=tuple(with_parts(field, below(name, field.key), parts) for field in form.fields))
    if form.kind == "either":
        return replace(form, branches=tuple(with_parts(branch, name, parts) for branch in form.branches))
    return form


def _placed(form: Field, group: Field) -> Field:
    """The group in place of what stands for an object: of the field, or of one of its alternatives."""
    if form.kind == "either":
        branches = [
            replace(group, label="Fields of the account", required=True, schema=_OBJECT, account=form.account)
            if branch.schema.get("type") == "object"
            else branch
            for branch in form.branches
        ]
        return replace(form, branches=tuple(branches))
    if form.kind not in ("group", "json", "pairs"):
        return form
    return replace(
        group,
        key=form.key,
        label=form.label or group.label,
        description=form.description,
        required=form.required,
        nullable=form.nullable,
        schema=_OBJECT,
        account=form.account,
    )
