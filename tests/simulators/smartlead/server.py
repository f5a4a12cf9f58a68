"""The simulator on a port of the loopback: sign-in, limits and the endpoints."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, cast

from starlette.applications import Starlette
from starlette.requests import Request

from tests.simulators import running as running_server
from tests.simulators.serving import Act, application
from tests.simulators.smartlead.control import KEY, Control, JsonObject, refused

Json = Any
Perform = Callable[[Control, Request, Json], tuple[int, Json]]
LEAD_FIELDS = {"email", "first_name", "last_name", "company_name", "phone_number", "website", "location", "custom_fields"}
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def _endpoint(control: Control, perform: Perform) -> Act:
    def act(request: Request, body: Json) -> tuple[int, Json]:
        if request.query_params.get("api_key") not in control.keys:
            raise refused(401, "UNAUTHORIZED", "Invalid API Key")
        control.admit()
        return perform(control, request, body)

    return act


def _campaign(control: Control, request: Request) -> str:
    uid = str(request.path_params["id"])
    if not uid.isdigit():
        raise refused(422, "VALIDATION_ERROR", "campaign_id must be a number", "campaign_id")
    if uid not in control.campaigns:
        raise refused(404, "NOT_FOUND", "Campaign not found")
    return uid


def list_campaigns(control: Control, _request: Request, _body: Json) -> tuple[int, Json]:
    """All campaigns."""
    return 200, list(control.campaigns.values())


def add_leads(control: Control, request: Request, body: Json) -> tuple[int, Json]:
    """Leads into a campaign."""
    campaign, fields = _campaign(control, request), cast("JsonObject", body)
    leads = cast("list[JsonObject]", fields.get("lead_list") or [])
    settings = cast("JsonObject", fields.get("settings") or {})
    if not 1 <= len(leads) <= 400:
        raise refused(400, "VALIDATION_ERROR", "lead_list must have 1 to 400 leads", "lead_list")
    for number, lead in enumerate(leads):
        for name in lead:
            if name not in LEAD_FIELDS:
                raise refused(422, "VALIDATION_ERROR", f"{name} is not allowed", f"lead_list[{number}].{name}")
        if len(cast("JsonObject", lead.get("custom_fields") or {})) > 200:
            raise refused(422, "VALIDATION_ERROR", "too many custom fields", f"lead_list[{number}].custom_fields")
    if control.is_full:
        return 200, {"ok": True, "upload_count": 0, "total_leads": len(leads), "is_lead_limit_exhausted": True}
    skipped: list[JsonObject] = []
    counts: dict[str, int] = dict.fromkeys(("already_added_to_campaign", "duplicate_count", "invalid_email_count", "block_count"), 0)
    for lead in leads:
        why, count = _left_out(control, campaign, lead, settings)
        if why:
            skipped.append({"email": lead.get("email"), "reason": why})
            counts[count] += 1
        else:
            control.add_lead(str(lead["email"]), campaign, **{name: value for name, value in lead.items() if name != "email"})
    added = len(leads) - len(skipped)
    if control.names_skipped:
        return 200, {"ok": True, "added_count": added, "skipped_count": len(skipped), "skipped_leads": skipped}
    return 200, {"ok": True, "upload_count": added, "total_leads": len(leads), **counts, "is_lead_limit_exhausted": False}


def _left_out(control: Control, campaign: str, lead: JsonObject, settings: JsonObject) -> tuple[str, str]:
    email = str(lead.get("email") or "").lower()
    if not _EMAIL.fullmatch(email):
        return "invalid email", "invalid_email_count"
    if email in control.blocked and not settings.get("ignore_global_block_list"):
        return "in the global block list", "block_count"
    there = {member for member, uid in control.members if control.leads[uid]["email"].lower() == email}
    if campaign in there:
        return "already in this campaign", "already_added_to_campaign"
    if there and not settings.get("ignore_duplicate_leads_in_other_campaign"):
        return "already in another campaign", "duplicate_count"
    return "", ""


def list_leads(control: Control, request: Request, _body: Json) -> tuple[int, Json]:
    """The leads of a campaign, by offset."""
    campaign = _campaign(control, request)
    start, size = int(request.query_params.get("offset", "0")), int(request.query_params.get("limit", "100"))
    if not 1 <= size <= 1000:
        raise refused(422, "VALIDATION_ERROR", "limit must be at most 1000", "limit")
    members = [{**state, "lead": control.leads[uid]} for (where, uid), state in control.members.items() if where == campaign]
    return 200, {"total_leads": str(len(members)), "offset": start, "limit": size, "data": members[start : start + size]}


def lead_by_email(control: Control, request: Request, _body: Json) -> tuple[int, Json]:
    """A lead by its address."""
    email = request.query_params.get("email", "").lower()
    lead = next((one for one in control.leads.values() if one["email"].lower() == email), None)
    if lead is None:
        raise refused(404, "NOT_FOUND", "Lead not found")
    campaigns = [{"campaign_id": int(where), **state} for (where, uid), state in control.members.items() if uid == lead["id"]]
    return 200, {**lead, "lead_campaign_data": campaigns}


def _change(change: Callable[[Control, JsonObject, JsonObject, Json], object]) -> Perform:
    def perform(control: Control, request: Request, body: Json) -> tuple[int, Json]:
        uid = int(request.path_params["lead"])
        member = control.members.get((_campaign(control, request), uid))
        if member is None:
            raise refused(404, "NOT_FOUND", "The lead is not in this campaign")
        change(control, member, control.leads[uid], body)
        return 200, {"ok": True}

    return perform


def _set_status(status: str) -> Perform:
    return _change(
        lambda _control, member, lead, _body: (member.update(status=status), lead.update(is_unsubscribed=status == "UNSUBSCRIBED"))
    )


def _set_category(control: Control, member: JsonObject, _lead: JsonObject, body: Json) -> None:
    category = cast("JsonObject", body or {}).get("category_id")
    if category not in control.categories:
        raise refused(422, "VALIDATION_ERROR", "There is no such category", "category_id")
    member["lead_category_id"] = category


def categories(control: Control, _request: Request, _body: Json) -> tuple[int, Json]:
    """The categories of leads."""
    return 200, [{"id": uid, "name": name} for uid, name in control.categories.items()]


def statistics(control: Control, request: Request, _body: Json) -> tuple[int, Json]:
    """The e-mails of a campaign."""
    campaign, query = _campaign(control, request), request.query_params
    emails = [
        {"lead_email": control.leads[uid]["email"], "lead_name": None, "sequence_number": 1, "sent_time": None, "open_time": None}
        for where, uid in control.members
        if where == campaign
    ]
    emails = [] if query.get("email_status") else emails
    return 200, {"total_stats": str(len(emails)), "data": emails[: int(query.get("limit", "100"))]}


def analytics(control: Control, request: Request, _body: Json) -> tuple[int, Json]:
    """The numbers of a campaign."""
    campaign = control.campaigns[_campaign(control, request)]
    return 200, {**campaign, "sent_count": "0", "open_count": "0", "click_count": "0", "reply_count": "0", "bounce_count": "0"}


_LEAD = "/campaigns/{id}/leads/{lead}"
ENDPOINTS: list[tuple[str, str, Perform]] = [
    ("GET", "/campaigns", list_campaigns),
    ("POST", "/campaigns/{id}/leads", add_leads),
    ("GET", "/campaigns/{id}/leads", list_leads),
    ("GET", "/campaigns/{id}/statistics", statistics),
    ("GET", "/campaigns/{id}/analytics", analytics),
    ("POST", f"{_LEAD}/pause", _set_status("PAUSED")),
    ("POST", f"{_LEAD}/resume", _set_status("STARTED")),
    ("POST", f"{_LEAD}/unsubscribe", _set_status("UNSUBSCRIBED")),
    ("POST", f"{_LEAD}/category", _change(_set_category)),
    ("GET", "/leads/fetch-categories", categories),
    ("GET", "/leads/", lead_by_email),
]


def build(control: Control) -> Starlette:
    """The simulator as an application."""
    endpoints = [(method, f"/api/v1{path}", _endpoint(control, perform)) for method, path, perform in ENDPOINTS]
    return application(control, endpoints, control.headers)


class Running(running_server.Running):
    """A simulator that answers: `url`, the key that it accepts, and its control."""

    key = KEY

    def __init__(self, control: Control) -> None:
        self.control = control
        super().__init__(build(control))
        self.url += "/api/v1"


@contextmanager
def running(per_minute: int = 60) -> Generator[Running]:
    """A simulator in a thread of this process."""
    simulator = Running(Control(per_minute))
    try:
        yield simulator
    finally:
        simulator.stop()
