"""Choices: what a field of a form may hold in the account of a connector, asked of its service while a person types."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from cargo_ai.console.commands import line
from cargo_ai.console.forms.choices import field_at, params_of
from cargo_ai.console.forms.fields import Field
from cargo_ai.console.forms.names import FIELD, id_of
from cargo_ai.console.forms.posted import posted_form
from cargo_ai.console.page import PageRequest
from cargo_ai.kernel.refusal import Refusal
from cargo_ai.kernel.wire import JsonObject

MAX = 100
"""How many are shown at once: people type to see others."""
MAX_TYPED = 1_000
_SAID = {
    "invalidInput",
    "forbidden",
    "connectorNotFound",
    "failedToGetIntegration",
    "failedToGetIntegrationAutocomplete",
    "tooManyRequests",
}


async def offer(request: PageRequest, form: Field, root: str, connector: str | None) -> Response:
    """The choices of the field that asks, and a sentence where it has nothing to offer. `connector`: whose account is asked."""
    posted = posted_form(request.form)
    name = request.form.get(FIELD, "")
    field = field_at(form, posted, name, root)
    if field is None or field.choices is None:
        raise Refusal(404, "fieldNotFound", "The form has no such field any more. Reload the page.")
    typed = (posted.get(name) or [""])[0].strip()
    params = params_of(field.choices, posted, name)
    fields: JsonObject = {"connectorUuid": connector, "slug": field.choices.slug, "params": params, "value": typed or None}
    results: list[Any] = []
    said = ""
    if connector is None:
        said = "Without a connector of this integration there is nothing to choose from: write the value."
    elif "{{" not in typed and len(typed) <= MAX_TYPED:
        results, said = await _ask(request, fields, [key for param, key in field.choices.params.items() if param not in params])
    return request.render(
        "connection/choices.html",
        command=line("connection connector autocomplete", fields),
        title="Choices",
        choices=results[:MAX],
        said=said or (f"{len(results) - MAX:,} more: type to narrow them down." if len(results) > MAX else ""),
        id=id_of(name),
    )


async def _ask(request: PageRequest, fields: JsonObject, missing: list[str]) -> tuple[list[Any], str]:
    """The choices, or why nothing can be offered: the service is down, or a field that it depends on is empty."""
    try:
        return (await request.call("connection.connector.autocomplete", fields))["results"], ""
    except Refusal as refusal:
        if refusal.reason not in _SAID:
            raise
        if refusal.reason == "invalidInput" and missing:
            return [], f"Fill in {' and '.join(missing)} first."
        return [], refusal.message
