"""What the domain adds to the server: the handlers of its operations, renewals, top-ups, and usage that is added up."""

from __future__ import annotations

from cargo_ai.context.package import Package
from cargo_ai.context.process import Hooks
from cargo_ai.domains.billing import new_records, renewal, welcome
from cargo_ai.domains.billing.payments import brake_email
from cargo_ai.domains.billing.payments.topup import Topups
from cargo_ai.engine.dispatch.timers.lookout import Lookout

PACKAGE = Package(
    module=__package__ or "",
    jobs={brake_email.TASK: lambda services: brake_email.BrakeMailer(services).send},
    chores={"add up new records": lambda services: new_records.fold(services.database)},
    background=[
        lambda services: renewal.Renewals(services.database, services.once(Lookout, Lookout)).run(),
        lambda services: Topups(services).run(),
    ],
    hooks=Hooks(workspace_created=(welcome.give_credits,)),
)
