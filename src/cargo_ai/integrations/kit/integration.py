"""Integrations: a folder with an `INTEGRATION` is one, named like its slug; no list names it."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Literal

import cargo_ai.integrations
from cargo_ai.integrations.kit.account import AccountSpec
from cargo_ai.integrations.kit.autocomplete import Autocomplete, DynamicSchema
from cargo_ai.integrations.kit.calls.service_call import ServiceSpec
from cargo_ai.integrations.kit.language.models import LanguageModels
from cargo_ai.integrations.kit.lists.extraction import Extractor
from cargo_ai.integrations.kit.lists.file_lists import FileList
from cargo_ai.integrations.kit.request import ConnectorAction
from cargo_ai.kernel.settings import Settings

Category = Literal[
    "engagement", "marketing", "sales", "finance", "analytics", "freeform", "success", "support", "enrichment", "storage", "custom"
]
SubCategory = Literal["websiteVisit", "listBuilding", "newHire", "jobOffer", "socialSelling", "ecommerce", "webScraper", "developer"]

_KIT = "kit"
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Integration:
    """A kind of service. `icon` is SVG text, `color` a CSS colour, `documentation` Markdown for people.

    service: how it is called; None where nothing is said of that in advance. extractors: its lists that fill models; file_lists: those
    that fill libraries. autocompletes,
    schemas: by slug. language_models: those that agents may be answered by. is_facade: connectors of other services act in its place, so
    that what they cost is all it costs.
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
    file_lists: tuple[FileList, ...] = ()
    sub_categories: tuple[SubCategory, ...] = ()
    autocompletes: Mapping[str, Autocomplete] = field(default_factory=dict[str, Autocomplete])
    schemas: Mapping[str, DynamicSchema] = field(default_factory=dict[str, DynamicSchema])
    language_models: LanguageModels | None = None
    is_facade: bool = False

    def service_spec(self, settings: Settings) -> ServiceSpec:
        """How the service is called from this server: the operator may send its calls to another address."""
        spec = self.service or ServiceSpec("")
        address = settings.service_addresses.get(self.slug)
        return spec if address is None else replace(spec, base_url=address)

    def action(self, slug: str) -> ConnectorAction | None:
        """One of its actions, None when it has none of this name."""
        return next((action for action in self.actions if action.slug == slug), None)

    def extractor(self, slug: str) -> Extractor | None:
        """One of its extractors, None when it has none of this name."""
        return next((extractor for extractor in self.extractors if extractor.slug == slug), None)

    def file_list(self, slug: str) -> FileList | None:
        """One of its file lists, None when it has none of this name."""
        return next((files for files in self.file_lists if files.slug == slug), None)


class Integrations(Mapping[str, Integration]):
    """The integrations of this package by slug, in the order of their names. Each is imported when it is first asked for, all of them to
    go through them: thirty are more than a tenth of an idle worker's memory.

    loaded: those that were asked for, by slug.
    """

    def __init__(self) -> None:
        modules = pkgutil.iter_modules(cargo_ai.integrations.__path__)
        self._folders = frozenset(module.name for module in modules if module.ispkg and module.name != _KIT)
        self.loaded: dict[str, Integration] = {}

    def __getitem__(self, slug: str) -> Integration:
        if slug not in self.loaded:
            folder = folder_of(slug)
            integration = self._load(folder) if folder in self._folders else None
            if integration is None or integration.slug != slug:
                raise KeyError(slug)
            self.loaded[slug] = integration
        return self.loaded[slug]

    def load(self) -> None:
        """Import all of them: half a second of computing the first time, so not on an event loop."""
        everything = {integration.slug: integration for integration in map(self._load, self._folders)} | self.loaded
        self.loaded = dict(sorted(everything.items(), key=lambda item: item[1].name.lower()))

    def __iter__(self) -> Iterator[str]:
        self.load()
        return iter(self.loaded)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @staticmethod
    def _load(folder: str) -> Integration:
        integration: Integration = importlib.import_module(f"cargo_ai.integrations.{folder}").INTEGRATION
        return integration


def folder_of(slug: str) -> str:
    """The folder of the integration with this slug: `instantlyV2` is in `instantly_v2`."""
    return _HUMP.sub("_", slug).lower()


@cache
def integrations() -> Integrations:
    """Every integration of this package by slug."""
    return Integrations()
