"""Autocompletes of Apollo: sequences, mailboxes and custom fields of contacts."""

from __future__ import annotations

from typing import Any

from cargo_ai.integrations.apolloio.client import list_at
from cargo_ai.integrations.kit import Autocomplete, Choice, FormRequest, narrowed
from cargo_ai.integrations.kit.autocomplete import Params

Json = Any
MAX = 100


async def _sequences(request: FormRequest, _params: Params, value: str | None) -> list[Choice]:
    query = {"q_name": (value or "").strip() or None, "page": 1, "per_page": MAX}
    answer = await request.service.post("/emailer_campaigns/search", query=query, reads=True)
    sequences = list_at(answer, "emailer_campaigns")
    return narrowed((Choice(str(one.get("name") or one["id"]), one["id"], _state(one)) for one in sequences), value)


def _state(sequence: Json) -> str | None:
    return "Archived." if sequence.get("archived") else None if sequence.get("active", True) else "Not active."


async def _mailboxes(request: FormRequest, _params: Params, value: str | None) -> list[Choice]:
    mailboxes = list_at(await request.service.get("/email_accounts"), "email_accounts")
    return narrowed((Choice(str(one["email"]), one["id"], None if one.get("active") else "Not active.") for one in mailboxes), value)


async def _fields(request: FormRequest, _params: Params, value: str | None) -> list[Choice]:
    fields = list_at(await request.service.get("/typed_custom_fields"), "typed_custom_fields")
    own = (field for field in fields if field.get("modality") == "contact")
    return narrowed((Choice(str(field["name"]), field["id"], field.get("type")) for field in own), value)


AUTOCOMPLETES = {
    "listSequences": Autocomplete(_sequences),
    "listEmailAccounts": Autocomplete(_mailboxes),
    "listContactFields": Autocomplete(_fields),
}
