"""What the observability domain adds to the server: the schedules of alerts, the job that evaluates them, and a chore."""

from __future__ import annotations

from cargo_ai.context.package import Package
from cargo_ai.domains.observability import event, schedule
from cargo_ai.domains.observability.due import DueJob

PACKAGE = Package(
    module=__package__ or "",
    schedules={schedule.KIND: lambda _services: schedule.fire},
    jobs={schedule.TASK: lambda services: DueJob(services).evaluate},
    chores={"forget events of alerts": event.forget},
)
