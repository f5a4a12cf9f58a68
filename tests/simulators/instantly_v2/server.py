"""The simulator on a port of the loopback: sign-in and the endpoints."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, cast

from starlette.applications import Starlette
from starlette.requests import Request

from tests.simulators import running as running_server
from tests.simulators.instantly_v2.control import KEY, Control, JsonObject, refused
from tests.simulators.serving import Act, application

Json = Any
Perform = Callable[[Control, Request, Json], tuple[int, Json]]
LEAD_FIELDS = {
    *("email", "first_name", "last_name", "company_name", "job_title", "phone", "website", "personalization"),
    *("custom_variables", "lt_interest_status", "pl_value_lead", "assigned_to"),
}
ADD_FIELDS = {
    *("leads", "campaign_id", "list_id", "blocklist_id", "assigned_to", "verify_leads_on_import"),
    *("skip_if_in_workspace", "skip_if_in_campaign", "skip_if_in_list"),
}
LIST_FIELDS = {"search", "filter", "campaign", "list_id", "ids", "contacts", "limit", "starting_after"}
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def _endpoint(control: Control, perform: Perform) -> Act:
    def act(request: Request, body: Json) -> tuple[int, Json]:
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in control.keys:
            raise refused(401, "Invalid API key")
        if not control.is_paid:
            raise refused(402, "The workspace does not have an active paid plan")
        return perform(control, request, body)

    return act


def _known(given: Json, names: set[str], where: str) -> JsonObject:
    if not isinstance(given, dict):
        raise refused(400, f"{where} must be object")
    fields = cast("JsonObject", given)
    for name in fields:
        if name not in names:
            raise refused(400, f"{where} must NOT have additional properties: {name}")
    return fields


def _campaign(control: Control, text: Json) -> str:
    try:
        uid = str(uuid.UUID(str(text)))
    except ValueError:
        raise refused(400, 'body/campaign_id must match format "uuid"') from None
    if uid not in control.campaigns:
        raise refused(404, "Campaign not found")
    return uid


def add_leads(control: Control, _request: Request, body: Json) -> tuple[int, Json]:
    """Leads into a campaign."""
    fields = _known(body, ADD_FIELDS, "body")
    campaign = _campaign(control, fields.get("campaign_id"))
    leads = fields.get("leads")
    if not isinstance(leads, list) or not 1 <= len(cast("list[Json]", leads)) <= 1000:
        raise refused(400, "body/leads must NOT have more than 1000 items")
    checked = [_known(lead, LEAD_FIELDS, f"body/leads/{number}") for number, lead in enumerate(cast("list[Json]", leads))]
    counts: dict[str, int] = dict.fromkeys(
        ("in_blocklist", "duplicated_leads", "skipped_count", "invalid_email_count", "duplicate_email_count"), 0
    )
    created: list[JsonObject] = []
    seen: set[str] = set()
    for index, lead in enumerate(checked):
        why = _left_out(control, lead, campaign, fields, seen)
        if why:
            counts[why] += 1
            continue
        variables = lead.pop("custom_variables", {})
        email = lead.pop("email")
        created.append({"id": control.add_lead(email, campaign, **lead, payload=variables), "index": index, "email": email})
    summary = {
        "status": "success",
        "total_sent": len(checked),
        "leads_uploaded": len(created),
        "blocklist_used": None,
        "incomplete_count": 0,
    }
    return 200, {**summary, **counts, "remaining_in_plan": 236, "created_leads": created}


def _left_out(control: Control, lead: JsonObject, campaign: str, fields: JsonObject, seen: set[str]) -> str:
    email = str(lead.get("email") or "").lower()
    if not _EMAIL.fullmatch(email):
        return "invalid_email_count"
    if email in seen:
        return "duplicate_email_count"
    seen.add(email)
    if email in control.blocked:
        return "in_blocklist"
    there = {other["campaign"] for other in control.leads.values() if other["email"].lower() == email}
    if campaign in there:
        return "duplicated_leads"
    return "skipped_count" if there and (fields.get("skip_if_in_workspace") or fields.get("skip_if_in_campaign")) else ""


def list_leads(control: Control, _request: Request, body: Json) -> tuple[int, Json]:
    """Leads by id."""
    fields = _known(body, LIST_FIELDS, "body")
    emails = {str(email).lower() for email in cast("list[Json]", fields.get("contacts") or [])}
    fitting = [
        lead
        for lead in sorted(control.leads.values(), key=lambda lead: lead["id"])
        if (not emails or lead["email"].lower() in emails) and fields.get("campaign") in (None, lead["campaign"])
    ]
    return 200, _page(fitting, fields.get("limit"), fields.get("starting_after"))


def _page(items: list[JsonObject], limit: Json, after: Json) -> JsonObject:
    size = int(limit or 10)
    if not 1 <= size <= 100:
        raise refused(400, "limit must be <= 100")
    left = [item for item in items if after is None or item["id"] > after]
    page: JsonObject = {"items": left[:size]}
    return {**page, "next_starting_after": left[size - 1]["id"]} if len(left) > size else page


def list_campaigns(control: Control, request: Request, _body: Json) -> tuple[int, Json]:
    """Campaigns by id."""
    query = request.query_params
    items = [one for one in control.campaigns.values() if query.get("search", "").lower() in one["name"].lower()]
    return 200, _page(sorted(items, key=lambda one: one["id"]), query.get("limit"), query.get("starting_after"))


def _set(status: int) -> Perform:
    def perform(control: Control, request: Request, _body: Json) -> tuple[int, Json]:
        campaign = control.campaigns[_campaign(control, request.path_params["id"])]
        campaign["status"] = status
        return 200, campaign

    return perform


def analytics(control: Control, request: Request, _body: Json) -> tuple[int, Json]:
    """The numbers of campaigns."""
    uid = request.query_params.get("id")
    numbers = [
        {"campaign_id": one["id"], "campaign_name": one["name"], "leads_count": len(control.in_campaign(one["id"])), "emails_sent_count": 0}
        for one in control.campaigns.values()
        if uid in (None, one["id"])
    ]
    return 200, numbers


def update_interest(control: Control, _request: Request, body: Json) -> tuple[int, Json]:
    """How interested a lead is."""
    fields = _known(body, {"lead_email", "interest_value", "campaign_id", "list_id", "ai_interest_value"}, "body")
    if "interest_value" not in fields:
        raise refused(400, "body must have required property 'interest_value'")
    leads = [lead for lead in control.leads.values() if lead["email"].lower() == str(fields.get("lead_email")).lower()]
    leads = [lead for lead in leads if fields.get("campaign_id") in (None, lead["campaign"])]
    if not leads:
        raise refused(404, "Lead not found")
    for lead in leads:
        lead["lt_interest_status"] = fields["interest_value"]
    return 202, {"message": "Lead interest status update background job submitted"}


def delete_lead(control: Control, request: Request, _body: Json) -> tuple[int, Json]:
    """Delete a lead."""
    lead = control.leads.pop(str(request.path_params["id"]), None)
    if lead is None:
        raise refused(404, "Lead not found")
    return 200, lead


ENDPOINTS: list[tuple[str, str, Perform]] = [
    ("POST", "/leads/add", add_leads),
    ("POST", "/leads/list", list_leads),
    ("POST", "/leads/update-interest-status", update_interest),
    ("DELETE", "/leads/{id}", delete_lead),
    ("GET", "/campaigns", list_campaigns),
    ("GET", "/campaigns/analytics", analytics),
    ("POST", "/campaigns/{id}/activate", _set(1)),
    ("POST", "/campaigns/{id}/pause", _set(2)),
]


def build(control: Control) -> Starlette:
    """The simulator as an application."""
    return application(control, [(method, f"/api/v2{path}", _endpoint(control, perform)) for method, path, perform in ENDPOINTS])


class Running(running_server.Running):
    """A simulator that answers: `url`, the key that it accepts, and its control."""

    key = KEY

    def __init__(self, control: Control) -> None:
        self.control = control
        super().__init__(build(control))
        self.url += "/api/v2"


@contextmanager
def running() -> Generator[Running]:
    """A simulator in a thread of this process."""
    simulator = Running(Control())
    try:
        yield simulator
    finally:
        simulator.stop()
