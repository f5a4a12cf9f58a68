"""Integrations of services that have language models: all that their vendors differ in is said in one value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cargo_ai.integrations.kit.account import AccountSpec, Verification
from cargo_ai.integrations.kit.autocomplete import Autocomplete, Choice, FormRequest, Params, narrowed
from cargo_ai.integrations.kit.calls.service_call import ServiceSpec
from cargo_ai.integrations.kit.errors import ErrorRule
from cargo_ai.integrations.kit.forms import Form
from cargo_ai.integrations.kit.integration import Integration
from cargo_ai.integrations.kit.language.instruct import instruct
from cargo_ai.integrations.kit.language.models import LanguageModels
from cargo_ai.integrations.kit.signing.sign_in import SignIn

Config = Mapping[str, Any]
_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round">'
    '<path d="M12 3l1.9 5.1L19 10l-5.1 1.9L12 17l-1.9-5.1L5 10l5.1-1.9z"/><path d="M19 16v4M17 18h4"/></svg>'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """Who has the models. keys: where people get a key. base_url, headers, errors: as of a ServiceSpec.

    fields: what a connector has besides the key; bound_to: those of them that say where the key is sent.
    """

    slug: str
    name: str
    color: str
    url: str
    keys: str
    base_url: str | Callable[[Config], str]
    sign_ins: tuple[SignIn, ...]
    models: LanguageModels
    documentation: str
    headers: Mapping[str, str] | None = None
    errors: tuple[ErrorRule, ...] = ()
    fields: type[Form] = Form
    bound_to: tuple[str, ...] = ()


def language_integration(vendor: Vendor) -> Integration:
    """The integration of a vendor: its account, its models, and the action that asks one."""

    async def models(request: FormRequest, _params: Params, typed: str | None) -> Sequence[Choice]:
        return narrowed([Choice(model.name, model.slug) for model in await vendor.models.list(request.service)], typed)

    return Integration(
        slug=vendor.slug,
        name=vendor.name,
        description=f"Language models of {vendor.name}, for agents and as a step of workflows.",
        icon=_ICON,
        color=vendor.color,
        url=vendor.url,
        category="freeform",
        account=AccountSpec(
            sign_ins=vendor.sign_ins, fields=vendor.fields, bound_to=vendor.bound_to, verification=Verification(vendor.models.path)
        ),
        service=ServiceSpec(vendor.base_url, errors=(*vendor.errors, *_errors(vendor)), headers=vendor.headers or {}),
        actions=(instruct(vendor.models, vendor.name),),
        autocompletes={"languageModels": Autocomplete(models)},
        language_models=vendor.models,
        documentation=vendor.documentation,
    )


def _errors(vendor: Vendor) -> tuple[ErrorRule, ...]:
    """What their errors have in common. 429 is two things: too fast, which passes, and an account without money, which does not."""
    return (
        ErrorRule(
            "refresh_then_retry",
            status=401,
            message=f"It does not accept the key. Copy it from {vendor.keys} and put it into the connector. It says: {{said}}",
            reason="unauthorized",
        ),
        ErrorRule(
            "fail",
            status=429,
            text="insufficient_quota|billing|exceeded your current quota|credit balance",
            message=f"The account has no money left: {vendor.keys}. It says: {{said}}",
            reason="planLimit",
        ),
        ErrorRule("retry", status=529, message="It is overloaded: {said}", reason="overloaded"),
    )
