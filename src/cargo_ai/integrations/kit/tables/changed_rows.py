"""Rows of a table that a key names, and that are later read only where a column shows that they have changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pydantic import Field

from cargo_ai.integrations.kit.forms import widget

Json = Any


def key_field() -> Any:
    """The key, one of the columns of the table that stands beside it."""
    return _column("Key", "The column whose values tell rows apart.", min_length=1)


def changed_field(types: str) -> Any:
    """The column that grows, of one of these types, in words; "" where each sync reads all rows."""
    text = f"A {types} that grows with each change of a row. Without one, each sync reads all rows."
    return _column("Changed at", text, default="")


def _column(title: str, description: str, **more: Any) -> Any:
    return Field(title=title, description=description, max_length=300, json_schema_extra=widget("listColumns", table="table"), **more)


def columns_to_read(wanted: Sequence[str], known: Collection[str], key: str, changed: str) -> list[str]:
    """The key, the columns that a model has (all where it has none of them yet), and the one that grows."""
    columns = [name for name in wanted if name in known] or [*known]
    return list(dict.fromkeys([key, *columns, *([changed] if changed else [])]))


def latest(rows: Sequence[Mapping[str, Json]], changed: str, before: Json) -> Json:
    """The greatest value of the column that grows in these rows and before them; None where no row has one."""
    values = [value for row in rows if changed and (value := row[changed]) is not None]
    return max([*values, *([] if before is None else [before])], default=None)
