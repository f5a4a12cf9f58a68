"""Every kind of column has a class and a wire type, and says the same things about itself everywhere."""

from __future__ import annotations

import uuid
from typing import get_args

import pytest

from cargo_ai.contract.storage.columns import Column as WireColumn
from cargo_ai.contract.storage.columns import ColumnKind
from cargo_ai.records.catalog import Catalog, Column, Link, Relation
from cargo_ai.records.column_kinds import KINDS, InvalidColumn, filter_slugs, record_slugs
from cargo_ai.records.views import Views, join_columns

COMPANIES, CONTACTS = uuid.UUID(int=1), uuid.UUID(int=2)
EMPLOYS = uuid.UUID(int=3)
OLDEST = {"relationshipUuid": str(EMPLOYS), "aggregation": {"function": "MIN", "columnSlug": "born"}}
CITY = {"join": {"toModelUuid": str(COMPANIES), "fromColumnSlug": "company", "toColumnSlug": "_id"}, "extractColumnSlug": "city"}


def catalog() -> Catalog:
    companies = Relation(
        COMPANIES,
        "companies",
        "default",
        "ws",
        "m_companies",
        "v_companies",
        (
            Column("city", "string", "original"),
            Column("tier", "string", "custom"),
            Column(
                "is_big",
                "boolean",
                "computed",
                definition={"expression": {"kind": "jsExpression", "expression": "record.custom__tier == 'a'"}},
            ),
            Column("oldest", "date", "metric", definition=OLDEST),
        ),
        title_column="city",
    )
    contacts = Relation(
        CONTACTS,
        "contacts",
        "default",
        "ws",
        "m_contacts",
        "v_contacts",
        (Column("company", "string", "original"), Column("born", "date", "original"), Column("city", "string", "lookup", definition=CITY)),
    )
    return Catalog(uuid.UUID(int=9), "role", (companies, contacts), (Link(EMPLOYS, COMPANIES, "_id", CONTACTS, "company"),))


def column(model: uuid.UUID, slug: str) -> tuple[Relation, Column]:
    relation = catalog().by_model(model)
    found = relation.column(slug) if relation else None
    assert relation is not None
    assert found is not None
    return relation, found


def test_every_kind_of_the_wire_has_a_class_and_every_class_a_wire_type() -> None:
    wire = {kind for variant in get_args(get_args(WireColumn)[0]) for kind in get_args(variant.model_fields["kind"].annotation)}
    assert wire == set(get_args(ColumnKind)) == KINDS.keys() - {"system"}


@pytest.mark.parametrize(
    ("kind", "stored", "writable", "derived"),
    [
        ("system", False, False, False),
        ("original", True, True, False),
        ("custom", True, True, False),
        ("computed", True, False, True),
        ("metric", False, False, True),
        ("lookup", False, False, True),
    ],
)
def test_a_kind_says_where_its_values_are_and_who_writes_them(kind: str, stored: bool, writable: bool, derived: bool) -> None:
    assert (KINDS[kind].stored, KINDS[kind].writable, KINDS[kind].derived) == (stored, writable, derived)


@pytest.mark.parametrize(
    ("model", "slug", "uses"),
    [
        (COMPANIES, "tier", []),
        (COMPANIES, "is_big", [("companies", "tier")]),
        (COMPANIES, "oldest", [("companies", "_id"), ("contacts", "company"), ("contacts", "born")]),
        (CONTACTS, "city", [("contacts", "company"), ("companies", "_id"), ("companies", "city")]),
    ],
)
def test_a_kind_knows_what_its_columns_are_made_from(model: uuid.UUID, slug: str, uses: list[tuple[str, str]]) -> None:
    relation, found = column(model, slug)
    assert [(other.slug, used) for other, used in KINDS[found.kind].uses(catalog(), relation, found)] == uses


def test_a_metric_has_the_type_of_what_it_aggregates_and_a_lookup_that_of_its_field() -> None:
    for model, slug, kind in ((COMPANIES, "oldest", "date"), (CONTACTS, "city", "string"), (COMPANIES, "tier", None)):
        relation, found = column(model, slug)
        assert KINDS[found.kind].natural_type(catalog(), relation, found) == kind


def test_a_metric_without_its_relationship_is_refused() -> None:
    relation, found = column(COMPANIES, "oldest")
    with pytest.raises(InvalidColumn, match="has no relationship"):
        list(KINDS["metric"].uses(Catalog(uuid.UUID(int=9), "role", (relation,)), relation, found))


def test_a_view_reads_stored_columns_from_the_table_and_joins_the_others() -> None:
    companies, contacts = catalog().relations
    views = Views(catalog(), lambda _filter, _relation, _alias: "true")
    assert 'a1."tier" as "tier"' in views.select(companies)
    assert "left join lateral" in views.select(companies)
    assert "order by b._id" in views.select(contacts)
    grouped = Views(catalog(), lambda _filter, _relation, _alias: "true", grouped=True)
    assert "group by 1" in grouped.select(companies)


def test_joins_are_known_by_the_column_that_computes_them() -> None:
    companies, contacts = catalog().relations
    assert join_columns(catalog(), companies) == {"oldest": "_id"}
    assert join_columns(catalog(), contacts) == {"city": "company"}


def test_columns_may_be_written_with_their_kind() -> None:
    assert record_slugs(["record.custom__tier + record['original__city'] + record.custom__"]) == {"tier", "city", "custom__"}
    assert filter_slugs({"groups": [{"conditions": [{"columnSlug": "custom__tier"}, {"columnSlug": "city"}]}]}) == ["tier", "city"]
