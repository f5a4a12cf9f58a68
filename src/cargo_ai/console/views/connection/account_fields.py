"""Account fields: the parts of a form that depend on the account, asked of its service when the form is drawn."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from cargo_ai.console.forms.account import keys_of, places_of, with_parts
from cargo_ai.console.forms.choices import params_of
from cargo_ai.console.forms.expressions import with_expressions
from cargo_ai.console.forms.fields import Choices, Field, form_of
from cargo_ai.console.forms.reading import Posted
from cargo_ai.console.page import PageRequest
from cargo_ai.kernel.refusal import Refusal

MAX_PLACES = 5
_SAID = {"invalidInput", "forbidden", "connectorNotFound", "failedToGetIntegration", "tooManyRequests"}


async def with_account_fields(request: PageRequest, form: Field, posted: Posted, root: str, connector: str | None) -> Field:
    """The form with the fields that the account knows, where what they depend on is filled in; else a sentence says what is missing."""
    places = list(places_of(form, posted, root))[:MAX_PLACES]
    if not places:
        return form
    drawn = await asyncio.gather(*(_drawn(request, field, posted, name, connector) for name, field in places))
    return with_parts(form, root, {name: part for (name, _), part in zip(places, drawn, strict=True)})


async def _drawn(request: PageRequest, field: Field, posted: Posted, name: str, connector: str | None) -> Field:
    asks = field.account
    assert asks is not None
    group, said = await _asked(request, asks, posted, name, connector)
    if group is None and (keys := keys_of(posted, name)):
        known = tuple(Field(key, "json", label=key[:200]) for key in keys)
        group = Field("", "group", fields=known, description=said)
    if group is None:
        return Field("", "json", schema={"type": "object"}, extras=True, description=said, expressions=field.expressions)
    return replace(with_expressions(group) if field.expressions else group, extras=True)


async def _asked(request: PageRequest, asks: Choices, posted: Posted, name: str, connector: str | None) -> tuple[Field | None, str]:
    """The group of what the account knows, or why it has nothing to show."""
    params = params_of(asks, posted, name)
    missing = [key for param, key in asks.params.items() if param not in params]
    if connector is None:
        return None, "With a connector of this integration, its fields are shown here."
    try:
        reply = await request.call(
            "connection.connector.getDynamicSchema", {"connectorUuid": connector, "slug": asks.slug, "params": params}
        )
    except Refusal as refusal:
        if refusal.reason not in _SAID:
            raise
        return None, f"Fill in {' and '.join(missing)} first: then its fields are shown here." if missing else refusal.message
    group = form_of(reply.get("schema") or {}, reply.get("uiSchema") or {})
    if group.kind != "group" or not group.fields:
        return None, "The account knows no fields here."
    return group, ""
