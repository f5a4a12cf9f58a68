"""Contacts, sequences and searches of the imitation of Apollo."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from tests.simulators.apolloio.control import Control, Record
from tests.simulators.serving import Refused

Json = Any
_PEOPLE = {"person_titles[]", "q_organization_domains_list[]", "q_keywords", "organization_num_employees_ranges[]", "person_seniorities[]"}
_COMPANIES = {
    "q_organization_name",
    "q_organization_domains_list[]",
    "organization_locations[]",
    "revenue_range[min]",
    "revenue_range[max]",
}
_FIELDS = {
    "first_name",
    "last_name",
    "organization_name",
    "title",
    "account_id",
    "email",
    "website_url",
    "label_names",
    "contact_stage_id",
    "present_raw_address",
    "direct_phone",
    "corporate_phone",
    "mobile_phone",
    "home_phone",
    "other_phone",
    "typed_custom_fields",
}
_STATUS = "contact_campaign_statuses"


def _page(number: Json, size: Json, records: list[Record]) -> list[Record]:
    number, size = int(number or 1), int(size or 10)
    if not 1 <= size <= 100 or not 1 <= number <= 500:
        raise Refused(422, {"error": "Invalid parameters"})
    return records[(number - 1) * size : number * size]


def _filters(request: Request, known: set[str]) -> dict[str, list[str]]:
    given = {name: request.query_params.getlist(name) for name in request.query_params}
    if unknown := sorted(set(given) - known - {"page", "per_page"}):
        raise Refused(422, {"error": f"Invalid parameters: {unknown[0]}"})
    return given


def search_people(control: Control, request: Request, _body: Json) -> tuple[int, Json]:
    """POST /mixed_people/api_search: neither addresses nor last names."""
    given, query = _filters(request, _PEOPLE), request.query_params
    fitting = [
        person
        for person in control.people
        if not (titles := given.get("person_titles[]")) or any(title.lower() in person.get("title", "").lower() for title in titles)
    ]
    shown = [
        {
            "id": person["id"],
            "first_name": person["first_name"],
            "last_name_obfuscated": f"{person['last_name'][:2]}***",
            "title": person.get("title"),
            "has_email": True,
            "has_direct_phone": "Yes",
            "organization": {"name": person["organization"]["name"]},
        }
        for person in _page(query.get("page"), query.get("per_page"), fitting)
    ]
    return 200, {"total_entries": len(fitting), "people": shown}


def search_companies(control: Control, request: Request, _body: Json) -> tuple[int, Json]:
    """POST /mixed_companies/search: a credit for each page; those that the team has saved stand apart."""
    given, query = _filters(request, _COMPANIES), request.query_params
    name = (given.get("q_organization_name") or [""])[0].lower()
    fitting = [one for one in control.organizations if name in one["name"].lower()]
    page = _page(query.get("page"), query.get("per_page"), fitting)
    control.charge("search", 1)
    pagination = {"page": int(query.get("page", 1)), "per_page": int(query.get("per_page", 10)), "total_entries": len(fitting)}
    saved = [{**one, "id": f"account {one['id']}", "organization_id": one["id"]} for one in page if one.get("saved")]
    return 200, {"pagination": pagination, "accounts": saved, "organizations": [one for one in page if not one.get("saved")]}


def search_contacts(control: Control, _request: Request, body: Json) -> tuple[int, Json]:
    """POST /contacts/search: by words."""
    given: Record = body or {}
    if set(given) - {"q_keywords", "contact_stage_ids", "contact_label_ids", "sort_by_field", "sort_ascending", "page", "per_page"}:
        raise Refused(422, {"error": "Invalid parameters"})
    words = str(given.get("q_keywords") or "").lower().split()
    fitting = [one for one in control.contacts if all(word in str([*one.values()]).lower() for word in words)]
    page = _page(given.get("page"), given.get("per_page"), fitting)
    return 200, {"contacts": page, "pagination": {"page": given.get("page", 1), "total_entries": len(fitting)}}


def _checked(control: Control, body: Record) -> Record:
    if unknown := sorted(set(body) - _FIELDS - {"run_dedupe"}):
        raise Refused(422, {"error": f"Parameters misconfigured. {unknown[0]} is not a valid field"})
    stage = body.get("contact_stage_id")
    if stage and len(str(stage)) != 24:
        raise Refused(422, {"error": f"Parameters misconfigured. {stage} is not a valid ID"})
    known = {field["id"] for field in control.fields if field["modality"] == "contact"}
    if set(body.get("typed_custom_fields") or {}) - known:
        raise Refused(422, {"error": "Parameters misconfigured. Unknown custom field"})
    return {name: value for name, value in body.items() if name != "run_dedupe"}


def _change(contact: Record, values: Record) -> Record:
    custom: Record = {**contact.get("typed_custom_fields", {}), **(values.get("typed_custom_fields") or {})}
    contact |= {**values, "typed_custom_fields": custom}
    contact["name"] = f"{contact.get('first_name') or ''} {contact.get('last_name') or ''}".strip()
    return contact


def create_contact(control: Control, _request: Request, body: Json) -> tuple[int, Json]:
    """POST /contacts: with `run_dedupe`, one that is the same is changed instead."""
    values = _checked(control, body)
    if body.get("run_dedupe"):
        email = str(values.get("email") or "").lower()
        same = next((one for one in control.contacts if email and str(one.get("email")).lower() == email), None)
        if same is not None:
            return 200, {"contact": _change(same, values)}
    contact: Record = {"id": control.new_id(control.contacts), "emailer_campaign_ids": [], _STATUS: [], "email_status": "user_managed"}
    control.contacts.append(contact)
    return 200, {"contact": _change(contact, values)}


def update_contact(control: Control, request: Request, body: Json) -> tuple[int, Json]:
    """PATCH /contacts/{contact_id}."""
    contact = next((one for one in control.contacts if one["id"] == request.path_params["contact_id"]), None)
    if contact is None:
        raise Refused(404, {"error": "Contact not found"})
    return 200, {"contact": _change(contact, _checked(control, body))}


def add_to_sequence(control: Control, request: Request, _body: Json) -> tuple[int, Json]:
    """POST /emailer_campaigns/{sequence_id}/add_contact_ids."""
    query, sequence = request.query_params, request.path_params["sequence_id"]
    if not query.getlist("contact_ids[]"):
        raise Refused(422, {"error": "Please specify either contact_ids or label_names."})
    if not query.get("emailer_campaign_id") or not query.get("send_email_from_email_account_id"):
        raise Refused(422, {"error": "Please specify a emailer_campaign_id and send_email_from_email_account_id."})
    if sequence not in {one["id"] for one in control.sequences}:
        raise Refused(404, {"error": "Sequence not found"})
    if query["send_email_from_email_account_id"] not in {one["id"] for one in control.mailboxes}:
        raise Refused(422, {"error": "These mailboxes are no longer active."})
    added: list[Record] = []
    skipped: dict[str, str] = {}
    for contact_id in query.getlist("contact_ids[]"):
        contact = next((one for one in control.contacts if one["id"] == contact_id), None)
        if contact is None:
            skipped[contact_id] = "contact_not_found"
        elif sequence in contact["emailer_campaign_ids"]:
            skipped[contact_id] = "contacts_already_exists_in_current_campaign"
        elif not contact.get("email") and query.get("sequence_no_email") != "true":
            skipped[contact_id] = "contacts_without_email"
        else:
            contact["emailer_campaign_ids"].append(sequence)
            contact[_STATUS].append({"emailer_campaign_id": sequence, "status": "active"})
            added.append(contact)
    return 200, {"contacts": added, "skipped_contact_ids": skipped, "emailer_campaign": control.sequences[0]}


def remove_from_sequence(control: Control, request: Request, _body: Json) -> tuple[int, Json]:
    """POST /emailer_campaigns/remove_or_stop_contact_ids."""
    query = request.query_params
    mode = query.get("mode")
    if mode not in ("remove", "stop", "mark_as_finished"):
        raise Refused(422, {"error": "Please specify a valid mode."})
    changed = [one for one in control.contacts if one["id"] in query.getlist("contact_ids[]")]
    for contact in changed:
        for sequence in query.getlist("emailer_campaign_ids[]"):
            if mode == "remove":
                contact["emailer_campaign_ids"] = [one for one in contact["emailer_campaign_ids"] if one != sequence]
                contact[_STATUS] = [one for one in contact[_STATUS] if one["emailer_campaign_id"] != sequence]
            for status in contact[_STATUS]:
                if status["emailer_campaign_id"] == sequence:
                    status["status"] = "finished" if mode == "mark_as_finished" else "paused"
    return 200, {"contacts": changed, "emailer_campaigns": []}
