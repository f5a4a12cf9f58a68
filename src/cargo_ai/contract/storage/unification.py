"""Unification: the columns that identify the account or contact of a record."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cargo_ai.contract.segmentation.filter import Filter
from cargo_ai.contract.workspace.sparse import Sparse
from cargo_ai.kernel.wire import Uuid, Wire

Type = Literal["account", "contact", "accountEvent", "contactEvent"]
Reference = Literal[
    "linkedinId",
    "linkedinHandle",
    "domain",
    "email",
    "personalEmail",
    "workEmail",
    "crunchbaseUuid",
    "crunchbasePermalink",
    "twitterHandle",
    "salesNavigatorId",
    "slug",
]


class UniqueColumn(Wire):
    """A column that tells who a record is about, and as what (`domain`, `email`, `linkedinId` …)."""

    slug: str
    reference: Annotated[str, Field(max_length=100)]


class ModelParent(Wire):
    """The account that a contact or an event belongs to: a record of another model."""

    kind: Literal["model"]
    column_slug: str
    parent_model_uuid: Uuid


class ReferenceParent(Wire):
    """The account that a contact or an event belongs to: found by a reference such as its domain."""

    kind: Literal["reference"]
    column_slug: str
    reference: str


class IntegrationUnification(Wire):
    """As the integration says."""

    source: Literal["integration"]


class CustomUnification(Sparse):
    """Which columns make the records accounts, contacts or events of them.

    The first of `unique_columns` that finds an account or contact decides. `selected_column_slugs`: the columns that are carried over,
    all by default. `filter`: the records that count.
    """

    source: Literal["custom"]
    type: Type
    unique_columns: Annotated[list[UniqueColumn], Field(max_length=50)]
    selected_column_slugs: list[str] | None = None
    time_column_slug: str | None = None
    parent: Annotated[ModelParent | ReferenceParent, Field(discriminator="kind")] | None = None
    filter: Filter | None = None


Unification = Annotated[IntegrationUnification | CustomUnification, Field(discriminator="source")]
