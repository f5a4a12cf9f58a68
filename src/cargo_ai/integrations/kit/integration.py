"""Integrations: a folder with an `INTEGRATION` is one; no list names it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Literal

import cargo_ai.integrations
from cargo_ai.integrations.kit.account import AccountSpec
from cargo_ai.integrations.kit.autocomplete import Autocomplete, DynamicSchema
from cargo_ai.integrations.kit.extraction import Extractor
from cargo_ai.integrations.kit.language.models import LanguageModels
from cargo_ai.integrations.kit.request import ConnectorAction
from cargo_ai.integrations.kit.service_call import ServiceSpec
from cargo_ai.kernel.settings import Settings

Category = Literal[
    "engagement", "marketing", "sales", "finance", "analytics", "freeform", "success", "support", "enrichment", "storage", "custom"
]
SubCategory = Literal["websiteVisit", "listBuilding", "newHire", "jobOffer", "socialSelling", "ecommerce", "webScraper", "developer"]

_KIT = "kit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Integration:
    """A kind of service. `icon` is SVG text, `color` a CSS colour, `documentation` Markdown for people.

    service: how it is called; None where nothing is said of that in advance. extractors: its lists that fill models. autocompletes,
    schemas: by slug. language_models: those that agents may be answered by.
    """

    slug: str
    name: str
    description: str
    icon: str
    color: str
    url: str
    category: Category
    account: AccountSpec
    service: ServiceSpec | None
    actions: tuple[ConnectorAction, ...]
    documentation: str
    extractors: tuple[Extractor, ...] = ()
    sub_categories: tuple[SubCategory, ...] = ()
    autocompletes: Mapping[str, Autocomplete] = field(default_factory=dict[str, Autocomplete])
    schemas: Mapping[str, DynamicSchema] = field(default_factory=dict[str, DynamicSchema])
    language_models: LanguageModels | None = None

    def service_spec(self, settings: Settings) -> ServiceSpec:
        """How the service is called from this server: the operator may send its calls to another address."""
        spec = self.service or ServiceSpec("")
        address = settings.service_addresses.get(self.slug)
        return spec if address is None else replace(spec, base_url=address)

    def action(self, slug: str) -> ConnectorAction | None:
        """One of its actions, None when it has no such one."""
        return next((action for action in self.actions if action.slug == slug), None)

    def extractor(self, slug: str) -> Extractor | None:
        """One of its extractors, None when it has no such one."""
        return next((extractor for extractor in self.extractors if extractor.slug == slug), None)


@cache
def integrations() -> Mapping[str, Integration]:
    """Every integration of this package by slug, in the order of their names."""
    folders = [module.name for module in pkgutil.iter_modules(cargo_ai.integrations.__path__) if module.ispkg and module.name != _KIT]
    declared: list[Integration] = [importlib.import_module(f"cargo_ai.integrations.{folder}").INTEGRATION for folder in folders]
    return {integration.slug: integration for integration in sorted(declared, key=lambda integration: integration.name.lower())}
