"""Connectors: accounts of services, whether they work, what uses them, and what is done with them."""

from __future__ import annotations

from datetime import timedelta

from markupsafe import Markup
from starlette.responses import Response

from cargo_ai.console.page import PageRequest, action, page
from cargo_ai.console.pictures.sparkline import sparkline
from cargo_ai.kernel import clock
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.wire import JsonObject

_READ, _WRITE = "connection:read", "connection:write"
DAYS = 30


async def connectors(request: PageRequest) -> Response:
    """All connectors."""
    rows = (await request.call("connection.connector.list"))["connectors"]
    names = await _integration_names(request, {row["integrationSlug"] for row in rows})
    return request.render(
        "connection/connectors.html",
        command="cargo-ai connection connector list",
        connectors=rows,
        names=names,
        can_write=request.may(_WRITE),
    )


async def connector(request: PageRequest) -> Response:
    """One connector."""
    return await shown(request, await _connector(request))


async def verify(request: PageRequest) -> Response:
    """Ask the service whether it accepts the account."""
    uuid = request.path["uuid"]
    try:
        row = (await request.call("connection.connector.get", {"uuid": uuid, "verify": True}))["connector"]
    except Refusal as refusal:
        if refusal.reason != "verificationFailed":
            raise
        return await shown(request, await _connector(request), problem=refusal.message)
    return await shown(request, row, verified=True)


async def stop(request: PageRequest) -> Response:
    """Stop it: its runs wait."""
    await request.call("connection.connector.stop", {"uuid": request.path["uuid"]})
    return _back(request, "Stopped: runs that come to it wait, none fails.")


async def start(request: PageRequest) -> Response:
    """Start it again."""
    await request.call("connection.connector.start", {"uuid": request.path["uuid"]})
    return _back(request, "Started: the runs that waited for it go on.")


async def connect(request: PageRequest) -> Response:
    """Connect it again by OAuth: a person goes to the service."""
    reply = await request.call("connection.connector.connect", {"uuid": request.path["uuid"]})
    return await shown(request, reply["connector"], consent=reply["consentUrl"])


async def disconnect(request: PageRequest) -> Response:
    """Give the tokens back."""
    await request.call("connection.connector.disconnect", {"uuid": request.path["uuid"]})
    return _back(request, "Disconnected: its tokens were taken back and deleted.")


async def make_default(request: PageRequest) -> Response:
    """Nodes that name no connector of the service use this one."""
    await request.call("connection.connector.update", {"uuid": request.path["uuid"], "isDefault": True, "verify": False})
    return _back(request, "Nodes that name no connector of this integration use this one.")


async def remove(request: PageRequest) -> Response:
    """Into the bin with it."""
    await request.call("connection.connector.remove", {"uuid": request.path["uuid"]})
    return request.redirect("/console/connectors", "Removed: it is in the bin for some days (cargo-ai workspace bin list).")


async def shown(
    request: PageRequest, row: JsonObject, *, consent: str = "", verified: bool = False, problem: str = "", status: int = 200
) -> Response:
    """The page of a connector. consent: where a person consents. problem: what its service said to a verification."""
    uuid = row["uuid"]
    integration = (await request.call("connection.integration.get", {"slug": row["integrationSlug"]}))["integration"]
    lines = [f"cargo-ai connection connector get {uuid}", f"cargo-ai connection connector get {uuid} --verify"]
    lines.append(f"cargo-ai connection connector {'start' if row['stoppedAt'] else 'stop'} {uuid}")
    return request.render(
        "connection/connector.html",
        command=lines,
        title=row["name"],
        status=status,
        connector=row,
        integration=integration,
        usage=await _usage(request, uuid),
        consent=consent,
        verified=verified,
        problem=problem,
        is_oauth=_method(row["config"]) == "oauth",
        can_write=request.may(_WRITE, [uuid]),
    )


def _method(config: JsonObject | None) -> str:
    """The way to sign in that a config has chosen."""
    return str(config.get("method", "")) if config else ""


async def _connector(request: PageRequest) -> JsonObject:
    reply: JsonObject = (await request.call("connection.connector.get", {"uuid": request.path["uuid"]}))["connector"]
    return reply


async def _usage(request: PageRequest, uuid: str) -> tuple[Markup, float] | None:
    """How often nodes have called it in the last days, and a line of that; None where the person may not see usage."""
    last = clock.now().date()
    first = last - timedelta(days=DAYS - 1)
    asked = {"from": first.isoformat(), "to": last.isoformat(), "unit": "orchestration.executions", "connectorUuid": uuid}
    try:
        reply = await request.call("billing.usage.getMetrics", asked)
    except Refusal as refusal:
        if refusal.reason != "forbidden":
            raise
        return None
    days = {str(metric["date"])[:10]: sum(float(item["count"]) for item in metric["items"]) for metric in reply["metrics"]}
    values = [days.get((first + timedelta(days=day)).isoformat(), 0.0) for day in range(DAYS)]
    return sparkline(values, f"Node executions of the last {DAYS} days", "executions"), sum(values)


async def _integration_names(request: PageRequest, slugs: set[str]) -> dict[str, str]:
    if not slugs:
        return {}
    rows = (await request.call("connection.integration.list", {"slugs": sorted(slugs)}))["integrations"]
    return {row["slug"]: row["name"] for row in rows}


def _back(request: PageRequest, notice: str) -> Response:
    return request.redirect(f"/console/connectors/{request.path['uuid']}", notice)


PAGES = [
    page("/connectors", connectors, title="Connectors", section="Connectors", permission=_READ),
    page("/connectors/{uuid}", connector, title="Connector", section="Connectors", permission=_READ),
    *(
        action(f"/connectors/{{uuid}}/{name}", view, title="Connector", section="Connectors")
        for name, view in (
            ("verify", verify),
            ("stop", stop),
            ("start", start),
            ("connect", connect),
            ("disconnect", disconnect),
            ("default", make_default),
            ("remove", remove),
        )
    ),
]
