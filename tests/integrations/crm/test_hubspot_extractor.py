"""HubSpot's records as a model: more changes than a search gives, records that change in the middle, properties that do not fit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from cargo_ai.integrations.hubspot.extractors.fetch_records import FETCH_RECORDS
from cargo_ai.integrations.kit import Cursor, ExtractedPage, ExtractRequest, InvalidConfig, walk
from tests.integrations.crm.hubspot_account import SETTINGS, HubSpot, account
from tests.simulators.hubspot import server
from tests.simulators.hubspot.limits import Numbers
from tests.simulators.hubspot.properties import Property
from tests.simulators.hubspot.server import Running

CONTACTS: dict[str, Any] = {"objectType": "contacts", "columnSelectionMode": "selected", "properties": ["city"]}


@pytest.fixture(scope="module")
def simulator() -> Iterator[Running]:
    with server.running(Numbers(ten_seconds=100_000, search=10_000)) as running:
        yield running


@pytest.fixture
async def hubspot(simulator: Running) -> AsyncIterator[HubSpot]:
    async with account(simulator) as opened:
        yield opened


def request(hubspot: HubSpot, **config: Any) -> ExtractRequest:
    return ExtractRequest(CONTACTS | config, hubspot.config, hubspot.service(), hubspot.client, SETTINGS)


async def pages(hubspot: HubSpot, cursor: Cursor | None = None, **config: Any) -> list[ExtractedPage]:
    return [page async for page in walk(FETCH_RECORDS, request(hubspot, **config), cursor)]


def ids(read: list[ExtractedPage]) -> list[str]:
    return [str(record["hs_object_id"]) for page in read for record in page.records]


@pytest.mark.slow
async def test_more_changes_than_a_search_gives_are_all_read(hubspot: HubSpot) -> None:
    contacts = hubspot.records("contacts")
    bookmark = (await pages(hubspot))[-1].cursor
    made = [contacts.create({"email": f"c{number}@example.com"}) for number in range(10_300)]
    for record in made:
        # As after an import: all at the same moment.
        record.updated = made[0].updated
    assert ids(await pages(hubspot, bookmark)) == [record.id for record in made]


async def test_a_record_that_changes_in_the_middle_is_read_by_the_next_sync(hubspot: HubSpot) -> None:
    contacts = hubspot.records("contacts")
    made = [contacts.create({"email": f"c{number}@example.com", "city": "Bonn"}) for number in range(250)]
    read: list[ExtractedPage] = []
    async for page in walk(FETCH_RECORDS, request(hubspot)):
        if not read:
            contacts.update(made[0], {"city": "Ulm"})
        read.append(page)
    later = await pages(hubspot, read[-1].cursor)
    assert {record["city"] for page in later for record in page.records if record["hs_object_id"] == made[0].id} == {"Ulm"}


async def test_properties_whose_names_are_too_long_for_one_call_are_read_apart(hubspot: HubSpot) -> None:
    contacts = hubspot.records("contacts")
    names = [f"a_property_with_a_long_name_of_its_own_{number:04}" for number in range(200)]
    for name in names:
        contacts.add_property(Property(name, name))
    record = contacts.create({"email": "ada@example.com", names[7]: "x"})
    first = await pages(hubspot, properties=names)
    assert first[0].records[0][names[7]] == "x"
    contacts.update(record, {names[7]: "y"})
    later = await pages(hubspot, first[-1].cursor, properties=names)
    assert later[0].records[0][names[7]] == "y"


async def test_a_custom_object_is_known_by_its_own_title(hubspot: HubSpot) -> None:
    schema = {
        "name": "cars",
        "labels": {"singular": "Car", "plural": "Cars"},
        "primaryDisplayProperty": "model",
        "requiredProperties": ["model"],
        "properties": [{"name": "model", "label": "Model", "type": "string", "fieldType": "text"}],
    }
    kind = hubspot.control.account.add_schema(schema)
    shape = await FETCH_RECORDS.shape_for(request(hubspot, objectType=kind.id, columnSelectionMode="all", properties=[]))
    assert (shape.id, shape.title) == ("hs_object_id", "model")
    kind.create({"model": "T"})
    assert len(ids(await pages(hubspot, objectType=kind.id, properties=["model"]))) == 1


async def test_a_property_that_the_object_lacks_is_named(hubspot: HubSpot) -> None:
    with pytest.raises(InvalidConfig, match="no_such"):
        await FETCH_RECORDS.shape_for(request(hubspot, properties=["no_such"]))
