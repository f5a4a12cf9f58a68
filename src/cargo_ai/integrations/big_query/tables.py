"""Tables: their names as SQL has them, and their columns as BigQuery knows them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from cargo_ai.integrations.big_query.account import project_of
from cargo_ai.integrations.big_query.client import below
from cargo_ai.integrations.kit import InvalidConfig, Service, ServiceError
from cargo_ai.integrations.kit.errors import at

Json = Any
Field = Mapping[str, Json]
"""A column in BigQuery's form: name, type, mode, and fields of a record."""
_NAME = re.compile(r"(?:(?P<project>(?:[A-Za-z0-9.-]+:)?[A-Za-z0-9-]+)\.)?(?P<dataset>\w{1,1024})\.(?P<table>[\w -]{1,1024})")
_SHOWN = 30


@dataclass(frozen=True, slots=True)
class Table:
    """A table and its columns, by name."""

    project: str
    dataset: str
    name: str
    columns: Mapping[str, Field]

    @property
    def sql(self) -> str:
        """As it stands in a statement; its parts hold nothing that could end the quotes."""
        return f"`{self.project}.{self.dataset}.{self.name}`"

    def check(self, name: str) -> None:
        """InvalidConfig for a column that the table does not have."""
        if name not in self.columns:
            known = ", ".join([*self.columns][:_SHOWN])
            raise InvalidConfig(f"The table {self.dataset}.{self.name} has no column {name}; it has: {known}.")


def quoted(column: str) -> str:
    """A column as it stands in a statement."""
    return "`{}`".format(column.replace("\\", "\\\\").replace("`", "\\`"))


def parts_of(table: str, project: str) -> tuple[str, str, str]:
    """Project, dataset and table. InvalidConfig for a text that is not the name of one."""
    match = _NAME.fullmatch(table.strip().strip("`"))
    if match is None:
        raise InvalidConfig("`table` must be dataset.table or project.dataset.table.")
    return match["project"] or project, match["dataset"], match["table"]


async def table_of(service: Service, name: str) -> Table:
    """A table as it is now. ServiceError without it."""
    project, dataset, table = parts_of(name, project_of({} if service.account is None else service.account.config))
    answer = await service.get(below(project, "datasets", dataset, "tables", table), query={"fields": "schema,type"})
    fields = [cast("Field", field) for field in at(answer.body, "schema.fields.*")]
    if not fields:
        raise ServiceError(f"BigQuery: the table {dataset}.{table} has no columns.", reason="unexpectedAnswer")
    return Table(project, dataset, table, {str(field["name"]): field for field in fields})
