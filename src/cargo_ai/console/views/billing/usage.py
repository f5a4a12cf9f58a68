"""Usage and budget: what was used by day, of what, and how much is left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from starlette.responses import Response

from cargo_ai.console.commands import line
from cargo_ai.console.page import PageRequest, action, page
from cargo_ai.console.pictures.bars import Chart, stacked_bars
from cargo_ai.kernel import clock
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.wire import JsonObject

_READ, _WRITE = "billing:read", "billing:write"
DAYS = (7, 30, 90, 365)
UNITS = {"credits": "credits", "orchestration.executions": "node executions", "storage.records": "new records"}
GROUPS = {
    "": "everything together",
    "workflow_uuid": "workflow",
    "connector_uuid": "connector",
    "agent_uuid": "agent",
    "integration_slug": "integration",
    "action_slug": "action",
    "user_uuid": "user",
    "model_uuid": "model",
}
_NAMES: Mapping[str, Sequence[tuple[str, str, str, str]]] = {
    "workflow_uuid": (
        ("orchestration.tool.all", "tools", "workflowUuid", "name"),
        ("orchestration.play.list", "plays", "workflowUuid", "name"),
    ),
    "connector_uuid": (("connection.connector.list", "connectors", "uuid", "name"),),
    "agent_uuid": (("ai.agent.all", "agents", "uuid", "name"),),
    "user_uuid": (("workspaceManagement.user.all", "users", "uuid", "email"),),
    "model_uuid": (("storage.model.all", "models", "uuid", "name"),),
}
"""Which lists know the names of a group: operation, field of its reply, key, name."""


async def usage(request: PageRequest) -> Response:
    """The usage of some days, in one unit, counted apart by one label."""
    days = int(request.query.get("days", "30")) if request.query.get("days", "30") in map(str, DAYS) else 30
    unit = request.query.get("unit", "credits") if request.query.get("unit") in UNITS else "credits"
    group = request.query.get("groupBy", "") if request.query.get("groupBy") in GROUPS else ""
    last = clock.now().date()
    first = last - timedelta(days=days - 1)
    asked = {"from": first.isoformat(), "to": last.isoformat(), "unit": unit, "groupBy": group or None}
    reply = await request.call("billing.usage.getMetrics", asked)
    series = _series(reply["metrics"], first, last, await _names(request, group))
    budget = (await request.call("billing.budget.get"))["budget"]
    chart = Chart(f"{UNITS[unit].capitalize()} by day", UNITS[unit])
    labels = [f"{first + timedelta(days=day):%d %b}" for day in range(days)]
    sums = sorted(((name, sum(values)) for name, values in series.items()), key=lambda entry: -entry[1])
    return request.render(
        "billing/usage.html",
        command=[line("billing usage get-metrics", asked), "cargo-ai billing budget get"],
        chart=stacked_bars(labels, series, chart),
        sums=sums[:50] if group else [],
        total=reply["totalUsage"],
        budget=budget,
        chosen={"days": str(days), "unit": unit, "groupBy": group},
        choices={
            "days": [(str(count), f"last {count} days") for count in DAYS],
            "unit": list(UNITS.items()),
            "groupBy": list(GROUPS.items()),
        },
        unit=UNITS[unit],
        can_write=request.may(_WRITE),
    )


async def change_budget(request: PageRequest) -> Response:
    """Set the budget, or remove it."""
    if request.form.get("remove"):
        await request.call("billing.budget.remove")
        return request.redirect("/console/usage", "The budget was removed: the workspace is unlimited.")
    try:
        credits_count = float(request.form.get("creditsCount", ""))
    except ValueError:
        raise Refusal(400, "invalidInput", "Say how many credits each period has, as a number.") from None
    fields = {name: request.form.get(name, "") for name in ("cadence", "overage")}
    await request.call("billing.budget.set", {"creditsCount": credits_count, **fields})
    return request.redirect("/console/usage", "The budget was set.")


def _series(metrics: Sequence[JsonObject], first: date, last: date, names: Mapping[str, str]) -> dict[str, list[float]]:
    """The numbers of each group, one for each day."""
    length = (last - first).days + 1
    series: dict[str, list[float]] = {}
    for metric in metrics:
        place = (date.fromisoformat(str(metric["date"])[:10]) - first).days
        for item in metric["items"]:
            key = item["groupBy"]
            name = names.get(key, str(key)) if key is not None else "other" if names else "all"
            if 0 <= place < length:
                series.setdefault(name, [0.0] * length)[place] += float(item["count"])
    return series


async def _names(request: PageRequest, group: str) -> dict[str, str]:
    """The names of a group's things, as far as the person may see them."""
    names: dict[str, str] = {}
    for operation, field, key, name in _NAMES.get(group, ()):
        try:
            rows = (await request.call(operation))[field]
        except Refusal as refusal:
            if refusal.reason != "forbidden":
                raise
            continue
        names |= {str(row[key]): str(row[name]) for row in rows if row.get(key)}
    return names


PAGES = [
    page("/usage", usage, title="Usage", section="Usage", permission=_READ),
    action("/usage/budget", change_budget, title="Usage", section="Usage", permission=_WRITE),
]
