"""Conformance: what forms ask the service for: choices of fields, and schemas that depend on the account."""

from __future__ import annotations

import jsonschema_rs
import pytest

from cargo_ai.integrations.kit import ServiceError
from tests.kit.conformance.fixtures import Fixtures
from tests.kit.conformance.harness import Harness, schema_errors


class ChoiceTests(Fixtures):
    """Autocompletes and dynamic schemas."""

    async def test_every_autocomplete_offers_choices(self, harness: Harness) -> None:
        parts = harness.integration.autocompletes
        if not parts:
            pytest.skip("no field of the service has choices")
        for slug, part in parts.items():
            params = harness.subject.params.get(slug, {})
            assert schema_errors(part.params_schema or {}, params) == [], slug
            harness.control.reset()
            harness.subject.choices_given(harness.control)
            choices = await part.perform(harness.form_request(), params, None)
            assert choices and all(choice.label for choice in choices), slug
            values = [str(choice.value) for choice in choices]
            assert len(set(values)) == len(values), f"{slug}: {values}"
            chosen = choices[0]
            found = await part.perform(harness.form_request(), params, chosen.label)
            assert chosen.value in [choice.value for choice in found], f"{slug}: {chosen.label} is not found by its label"

    async def test_every_dynamic_schema_is_a_valid_schema(self, harness: Harness) -> None:
        parts = harness.integration.schemas
        if not parts:
            pytest.skip("no form of the service depends on the account")
        for slug, part in parts.items():
            params = harness.subject.params.get(slug, {})
            assert schema_errors(part.params_schema or {}, params) == [], slug
            harness.control.reset()
            harness.subject.choices_given(harness.control)
            schema, _ui_schema = await part.perform(harness.form_request(), params)
            jsonschema_rs.meta.validate(dict(schema))
            assert schema.get("properties"), slug

    async def test_what_the_service_refuses_of_a_form_is_an_error_in_its_words(self, harness: Harness) -> None:
        parts = {**harness.integration.autocompletes, **harness.integration.schemas}
        if not parts:
            pytest.skip("no form of the service asks for anything")
        self.needs_http()
        secret = harness.subject.secret
        for slug, part in parts.items():
            harness.control.reset()
            harness.control.fail(status=500, times=9, body=harness.subject.error(500, f"Reason 4711 of {secret}."))
            params = harness.subject.params.get(slug, {})
            refused = ""
            try:
                if slug in harness.integration.autocompletes:
                    await harness.integration.autocompletes[slug].perform(harness.form_request(), params, None)
                else:
                    await harness.integration.schemas[slug].perform(harness.form_request(), params)
            except ServiceError as error:
                refused = error.message
            # Some choices are the same for every account: the service is not asked.
            assert ("Reason 4711" in refused) is (harness.control.sent() != []) and secret not in refused, f"{slug}: {part}"
