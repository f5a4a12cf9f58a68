"""Contacts: made, changed, and found by their address, so that none is made twice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from cargo_ai.integrations.apolloio.client import object_at
from cargo_ai.integrations.apolloio.fields import ContactValues
from cargo_ai.integrations.apolloio.searching import contacts
from cargo_ai.integrations.kit import Done, InvalidConfig, Service, items_of, segment
from cargo_ai.integrations.kit.writes import Operation, assigned, with_output, written

Json = Any
JsonObject = Mapping[str, Json]

LOOKED_THROUGH = 100
WRITTEN: JsonObject = with_output(contact={"type": ["object", "null"], "description": "The contact, by Apollo's names."})


def values_of(form: ContactValues) -> dict[str, Json]:
    """What is written, as Apollo names it."""
    values = assigned(form.mappings, write_nulls=form.write_nulls)
    custom = assigned(form.custom_mappings, write_nulls=form.write_nulls)
    for name in values.keys() & {"typed_custom_fields", "run_dedupe", "id"}:
        raise InvalidConfig(f"`mappings` names {name}, which cannot be written there.")
    return {**values, **({"typed_custom_fields": custom} if custom else {})}


async def find(service: Service, email: str) -> JsonObject | None:
    """The contact with this address. Apollo searches words: only one that has exactly it counts."""
    looked = 0
    async for contact in items_of(contacts(service, {"q_keywords": email}, LOOKED_THROUGH)):
        if str(contact.get("email") or "").lower() == email.lower():
            return contact
        looked += 1
        if looked >= LOOKED_THROUGH:
            break
    return None


async def create(service: Service, values: JsonObject, *, once: bool) -> Done:
    """Make a contact. once: Apollo looks itself for one that is the same, and changes that."""
    answer = await service.post("/contacts", json={**values, "run_dedupe": once})
    return _written("created", object_at(answer, "contact"))


async def change(service: Service, contact_id: str, values: JsonObject) -> Done:
    """Change a contact."""
    answer = await service.patch(f"/contacts/{segment(contact_id)}", json=dict(values))
    return _written("updated", object_at(answer, "contact"))


def unchanged(contact: JsonObject, values: JsonObject) -> bool:
    """Whether a contact has these values already, as far as it shows them."""
    custom = cast("JsonObject", values.get("typed_custom_fields") or {})
    had = cast("JsonObject", contact.get("typed_custom_fields") or {})
    pairs = [(contact.get(name), value) for name, value in values.items() if name != "typed_custom_fields"]
    return all(old == new for old, new in (*pairs, *((had.get(name), value) for name, value in custom.items())))


def left(contact: JsonObject) -> Done:
    """The contact had these values already."""
    return _written("unchanged", contact)


def _written(operation: Operation, contact: JsonObject) -> Done:
    contact_id = str(contact.get("id"))
    return written(operation, contact_id, url=f"https://app.apollo.io/#/contacts/{contact_id}", more={"contact": contact})
