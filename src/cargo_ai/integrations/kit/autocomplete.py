"""Autocompletes and dynamic schemas: what a form asks the service for while it is filled in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from cargo_ai.integrations.kit.calls.service_call import Service

Json = Any
Params = Mapping[str, Json]
Schema = Mapping[str, Json]

MAX_CHOICES = 1_000
"""How many a form is offered at once; people type to see others."""


@dataclass(frozen=True, slots=True)
class FormRequest:
    """What a form asks with: the account's opened config, the service, and the texts that must not come back."""

    connector_config: Mapping[str, Json]
    service: Service
    sensitive: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """One value that a field may take. `parent`: the value of the choice below which it is shown."""

    label: str
    value: Json
    description: str | None = None
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class Autocomplete:
    """The choices of a field, as the account has them now.

    perform: (request, params, what was typed so far) → choices. params_schema: JSON Schema of the params: other fields that it depends on.
    """

    perform: Callable[[FormRequest, Params, str | None], Awaitable[Sequence[Choice]]]
    params_schema: Schema | None = None


@dataclass(frozen=True, slots=True)
class DynamicSchema:
    """A part of a form that depends on the account, such as the custom fields of its objects.

    perform: (request, params) → schema, uiSchema. params_schema: as of an autocomplete.
    """

    perform: Callable[[FormRequest, Params], Awaitable[tuple[Schema, Schema]]]
    params_schema: Schema | None = None


def narrowed(choices: Iterable[Choice], typed: str | None) -> list[Choice]:
    """The choices that contain what was typed, in the label or the value."""
    text = (typed or "").strip().lower()
    fitting = (choice for choice in choices if text in choice.label.lower() or text in str(choice.value).lower())
    return list(islice(fitting, MAX_CHOICES))
