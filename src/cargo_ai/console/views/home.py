"""Home: what runs, what fails, what waits for a decision, and what it costs."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Any

from starlette.responses import Response

from cargo_ai.console.commands import line, run_list
from cargo_ai.console.page import PageRequest, page
from cargo_ai.console.pictures.sparkline import sparkline
from cargo_ai.console.views.orchestration.names import optional, owners
from cargo_ai.kernel import clock
from cargo_ai.kernel.wire import JsonObject

SHOWN = 6
DAYS = 30


async def home(request: PageRequest) -> Response:
    """What goes on now, as far as the person may see it; each number leads to what it counts."""
    now = clock.now()
    yesterday = (now - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    days = {"from": (now - timedelta(days=DAYS - 1)).date().isoformat(), "to": now.date().isoformat(), "unit": "credits"}
    running, failed, batches, reviews, usage, plays, known = await asyncio.gather(
        optional(request, "orchestration.run.list", {"isFinished": False, "limit": SHOWN}),
        optional(request, "orchestration.run.list", {"statuses": ["error"], "createdAfter": yesterday, "limit": SHOWN}),
        optional(request, "orchestration.batch.list", {"limit": SHOWN}),
        optional(request, "orchestration.review.list", {"statuses": ["pending"], "limit": 100}),
        optional(request, "billing.usage.getMetrics", days, "tooManyItems"),
        optional(request, "orchestration.play.list", {"isEnabled": True}),
        owners(request),
    )
    waiting: list[JsonObject] = reviews.get("reviews", [])
    mine = [review for review in waiting if not review["assignees"] or request.user.email in review["assignees"]]
    values: dict[str, Any] = {
        "running": running,
        "failed": failed,
        "yesterday": yesterday,
        "batches": batches.get("batches"),
        "waiting": mine if reviews else None,
        "total_waiting": len(waiting),
        "credits": usage.get("totalUsage"),
        "spark": sparkline(_by_day(usage, now.date().toordinal()), f"Credits used in {DAYS} days", "credits") if usage else None,
        "troubled": [play for play in plays.get("plays", []) if play["problem"]],
        "owners": known,
    }
    command = [
        run_list({"isFinished": False, "limit": SHOWN}),
        run_list({"statuses": ["error"], "createdAfter": yesterday, "limit": SHOWN}),
        line("orchestration review list", {"statuses": ["pending"]}),
        line("billing usage get-metrics", {**days, "chart": True}),
    ]
    return request.render("home.html", command=command, **values)


def _by_day(usage: JsonObject, today: int) -> list[float]:
    """The credits of each day, those without usage as zero."""
    used = {date.fromisoformat(str(metric["date"])[:10]).toordinal(): metric for metric in usage["metrics"]}
    return [sum(float(item["count"]) for item in used[day]["items"]) if day in used else 0.0 for day in range(today - DAYS + 1, today + 1)]


PAGES = [page("/", home, title="Home", section="Home")]
