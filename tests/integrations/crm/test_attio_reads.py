"""Reading from Attio: plain values, find, match and search; what forms offer; what errors say."""

from __future__ import annotations

from typing import Any

from cargo_ai.integrations.attio.choices import AUTOCOMPLETES, SCHEMAS_OF_FORMS
from cargo_ai.integrations.kit import ServiceError
from tests.integrations.crm.attio_subject import FIRST, NO_SUCH, SUBJECT, JsonObject, action, output
from tests.kit.conformance.fixtures import Fixtures
from tests.kit.conformance.harness import Harness
from tests.simulators.attio.control import TOKEN, Control
from tests.simulators.attio.workspace import Attribute

Json = Any


def _search(*filters: JsonObject, **more: Json) -> JsonObject:
    groups = [{"filters": [each]} for each in filters]
    return {"objectType": "people", "properties": ["job_title"], "filterGroups": groups, **more}


def _condition(name: str, operator: str, value: Json = None) -> JsonObject:
    return {"propertyName": name, "operator": operator, "value": value}


def _titles(found: Json) -> list[str]:
    return [record["properties"]["job_title"] for record in found["records"]]


def _three(control: Control) -> None:
    control.add("people", email_addresses=["ada@example.com"], job_title="Countess", name="Lovelace, Ada", rating=5)
    control.add("people", email_addresses=["grace@navy.example"], job_title="Admiral", name="Hopper, Grace", rating=4)
    control.add("people", email_addresses=["alan@example.com"], job_title="Fellow", name="Turing, Alan")


