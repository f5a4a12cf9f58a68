"""Organisations: up to ten are matched by one call."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, cast
from urllib.parse import urlsplit

from cargo_ai.integrations.apolloio.client import list_at
from cargo_ai.integrations.apolloio.fields import text_field
from cargo_ai.integrations.kit import Done, Form, InvalidConfig
from cargo_ai.integrations.kit.rows import Rows

Json = Any
JsonObject = Mapping[str, Json]

MAX = 10


class EnrichOrganization(Form):
    """Which it is: the more is given, the surer is the match."""

    domain: str = text_field("Domain", "Without www.")
    website: str = text_field("Website")
    linkedin_url: str = text_field("LinkedIn")
    name: str = text_field("Name")

    def details(self) -> dict[str, str]:
        """As Apollo takes it. InvalidConfig where nothing is given."""
        given = {name: text.strip() for name, text in self.model_dump().items() if text.strip()}
        if not given:
            raise InvalidConfig("Give a `domain`, `website`, `linkedinUrl` or `name`.")
        if "domain" in given:
            given["domain"] = _host(given["domain"])
        return given


async def enrich(rows: Rows[EnrichOrganization]) -> None:
    """The organisation of each row; `found` is false where Apollo has none."""
    details = rows.read(EnrichOrganization.details)
    if not details:
        return
    asked = list({json.dumps(one, sort_keys=True): one for one in details.values()}.values())
    answer = await rows.service.post("/organizations/bulk_enrich", json={"details": asked})
    organizations = [cast("JsonObject", one) if isinstance(one, Mapping) else None for one in list_at(answer, "organizations")]
    matches = _matches(asked, organizations)
    for position, given in details.items():
        index = asked.index(given)
        if index in matches:
            organization = matches[index]
            title = "No match" if organization is None else str(organization.get("name") or "Found")
            rows.settle(position, Done({"found": organization is not None, "organization": organization}, title))


def _matches(asked: list[dict[str, str]], organizations: list[JsonObject | None]) -> dict[int, JsonObject | None]:
    """Which is whose, by position. Apollo says nothing of the order when some are missing: then what was asked for tells; of those that
    it does not tell of, nothing is said."""
    if len(organizations) == len(asked):
        return dict(enumerate(organizations))
    matches: dict[int, JsonObject | None] = {}
    left = [one for one in organizations if one is not None]
    for index, given in enumerate(asked):
        own = set(_names(given))
        fitting = [one for one in left if own & set(_names(one))]
        if len(fitting) == 1:
            matches[index] = fitting[0]
            left.remove(fitting[0])
    # When each that came is someone's, the others have none.
    return matches if left else {index: matches.get(index) for index in range(len(asked))}


def _names(organization: JsonObject) -> Iterator[str]:
    """By what an organisation is known, as it is asked for and as Apollo gives it."""
    for field in ("domain", "website", "primary_domain", "website_url"):
        if address := organization.get(field):
            yield f"host {_host(str(address))}"
    if linkedin := organization.get("linkedin_url"):
        yield f"linkedin {str(linkedin).rstrip('/').rpartition('/')[2].lower()}"
    if name := organization.get("name"):
        yield f"name {str(name).strip().lower()}"


def _host(address: str) -> str:
    """The domain of an address or a website."""
    host = urlsplit(address if "//" in address else f"//{address}").netloc.rpartition("@")[2].partition(":")[0]
    return re.sub(r"^www\.", "", host.lower())
