"""The customer at Stripe that stands for a workspace: made when it is first needed."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from cargo_ai.context.handlers import Preparation
from cargo_ai.context.process import Services
from cargo_ai.domains.billing import allowance
from cargo_ai.domains.billing.payments.stripe_account import StripeAccount
from cargo_ai.domains.billing.tables import Subscription
from cargo_ai.domains.workspace import public as workspaces

if TYPE_CHECKING:
    from stripe.params import CustomerCreateParams


async def row_of(services: Services, workspace: uuid.UUID) -> Subscription | None:
    """The workspace's row, read in a transaction of its own: none is open while Stripe is asked."""
    async with services.database.session(workspace) as db:
        return await allowance.find(db, workspace)


async def customer_of(asked: Preparation, stripe: StripeAccount) -> str:
    """The customer's id. Two who ask at once make one customer. Raises StripeFailed."""
    workspace = asked.who.workspace_uuid
    row = await row_of(asked.services, workspace)
    if row is not None and row.customer:
        return row.customer
    async with asked.services.database.session(workspace) as db:
        email = await workspaces.email_of(db, asked.who.user_uuid)
    params: CustomerCreateParams = {"metadata": {"workspace": str(workspace)}, "description": f"Workspace {workspace}"}
    if email is not None:
        params["email"] = email
    created = await stripe.call(lambda client: client.v1.customers.create(params, {"idempotency_key": f"customer:{workspace}"}))
    async with asked.services.database.session(workspace) as db:
        locked = await allowance.lock_row(db, workspace)
        customer = locked.customer = locked.customer or created.id
        await db.commit()
        return customer
