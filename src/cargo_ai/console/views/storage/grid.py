"""The records grid as its address says it: filter, order, columns, page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from starlette.datastructures import QueryParams

from cargo_ai.console.views.segmentation import filter_form
from cargo_ai.console.views.storage import address
from cargo_ai.kernel.wire import JsonObject

ROWS = 50
COUNTED = 10_000
"""Records are counted up to this number."""
SHOWN_COLUMNS = 8
"""How many columns are shown by default."""
MAX_COLUMNS = 100
_MAX_OFFSET = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Grid:
    """`after`: the id of the last record of the page before, where the records are in the order of their ids; else `offset`."""

    model: str
    filter: JsonObject
    sort: str = ""
    order: str = "asc"
    columns: tuple[str, ...] = ()
    after: str = ""
    offset: int = 0

    @staticmethod
    def parse(model: str, query: QueryParams) -> Grid:
        """The grid of an address. InvalidForm where its filter cannot be read."""
        filter = filter_form.read_filter(query["filter"]) if query.get("filter") else filter_form.EVERYTHING
        offset = query.get("offset", "")
        return Grid(
            model,
            filter,
            query.get("sort", ""),
            "desc" if query.get("order") == "desc" else "asc",
            tuple(dict.fromkeys(query.getlist("column")))[:MAX_COLUMNS],
            query.get("after", ""),
            min(int(offset), _MAX_OFFSET) if offset.isascii() and offset.isdigit() else 0,
        )

    @property
    def is_everything(self) -> bool:
        """Whether no record is left out."""
        return self.filter == filter_form.EVERYTHING

    @property
    def is_by_id(self) -> bool:
        """Whether a page is found by the id before it, however far it is from the first."""
        return self.is_everything and not self.sort

    @property
    def sort_keys(self) -> list[JsonObject]:
        """The order as the operations take it."""
        return [{"columnSlug": self.sort, "kind": self.order}] if self.sort else []

    def query(self) -> dict[str, str | tuple[str, ...]]:
        """The query of its first page."""
        return {
            "filter": "" if self.is_everything else filter_form.write_filter(self.filter),
            "sort": self.sort,
            "order": self.order if self.order == "desc" else "",
            "column": self.columns,
        }

    def path(self, page: str = "records", more: Mapping[str, str] | None = None) -> str:
        """The address of its first page; `more` is added to the query."""
        return address.with_query(address.model(self.model, page), {**self.query(), **(more or {})})

    def sorted_by(self, slug: str) -> str:
        """The address in the order of a column; the other way round where it is in that order."""
        order = "desc" if (self.sort, self.order) == (slug, "asc") else "asc"
        return replace(self, sort=slug, order=order).path()

    def unsorted(self) -> str:
        """The address without an order."""
        return replace(self, sort="", order="asc").path()

    def command(self) -> list[str]:
        """The words of the command line that list the same page."""
        if self.is_by_id:
            words = ["storage", "record", "list", "--model-uuid", self.model, "--limit", str(ROWS)]
            by_id = ["--sort", '{"columnSlug":"_id","kind":"asc"}']
            return [*words, *(["--after", self.after] if self.after else by_id)]
        words = ["segmentation", "segment", "fetch", *self.selection(), "--fetching-limit", str(ROWS)]
        return [*words, "--fetching-offset", str(self.offset)] if self.offset else words

    def selection(self) -> list[str]:
        """The flags that say which records."""
        words = ["--model-uuid", self.model, "--filter", filter_form.write_filter(self.filter)]
        return [*words, "--sort", json.dumps(self.sort_keys, separators=(",", ":"))] if self.sort else words