class TestReads(Fixtures):
    """Reads."""

    subject = SUBJECT

    async def test_values_are_plain(self, harness: Harness) -> None:
        control: Control = harness.control
        company = control.add("companies", name="Acme", domains=["https://www.Acme.example/about"], employees="12")
        control.add(
            "people",
            name="Lovelace, Ada",
            email_addresses=["Ada@Example.com", "ada@acme.example"],
            phone_numbers=["+49 30 1234567"],
            company="www.acme.example",
            primary_location="London",
            owner="grace@acme.example",
            tags=["Warm", "Partner"],
            met_on="2026-03-01T10:00",
            rating=5,
            newsletter=True,
        )
        found = await output(harness, "findRecord", {"objectType": "people", "matchingValue": control.workspace.new_item().id})
        assert found == {"found": False, "record": None}
        config = {"objectType": "people", "matchingPropertyName": "email_addresses", "matchingValue": "ADA@example.com"}
        record = (await output(harness, "findRecord", config))["record"]
        location = record["properties"].pop("primary_location")
        assert location["line_1"] == "London" and "attribute_type" not in location
        assert record["properties"] == {
            "record_id": record["id"],
            "created_at": record["createdAt"],
            "name": "Ada Lovelace",
            "email_addresses": ["ada@example.com", "ada@acme.example"],
            "phone_numbers": ["+49301234567"],
            "job_title": None,
            "company": company.id,
            "owner": control.workspace.members[0].id,
            "tags": ["Warm", "Partner"],
            "met_on": "2026-03-01",
            "rating": 5,
            "newsletter": True,
            "linked": [],
            "last_interaction": None,
        }
        assert record["url"].endswith(record["id"])

    async def test_a_record_is_found_by_its_id_and_only_what_is_asked_for_is_given(self, harness: Harness) -> None:
        _three(harness.control)
        found = await output(harness, "findRecord", {"objectType": "people", "matchingValue": FIRST, "properties": ["job_title"]})
        assert found["record"]["properties"] == {"job_title": "Countess"}

    async def test_several_records_are_not_one(self, harness: Harness) -> None:
        for _ in range(3):
            harness.control.add("companies", name="Acme")
        by_name = {"objectType": "companies", "matchingPropertyName": "name", "matchingValue": "Acme"}
        assert (await harness.failed(action("findRecord"), by_name)).reason == "ambiguous"
        matched = await output(harness, "matchRecord", by_name)
        assert matched["matched"] is True and matched["count"] == 3 and matched["recordId"] == matched["recordIds"][0] == FIRST
        found = await output(harness, "findRecords", {"objectType": "companies", "propertyName": "name", "value": "Acme", "limit": 2})
        assert (found["count"], found["more"], found["records"][0]["id"]) == (2, True, FIRST)

    async def test_records_are_found_by_numbers_references_and_members(self, harness: Harness) -> None:
        control: Control = harness.control
        company = control.add("companies", name="Acme", domains=["acme.example"], employees=12)
        person = control.add("people", company="acme.example", owner="alan@acme.example", newsletter=True)
        queries: list[tuple[str, str, Json, str]] = [
            ("companies", "employees", "12", company.id),
            ("companies", "domains", "https://ACME.example/x", company.id),
            ("people", "company", company.id, person.id),
            ("people", "owner", control.workspace.members[1].id, person.id),
            ("people", "newsletter", "true", person.id),
        ]
        for object_type, name, value, record_id in queries:
            config = {"objectType": object_type, "matchingPropertyName": name, "matchingValue": value}
            assert (await output(harness, "matchRecord", config))["recordIds"] == [record_id], name

    async def test_what_cannot_be_compared_is_refused_before_any_search(self, harness: Harness) -> None:
        config = {"objectType": "people", "matchingPropertyName": "primary_location", "matchingValue": "Ulm"}
        failure = await harness.failed(action("matchRecord"), config)
        assert "location" in failure.message and harness.control.sent("POST") == []

    async def test_searches_filter_sort_and_say_whether_there_is_more(self, harness: Harness) -> None:
        _three(harness.control)
        either = _search(_condition("job_title", "EQ", "Admiral"), _condition("email_addresses.email_domain", "EQ", "example.com"))
        assert _titles(await output(harness, "searchRecords", either)) == ["Countess", "Admiral", "Fellow"]
        assert _titles(await output(harness, "searchRecords", _search(_condition("job_title", "NEQ", "Admiral")))) == ["Countess", "Fellow"]
        assert _titles(await output(harness, "searchRecords", _search(_condition("rating", "HAS_PROPERTY")))) == ["Countess", "Admiral"]
        assert _titles(await output(harness, "searchRecords", _search(_condition("rating", "GTE", 5)))) == ["Countess"]
        last = {"sorts": [{"propertyName": "name", "field": "last_name", "direction": "DESCENDING"}], "limit": 2}
        found = await output(harness, "searchRecords", _search(**last))
        assert (_titles(found), found["more"]) == (["Fellow", "Countess"], True)
        listed = {"propertyName": "job_title", "operator": "IN", "values": ["Admiral", "Fellow"]}
        assert _titles(await output(harness, "searchRecords", _search(listed))) == ["Admiral", "Fellow"]
        own = _search() | {"filter": {"name": {"first_name": {"$starts_with": "gr"}}}}
        assert _titles(await output(harness, "searchRecords", own)) == ["Admiral"]

    async def test_filters_that_say_nothing_are_refused(self, harness: Harness) -> None:
        for config in (
            _search(_condition("job_title", "EQ")),
            _search({"propertyName": "job_title", "operator": "IN"}),
            _search(_condition("job_title", "EQ", "1"), filter={"name": "x"}),
        ):
            assert "filter" in (await harness.failed(action("searchRecords"), config)).message
        assert harness.control.sent("POST") == []

    async def test_attio_says_what_is_wrong_with_a_filter_and_with_an_object(self, harness: Harness) -> None:
        failure = await harness.failed(action("searchRecords"), _search(_condition("newsletter", "CONTAINS", "x")))
        assert '"$contains" is not supported' in failure.message and failure.reason == "invalidRequest"
        failure = await harness.failed(action("searchRecords"), {"objectType": "../lists"})
        assert 'slug/ID "../lists" not found' in failure.message or failure.reason == "notFound"

    async def test_a_missing_scope_is_named_with_where_to_add_it(self, harness: Harness) -> None:
        harness.control.tokens[TOKEN] = frozenset({"object_configuration:read"})
        failure = await harness.failed(action("findRecord"), {"objectType": "people", "matchingValue": FIRST})
        assert failure.reason == "forbidden" and "record_permission:read" in failure.message and "Developers" in failure.message

    async def test_a_token_that_is_not_active_is_refused_although_attio_answers_200(self, harness: Harness) -> None:
        verification = harness.integration.account.verification
        assert verification is not None
        harness.account = harness.subject.wrong(harness.simulator)
        try:
            await verification.verify(harness.service())
        except ServiceError as refused:
            assert (refused.status, refused.reason) == (200, "accountUnusable") and "Developers" in refused.message
        else:
            raise AssertionError("a token that is not active was accepted")

    async def test_forms_offer_what_the_workspace_has(self, harness: Harness) -> None:
        control: Control = harness.control
        control.workspace.add_object("rockets", "Rockets", Attribute("name"))
        form = harness.form_request()
        assert [choice.value for choice in await AUTOCOMPLETES["listObjects"].perform(form, {}, "rock")] == ["rockets"]
        unique = await AUTOCOMPLETES["listUniqueProperties"].perform(form, {"objectType": "people"}, None)
        assert [(choice.value, choice.description) for choice in unique] == [
            ("record_id", "text, unique, read only"),
            ("email_addresses", "email-address, several values, unique"),
        ]
        stages = await AUTOCOMPLETES["listOptions"].perform(form, {"objectType": "people", "propertyName": "tags"}, "a")
        assert [choice.value for choice in stages] == ["Warm", "Partner"]
        members = await AUTOCOMPLETES["listMembers"].perform(form, {}, "grace")
        assert [(choice.label, choice.description) for choice in members] == [("Grace Hopper", "grace@acme.example")]

    async def test_the_schema_of_an_object_has_what_can_be_written(self, harness: Harness) -> None:
        schema, _ui = await SCHEMAS_OF_FORMS["recordProperties"].perform(harness.form_request(), {"objectType": "people"})
        properties = schema["properties"]
        assert "record_id" not in properties and "last_interaction" not in properties
        assert properties["tags"]["items"]["enum"] == ["Warm", "Cold", "Partner"]
        deals, _ui = await SCHEMAS_OF_FORMS["recordProperties"].perform(harness.form_request(), {"objectType": "deals"})
        assert deals["required"] == ["name"]

    async def test_a_record_that_is_not_there_is_skipped_or_was_deleted_by_an_earlier_attempt(self, harness: Harness) -> None:
        config = {"objectType": "people", "recordId": NO_SUCH}
        assert (await output(harness, "deleteRecord", config))["operation"] == "skipped"
        _three(harness.control)
        deleted = await output(harness, "deleteRecord", config | {"recordId": FIRST})
        assert deleted["operation"] == "deleted" and len(harness.control.values("people")) == 2
