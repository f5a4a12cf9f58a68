"""Search: the things of a workspace by a part of their name, by the beginning of their uuid, and records by their id. An addition to the
public contract."""

from __future__ import annotations

from typing import Annotated, Literal, Never

from pydantic import Field, StringConstraints

from cargo_ai.contract import operations
from cargo_ai.kernel.operation import Cli, Operation
from cargo_ai.kernel.wire import Uuid, Wire

HitKind = Literal["tool", "play", "agent", "model", "segment", "connector", "chat", "record", "run", "batch", "review", "change-set"]


class Search(Wire):
    """What to look for."""

    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)] = Field(
        description="A part of a name or slug, a uuid or at least its first 8 digits, or the id of a record."
    )
    kinds: list[HitKind] | None = Field(default=None, description="Only these kinds, comma-separated.")
    limit: Annotated[int, Field(ge=1, le=50, description="How many of each kind at most, 1 to 50.")] = 8


class Hit(Wire):
    """A thing that matches. `uuid`: of a record, that of its model. `recordId`: of a record only."""

    kind: HitKind
    uuid: Uuid
    name: str | None
    slug: str | None = None
    record_id: str | None = None


class SearchReply(Wire):
    """The things that match, kind by kind: names that begin with the text come first. `more`: the kinds of which there are others, too."""

    hits: list[Hit]
    more: list[HitKind]


find: Operation[Search, SearchReply, Never] = operations.add(
    Operation(
        "workspaceManagement.search.find",
        "GET",
        "/workspaceManagement/search/find",
        request=Search,
        response=SearchReply,
        summary="Search tools, plays, agents, models, segments, connectors, chats, records, runs, batches and reviews that you may see.",
        permission=None,
        cli=Cli(
            positionals=("text",),
            csv=frozenset({"kinds"}),
            examples=(
                "cargo-ai workspace search find companies",
                "cargo-ai workspace search find 0198c5f0-0000-7000-8000-000000000001",
                "cargo-ai workspace search find acme.example --kinds record",
            ),
        ),
    )
)
