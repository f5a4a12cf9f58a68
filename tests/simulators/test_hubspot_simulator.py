"""The HubSpot simulator answers as HubSpot's pages and recordings say."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.simulators.hubspot import server
from tests.simulators.hubspot.limits import Numbers
from tests.simulators.hubspot.server import Running

Json = Any
CONTACTS = "/crm/objects/2026-03/contacts"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Running]:
    with server.running() as running:
        yield running


@pytest.fixture
def http(simulator: Running) -> Iterator[httpx.Client]:
    simulator.control.reset()
    headers = {"authorization": f"Bearer {simulator.key}"}
    with httpx.Client(base_url=simulator.url, headers=headers, timeout=10) as client:
        yield client


def created(http: httpx.Client, **values: Json) -> str:
    answer = http.post(CONTACTS, json={"properties": values})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def test_a_contact_is_created_read_changed_and_archived(http: httpx.Client) -> None:
    key = created(http, email="Ada@Example.com", firstname="Ada")
    assert http.get(f"{CONTACTS}/{key}").json()["properties"]["email"] == "ada@example.com"
    by_mail = http.get(f"{CONTACTS}/ADA@example.com", params={"idProperty": "email", "properties": "firstname,city,no_such"}).json()
    assert by_mail["id"] == key
    assert by_mail["properties"] | {"createdate": "", "lastmodifieddate": ""} == {
        "firstname": "Ada",
        "city": None,
        "hs_object_id": key,
        "createdate": "",
        "lastmodifieddate": "",
    }
    http.patch(f"{CONTACTS}/{key}", json={"properties": {"firstname": ""}})
    assert http.get(f"{CONTACTS}/{key}").json()["properties"]["firstname"] is None
    assert http.delete(f"{CONTACTS}/{key}").status_code == 204
    assert http.get(f"{CONTACTS}/{key}").status_code == 404
    assert http.get(f"{CONTACTS}/{key}", params={"archived": "true"}).json()["archived"] is True


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"no_such": "1"}, "PROPERTY_DOESNT_EXIST"),
        ({"createdate": "1"}, "READ_ONLY_VALUE"),
        ({"lifecyclestage": "friend"}, "INVALID_OPTION"),
        ({"email": "not-an-address"}, "INVALID_EMAIL"),
        ({"date_of_birth": "yesterday"}, "INVALID_DATE"),
    ],
)
def test_values_are_checked_in_hubspots_error_form(http: httpx.Client, values: dict[str, Json], code: str) -> None:
    answer = http.post(CONTACTS, json={"properties": {"lastname": "L"} | values})
    body = answer.json()
    assert (answer.status_code, body["status"], body["category"]) == (400, "error", "VALIDATION_ERROR")
    assert body["message"].startswith("Property values were not valid: [")
    assert body["errors"][0]["code"] == code
    assert body["correlationId"]


def test_an_email_address_is_taken_once(http: httpx.Client) -> None:
    key = created(http, email="a@example.com")
    answer = http.post(CONTACTS, json={"properties": {"email": "A@example.com"}})
    assert (answer.status_code, answer.json()["category"]) == (409, "CONFLICT")
    assert answer.json()["message"] == f"Contact already exists. Existing ID: {key}"


def upserts(*rows: dict[str, Json], traced: bool = True) -> dict[str, Json]:
    inputs = [{"id": row["email"], "idProperty": "email", "properties": row} for row in rows]
    return {"inputs": [one | ({"objectWriteTraceId": str(at)} if traced else {}) for at, one in enumerate(inputs)]}


def test_an_upsert_says_what_is_new(http: httpx.Client) -> None:
    created(http, email="a@example.com", firstname="A")
    answer = http.post(f"{CONTACTS}/batch/upsert", json=upserts({"email": "a@example.com", "city": "Ulm"}, {"email": "b@example.com"}))
    assert answer.status_code == 200
    assert [(one["properties"]["email"], one["new"]) for one in answer.json()["results"]] == [
        ("a@example.com", False),
        ("b@example.com", True),
    ]
    assert answer.json()["results"][0]["properties"]["firstname"] == "A"


def test_with_trace_ids_a_batch_names_the_rows_that_failed(http: httpx.Client) -> None:
    rows = upserts({"email": "a@example.com"}, {"email": "b@example.com", "no_such": "1"})
    answer = http.post(f"{CONTACTS}/batch/upsert", json=rows)
    body = answer.json()
    assert (answer.status_code, body["numErrors"], len(body["results"])) == (207, 1, 1)
    assert body["errors"][0]["context"]["objectWriteTraceId"] == ["1"]


def test_without_trace_ids_nothing_of_a_batch_is_done(http: httpx.Client, simulator: Running) -> None:
    key = created(http, email="a@example.com", city="Ulm")
    rows = upserts({"email": "a@example.com", "city": "Bonn"}, {"email": "c@example.com"}, {"email": "b@x.org", "nope": "1"}, traced=False)
    assert http.post(f"{CONTACTS}/batch/upsert", json=rows).status_code == 400
    kind = simulator.control.account.type_named("contacts")
    assert {one.id: one.values.get("city") for one in kind.records.values()} == {key: "Ulm"}


def test_one_id_twice_refuses_the_batch(http: httpx.Client) -> None:
    answer = http.post(f"{CONTACTS}/batch/upsert", json=upserts({"email": "a@example.com"}, {"email": "A@example.com"}))
    assert answer.status_code == 400
    assert answer.json()["message"] == "Duplicate IDs found in batch input: [a@example.com]. IDs must be unique"
    assert answer.json()["context"] == {"ids": ["a@example.com"]}


def test_batches_are_at_most_100_and_upserts_need_a_unique_property(http: httpx.Client) -> None:
    many = upserts(*({"email": f"{at}@example.com"} for at in range(101)))
    assert http.post(f"{CONTACTS}/batch/upsert", json=many).status_code == 400
    inputs = [{"id": "acme.com", "idProperty": "domain", "properties": {"name": "Acme"}}]
    answer = http.post("/crm/objects/2026-03/companies/batch/upsert", json={"inputs": inputs})
    assert "non-unique 0-2 property domain" in answer.json()["message"]


def test_missing_ids_are_errors_of_updates_and_reads(http: httpx.Client) -> None:
    key = created(http, email="a@example.com")
    inputs = [{"id": key, "properties": {"city": "Ulm"}}, {"id": "1", "properties": {"city": "Ulm"}}]
    for path, given in (("update", inputs), ("read", [{"id": key}, {"id": "1"}])):
        answer = http.post(f"{CONTACTS}/batch/{path}", json={"inputs": given})
        assert (answer.status_code, answer.json()["errors"][0]["context"]["ids"]) == (207, ["1"])
        assert [one["id"] for one in answer.json()["results"]] == [key]


def test_a_list_goes_on_after_the_last_id(http: httpx.Client) -> None:
    keys = [created(http, lastname=str(at)) for at in range(5)]
    seen: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = http.get(CONTACTS, params={"limit": "2"} | after).json()
        seen += [one["id"] for one in page["results"]]
        if "paging" not in page:
            break
        after = {"after": page["paging"]["next"]["after"]}
    assert seen == keys


def found(http: httpx.Client, **request: Json) -> httpx.Response:
    return http.post(f"{CONTACTS}/search", json=request)


def where(name: str, operator: str, **given: Json) -> list[Json]:
    return [{"filters": [{"propertyName": name, "operator": operator} | given]}]


def test_the_search_filters_sorts_and_pages(http: httpx.Client, simulator: Running) -> None:
    simulator.control.limits.set(Numbers(search=100))
    for at, city in enumerate(("Ulm", "Bonn", "Ulm")):
        created(http, lastname=f"L{at}", city=city)
    assert found(http, filterGroups=where("city", "EQ", value="ulm")).json()["total"] == 2
    assert found(http, filterGroups=where("city", "IN", values=["bonn"])).json()["total"] == 1
    assert found(http, filterGroups=where("phone", "NOT_HAS_PROPERTY")).json()["total"] == 3
    assert found(http, query="l1").json()["total"] == 1
    page = found(http, sorts=[{"propertyName": "lastname", "direction": "DESCENDING"}], limit=2, properties=["lastname"]).json()
    assert [one["properties"]["lastname"] for one in page["results"]] == ["L2", "L1"]
    assert page["paging"]["next"]["after"] == "2"


@pytest.mark.parametrize(
    "request_",
    [
        {"filterGroups": where("no_such", "EQ", value="1")},
        {"filterGroups": where("city", "LIKE", value="1")},
        {"filterGroups": where("city", "EQ", value="1") * 6},
        {"filterGroups": [{"filters": where("city", "EQ", value="1")[0]["filters"] * 7}]},
        {"filterGroups": where("city", "IN", values=[])},
        {"limit": 201},
        {"limit": 100, "after": "9901"},
        {"sorts": ["city", "lastname"]},
    ],
)
def test_the_search_has_limits(http: httpx.Client, request_: dict[str, Json]) -> None:
    assert found(http, **request_).status_code == 400


def test_new_records_are_found_later(http: httpx.Client, simulator: Running) -> None:
    simulator.control.search_lag = 0.3
    created(http, email="a@example.com")
    assert found(http).json()["total"] == 0
    until = time.monotonic() + 10
    while not found(http).json().get("total") and time.monotonic() < until:
        time.sleep(0.21)  # five searches a second
    assert found(http).json()["total"] == 1


def test_two_windows_refuse_what_is_too_fast(http: httpx.Client, simulator: Running) -> None:
    simulator.control.limits.set(Numbers(ten_seconds=8, search=2))
    answers = [found(http) for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert answers[2].json()["policyName"] == "SECONDLY"
    assert "x-hubspot-ratelimit-max" not in answers[0].headers
    reads = [http.get(CONTACTS) for _ in range(7)]
    assert [one.status_code for one in reads] == [200] * 6 + [429]
    assert reads[0].headers["x-hubspot-ratelimit-remaining"] == "5"
    body = reads[6].json()
    assert (body["policyName"], body["errorType"]) == ("TEN_SECONDLY_ROLLING", "RATE_LIMIT")


def test_another_user_of_the_account_shows_in_the_headers(http: httpx.Client, simulator: Running) -> None:
    simulator.control.limits.spend("key", 100)
    assert http.get(CONTACTS).headers["x-hubspot-ratelimit-remaining"] == "89"


def test_keys_and_scopes(http: httpx.Client, simulator: Running) -> None:
    simulator.control.sign_in.add("pat-na1-reads-only", scopes=["crm.objects.contacts.read"])
    simulator.control.sign_in.add("CO-has-ended-before", kind="oauth", expires_in=-1)

    def status(token: str, method: str = "GET", path: str = CONTACTS) -> tuple[int, str]:
        answer = http.request(method, path, headers={"authorization": f"Bearer {token}"}, json={"properties": {}})
        return answer.status_code, answer.json().get("category", "")

    assert status("pat-na1-unknown-one") == (401, "INVALID_AUTHENTICATION")
    assert status("CO-has-ended-before") == (401, "EXPIRED_AUTHENTICATION")
    assert status("short")[0] == 530
    assert status("pat-na1-reads-only") == (200, "")
    assert status("pat-na1-reads-only", "POST") == (403, "MISSING_SCOPES")
    assert status("pat-na1-reads-only", path="/account-info/2026-03/details") == (200, "")


def test_tokens_are_refreshed_and_the_refresh_token_stays(http: httpx.Client, simulator: Running) -> None:
    simulator.control.sign_in.codes.add("code-1")
    client = {"client_id": "simulated-client", "client_secret": "simulated-secret"}
    first = http.post("/oauth/2026-03/token", data=client | {"grant_type": "authorization_code", "code": "code-1"}).json()
    again = http.post("/oauth/2026-03/token", data=client | {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}).json()
    assert again["refresh_token"] == first["refresh_token"]
    assert http.get(CONTACTS, headers={"authorization": f"Bearer {again['access_token']}"}).status_code == 200
    spent = http.post("/oauth/2026-03/token", data=client | {"grant_type": "authorization_code", "code": "code-1"})
    assert (spent.status_code, spent.json()["error"]) == (400, "invalid_grant")


def test_custom_objects_have_their_own_unique_properties(http: httpx.Client) -> None:
    properties = [{"name": "vin", "label": "VIN", "type": "string", "fieldType": "text", "hasUniqueValue": True}]
    schema = {"name": "car", "labels": {"singular": "Car", "plural": "Cars"}, "properties": properties, "requiredProperties": ["vin"]}
    made = http.post("/crm-object-schemas/2026-03/schemas", json=schema).json()
    cars = f"/crm/objects/2026-03/{made['objectTypeId']}"
    assert http.post(cars, json={"properties": {}}).json()["message"].endswith("Some required properties were not set.")
    values: dict[str, Json] = {}
    rows = {"inputs": [{"id": "W1", "idProperty": "vin", "properties": values}]}
    assert http.post(f"{cars}/batch/upsert", json=rows).json()["results"][0]["new"] is True
    assert http.post(f"{cars}/batch/upsert", json=rows).json()["results"][0]["new"] is False
    twice = http.post(cars, json={"properties": {"vin": "W1"}})
    assert twice.json()["errors"][0]["code"] == "CONFLICTING_UNIQUE_VALUE"
    assert http.get(f"/crm/objects/2026-03/{made['fullyQualifiedName']}").json()["results"][0]["properties"]["vin"] == "W1"


def test_associations_go_both_ways_and_may_be_repeated(http: httpx.Client) -> None:
    contact = created(http, email="a@example.com")
    company = http.post("/crm/objects/2026-03/companies", json={"properties": {"name": "Acme"}}).json()["id"]
    pairs = {"inputs": [{"from": {"id": contact}, "to": {"id": company}}, {"from": {"id": "1"}, "to": {"id": company}}]}
    path = "/crm/associations/2026-03/contacts/companies/batch"
    for _ in range(2):
        answer = http.post(f"{path}/associate/default", json=pairs)
        assert (answer.status_code, len(answer.json()["results"]), answer.json()["numErrors"]) == (207, 2, 1)
    back = http.post("/crm/associations/2026-03/companies/contacts/batch/read", json={"inputs": [{"id": company}]}).json()
    assert [one["toObjectId"] for one in back["results"][0]["to"]] == [contact]


def test_members_of_lists(http: httpx.Client, simulator: Running) -> None:
    contact = created(http, email="a@example.com")
    listed = http.post("/crm/lists/2026-03", json={"name": "Warm", "objectTypeId": "0-1", "processingType": "MANUAL"}).json()["list"]
    path = f"/crm/lists/2026-03/{listed['listId']}/memberships"
    assert http.put(f"{path}/add", json=[contact, "1"]).json() == {
        "recordsIdsAdded": [contact],
        "recordIdsRemoved": [],
        "recordIdsMissing": ["1"],
    }
    assert http.get(path).json()["results"][0]["recordId"] == contact
    assert http.put(f"{path}/remove", json=[contact]).json()["recordIdsRemoved"] == [contact]
    dynamic = simulator.control.account.add_list("Filtered", "0-1", "DYNAMIC")
    assert http.put(f"/crm/lists/2026-03/{dynamic.id}/memberships/add", json=[contact]).status_code == 400


def test_a_url_that_is_too_long_is_refused(http: httpx.Client) -> None:
    assert http.get(CONTACTS, params={"properties": "x" * 15_000}).status_code == 414


def test_the_undated_paths_of_old_are_not_there(http: httpx.Client) -> None:
    assert http.get("/crm/v3/objects/contacts").status_code == 404


@pytest.mark.parametrize(("drop", "kept"), [("before", 0), ("after", 1)])
def test_a_connection_is_dropped_before_or_after_the_effect(http: httpx.Client, simulator: Running, drop: str, kept: int) -> None:
    simulator.control.fail(method="POST", path="/contacts$", drop=drop)
    with pytest.raises(httpx.TransportError):
        created(http, lastname="L")
    assert len(simulator.control.account.type_named("contacts").records) == kept


def test_faults_answer_for_the_service(http: httpx.Client, simulator: Running) -> None:
    simulator.control.fail(path="contacts", status=423, body={"status": "error", "message": "locked"}, times=2)
    simulator.control.fail(path="contacts", cut=True)
    assert [http.get(CONTACTS).status_code for _ in range(2)] == [423, 423]
    with pytest.raises(httpx.TransportError):
        http.get(CONTACTS)
    assert http.get(CONTACTS).status_code == 200


def test_a_process_of_its_own_takes_orders() -> None:
    orders = {"lists": [{"name": "Warm"}], "searchLag": 0, "keys": [{"token": "pat-na1-another-key"}]}
    with server.process("--ten-seconds", "100000") as url, httpx.Client(base_url=url) as client:
        assert client.post("/_simulator", json=orders).json()["lists"] == ["1"]
        key = {"authorization": "Bearer pat-na1-another-key"}
        rows = upserts(*({"email": f"{at}@example.com", "firstname": "F"} for at in range(100)))
        assert client.post(f"{CONTACTS}/batch/upsert", json=rows, headers=key).status_code == 200
        report = client.get("/_simulator").json()
        assert (report["records"]["0-1"], report["byStatus"]) == (100, {"POST 200": 1})
