"""The actions `createCustomer` and `updateCustomer`; a repeated call is recognised by Stripe and done once."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from cargo_ai.integrations.kit import ActionRequest, Done, Form, InvalidConfig, Outcome, connector_action, segment
from cargo_ai.integrations.kit.writes import with_output, written
from cargo_ai.integrations.stripe.client import document_of, encoded
from cargo_ai.integrations.stripe.kinds import CUSTOMER, EXPRESSION, text_field

Json = Any


class Address(Form):
    """Where a customer is."""

    line1: str | None = Field(default=None, title="Street", max_length=500)
    line2: str | None = Field(default=None, title="Second line", max_length=500)
    city: str | None = Field(default=None, title="City", max_length=500)
    state: str | None = Field(default=None, title="State", max_length=500)
    postal_code: str | None = Field(default=None, title="Postal code", max_length=500)
    country: str | None = Field(default=None, title="Country", description="Two letters.", max_length=2)


class CustomerValues(Form):
    """What a customer has."""

    email: str | None = text_field("E-mail address")
    name: str | None = text_field("Name")
    phone: str | None = text_field("Phone")
    description: str | None = text_field("Description")
    address: Address | None = Field(default=None, title="Address")
    metadata: dict[str, str | int | float | bool | None] = Field(
        default={}, title="Metadata", description="Up to 50 values of your own.", max_length=50, json_schema_extra=EXPRESSION
    )
    more: dict[str, Json] = Field(
        default={},
        title="More",
        description='Other fields by Stripe\'s names: {"preferred_locales":["fr"],"invoice_prefix":"ACME"}.',
        json_schema_extra=EXPRESSION,
    )

    def values(self, *, write_nulls: bool) -> dict[str, Json]:
        """As a form of Stripe. null and the empty text are left out, or clear a value (`write_nulls`)."""
        named = self.model_dump(include={"email", "name", "phone", "description", "metadata"}, exclude_unset=True)
        address = {} if self.address is None else self.address.model_dump(exclude_unset=True)
        values = encoded(
            _cleared({**named, "address": address, **self.more}) if write_nulls else {**named, "address": address, **self.more}
        )
        return values if write_nulls else {name: value for name, value in values.items() if value != ""}


def _cleared(value: Json) -> Json:
    """null as the empty text, by which Stripe clears a value."""
    if isinstance(value, dict):
        return {key: _cleared(inner) for key, inner in value.items()}  # pyright: ignore[reportUnknownVariableType]
    return "" if value is None else value


class CreateCustomer(CustomerValues):
    """The new customer."""


class UpdateCustomer(CustomerValues):
    """Which customer, and what changes."""

    id: str = Field(title="Id", description="Of the customer (cus_…).", min_length=1, max_length=255, json_schema_extra=EXPRESSION)
    write_nulls: bool = Field(default=False, title="Write nulls", description="null and empty texts clear values.")


async def create(request: ActionRequest) -> Outcome:
    """Make one; the key of the execution makes a repetition give the same customer."""
    values = request.form(CreateCustomer).values(write_nulls=False)
    if not values:
        raise InvalidConfig("A customer needs at least one value, such as `email`.")
    customer = document_of(await request.service.post("/customers", form=values), changes=True)
    return _written("created", customer)


async def update(request: ActionRequest) -> Outcome:
    """Change one; what is not named stays."""
    form = request.form(UpdateCustomer)
    values = form.values(write_nulls=form.write_nulls)
    uid = form.id.strip()
    if not values:
        return written("skipped", uid, reason="There is no value to write.", more={"customer": None})
    customer = document_of(await request.service.post(f"/customers/{segment(uid)}", form=values), changes=True)
    return _written("updated", customer)


def _written(operation: Any, customer: dict[str, Json]) -> Done:
    uid = str(customer["id"])
    mode = "" if customer.get("livemode") else "test/"
    return written(operation, uid, url=f"https://dashboard.stripe.com/{mode}customers/{uid}", more={"customer": customer})


_OUTPUT = with_output(customer={"anyOf": [CUSTOMER.output, {"type": "null"}]})

CREATE = connector_action(
    CreateCustomer,
    slug="createCustomer",
    name="Create customer",
    description="Makes a customer; repeated, it is the same one.",
    hint="writes",
    idempotency="key",
    output_schema=_OUTPUT,
    perform=create,
)
UPDATE = connector_action(
    UpdateCustomer,
    slug="updateCustomer",
    name="Update customer",
    description="Changes values of a customer by id.",
    hint="writes",
    idempotency="key",
    output_schema=_OUTPUT,
    perform=update,
)
