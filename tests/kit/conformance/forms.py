"""Conformance: what an integration declares: its forms, examples, hints, documentation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

import jsonschema_rs

from cargo_ai.integrations.kit import Integration
from tests.kit.conformance.fixtures import Fixtures
from tests.kit.conformance.harness import Harness, schema_errors

_SLUG = re.compile(r"[a-z][A-Za-z0-9_]*")


def _schemas(integration: Integration) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield "account", integration.account.schema
    for action in integration.actions:
        yield f"config of {action.slug}", action.config_schema
        yield f"output of {action.slug}", action.output_schema or {}
    for slug, autocomplete in integration.autocompletes.items():
        yield f"params of {slug}", autocomplete.params_schema or {}
    for slug, schema in integration.schemas.items():
        yield f"params of {slug}", schema.params_schema or {}


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in cast("Mapping[str, Any]", value).items():
            yield key
            yield from _keys(inner)
    elif isinstance(value, list):
        for inner in cast("list[Any]", value):
            yield from _keys(inner)


class FormTests(Fixtures):
    """Declarations."""

    def test_it_is_described_for_people(self, harness: Harness) -> None:
        integration = harness.integration
        # Some slugs of the contract begin with a capital.
        assert _SLUG.fullmatch(integration.slug[:1].lower() + integration.slug[1:])
        assert integration.name and integration.description.endswith(".")
        assert integration.icon.startswith("<svg ") and re.fullmatch(r"#[0-9a-f]{6}", integration.color)
        assert integration.url.startswith("https://")

    def test_its_documentation_names_every_action(self, harness: Harness) -> None:
        text = harness.integration.documentation
        assert text.startswith(f"# {harness.integration.name}")
        assert [action.slug for action in harness.integration.actions if f"`{action.slug}`" not in text] == []

    def test_every_form_is_a_valid_schema_in_one_piece(self, harness: Harness) -> None:
        for name, schema in _schemas(harness.integration):
            jsonschema_rs.meta.validate(dict(schema))
            assert "$ref" not in set(_keys(schema)), name

    def test_every_action_says_what_it_does(self, harness: Harness) -> None:
        for action in harness.integration.actions:
            assert _SLUG.fullmatch(action.slug) and action.name and action.description.endswith("."), action.slug
            assert action.kind == "connector" and action.hint is not None and action.output_schema is not None, action.slug
            # What only reads may be repeated, and what may always be repeated because it reads does not write.
            assert (action.hint == "reads") is (action.idempotency == "reads"), action.slug
            assert (action.perform is None) is not (action.rows is None), action.slug

    def test_every_action_has_an_example_that_fits_its_form(self, harness: Harness) -> None:
        assert set(harness.subject.examples) == {action.slug for action in harness.integration.actions}
        for action, config in harness.actions():
            assert schema_errors(action.config_schema, config) == [], action.slug

    def test_a_setting_that_an_action_does_not_have_is_refused(self, harness: Harness) -> None:
        for action, config in harness.actions():
            assert schema_errors(action.config_schema, {**config, "noSuchSetting": 1}) != [], action.slug

    def test_batches_of_rows_have_limits(self, harness: Harness) -> None:
        for action in harness.integration.actions:
            if action.rows is not None:
                assert action.rows.max > 1 and 0 <= action.rows.linger <= 1, action.slug

    def test_what_is_written_is_given_from_no_cache(self, harness: Harness) -> None:
        for action in harness.integration.actions:
            # An action that both reads and writes has to say itself which outcomes are worth keeping.
            assert action.has_cache is (action.hint == "reads" or action.cacheable is not None), action.slug
