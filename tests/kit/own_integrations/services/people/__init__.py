"""People: an integration of tests that reads a long list in pages of 500, of which its service takes some in a second."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from cargo_ai.integrations.kit import (
    AccountSpec,
    Cursor,
    ExtractedPage,
    Extractor,
    ExtractRequest,
    Form,
    Integration,
    Policy,
    ServiceSpec,
    SourceColumn,
    SourceShape,
)

SIZE = 500
SHAPE = SourceShape(
    (
        SourceColumn("id"),
        SourceColumn("name"),
        SourceColumn("email"),
        SourceColumn("age", "number"),
        SourceColumn("since", "date"),
        SourceColumn("tags", "array"),
    ),
    id="id",
    title="name",
)


class PeopleAccount(Form):
    """Where it is."""

    base_url: str


async def pages(request: ExtractRequest, cursor: Cursor | None) -> AsyncIterator[ExtractedPage]:
    """Pages by the number of the last one."""
    after = int((cursor or {}).get("after", 0))
    while True:
        answer = await request.service.get("/people", query={"after": after, "limit": SIZE})
        people: list[dict[str, Any]] = answer.body["people"]
        after += len(people)
        yield ExtractedPage(people, {"after": after}, more=bool(answer.body["more"]))
        if not answer.body["more"]:
            return


INTEGRATION = Integration(
    slug="people",
    name="People",
    description="Lists people.",
    icon="<svg/>",
    color="#000000",
    url="https://example.com",
    category="custom",
    account=AccountSpec(fields=PeopleAccount),
    service=ServiceSpec(base_url=lambda config: str(config["baseUrl"]), policies=(Policy(30, 1.0, scope="connector"),)),
    actions=(),
    extractors=(Extractor(slug="listPeople", name="People", description="Everybody.", shape=SHAPE, pages=pages),),
    documentation="",
)
