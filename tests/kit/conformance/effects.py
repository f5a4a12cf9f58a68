"""Conformance: what actions do: outputs, refusals by content, nulls, rate limits, batches of rows."""

from __future__ import annotations

import math

import pytest

from cargo_ai.integrations.kit import Done, Failed
from tests.kit.conformance.fixtures import Fixtures
from tests.kit.conformance.harness import Harness, schema_errors


class EffectTests(Fixtures):
    """Effects."""

    async def test_every_action_works_and_its_output_holds_to_its_schema(self, harness: Harness) -> None:
        for action, config in harness.actions():
            harness.prepare(action)
            before = harness.effect(action)
            done = await harness.done(action, config)
            assert action.output_schema is not None
            assert schema_errors(action.output_schema, done.output) == [], action.slug
            changed = harness.effect(action) != before
            assert action.hint != "reads" or not changed, f"{action.slug} only reads"

    async def test_a_field_that_the_service_does_not_have_is_refused_by_name(self, harness: Harness) -> None:
        refused = {slug: example for slug, example in harness.subject.examples.items() if example.rejected is not None}
        if not refused:
            pytest.skip("no action sends fields that the service may not have")
        for action, _config in harness.actions():
            example = refused.get(action.slug)
            if example is None or example.rejected is None:
                continue
            harness.prepare(action)
            before = harness.effect(action)
            failure = await harness.failed(action, example.rejected)
            assert not failure.transient and example.says in failure.message, f"{action.slug}: {failure}"
            assert harness.effect(action) == before, action.slug

    async def test_nulls_are_not_written(self, harness: Harness) -> None:
        nulls = {slug: example.nulls for slug, example in harness.subject.examples.items() if example.nulls is not None}
        if not nulls:
            pytest.skip("no action writes values that may be null")
        for action, config in harness.actions():
            if action.slug in nulls:
                harness.prepare(action)
                await harness.done(action, config)
                written = harness.effect(action)
                await harness.done(action, nulls[action.slug])
                assert harness.effect(action) == written, action.slug

    async def test_every_call_asks_the_rate_limits_for_a_slot(self, harness: Harness) -> None:
        self.needs_http()
        for action, config in harness.actions():
            harness.prepare(action)
            harness.slots.calls.clear()
            harness.slots.observed.clear()
            await harness.done(action, config)
            sent = harness.control.sent()
            assert [call.method for call in harness.slots.calls] == [seen.method for seen in sent], action.slug
            assert {call.action for call in harness.slots.calls} == {action.slug}
            assert harness.slots.observed == [seen.status for seen in sent], action.slug

    async def test_a_run_that_gets_no_slot_comes_back_later_and_calls_nothing(self, harness: Harness) -> None:
        for action, config in harness.actions():
            harness.prepare(action)
            harness.slots.closed = 90.0
            later = await harness.later(action, config)
            harness.slots.closed = 0.0
            assert (later.seconds, later.reason) == (90.0, "rate limit"), action.slug
            assert harness.control.sent() == [], action.slug

    async def test_rows_of_a_batch_fail_alone(self, harness: Harness) -> None:
        batched = [(action, config) for action, config in harness.actions() if action.rows is not None]
        if not batched:
            pytest.skip("no action takes several rows at once")
        for action, config in batched:
            example = harness.subject.examples[action.slug]
            harness.prepare(action)
            first, third = (config, config) if example.row is None else (example.row(1), example.row(3))
            outcomes = await harness.act_on_rows(action, [first, example.rejected or first, third])
            assert len(outcomes) == 3, action.slug
            assert isinstance(outcomes[0], Done) and isinstance(outcomes[2], Done), f"{action.slug}: {outcomes}"
            if example.rejected is not None:
                refused = outcomes[1]
                assert isinstance(refused, Failed) and example.says in refused.message, f"{action.slug}: {refused}"

    async def test_a_batch_that_is_refused_as_a_whole_is_halved_until_the_bad_row_stands_alone(self, harness: Harness) -> None:
        examples = harness.subject.examples
        halved = [(action, example) for action, _ in harness.actions() if (example := examples[action.slug]).row is not None]
        if not halved:
            pytest.skip("no action takes several rows at once, or its example has no `row`")
        for action, example in halved:
            assert action.rows is not None and example.row is not None, action.slug
            count, bad = min(16, action.rows.max), 5
            harness.prepare(action)
            # What the action remembers of the account, such as the columns of a table, is not to be counted.
            await harness.act_on_rows(action, [example.row(count)])
            harness.prepare(action)
            error = harness.subject.error(400, "Row 4711 is wrong.")
            harness.fail(action, status=400, times=99, holding=f"row-{bad}.", body=error)
            outcomes = await harness.act_on_rows(action, [example.row(number) for number in range(count)])
            failures = {number: outcome for number, outcome in enumerate(outcomes) if not isinstance(outcome, Done)}
            assert list(failures) == [bad], f"{action.slug}: {failures}"
            failure = failures[bad]
            assert isinstance(failure, Failed) and "Row 4711" in failure.message and not failure.transient, f"{action.slug}: {failure}"
            calls = len(harness.control.sent(*example.call))
            assert calls <= 1 + 2 * math.log2(count), f"{action.slug}: {calls} calls for one bad row of {count}"

    async def test_every_call_falls_under_a_rate_policy_where_there_are_some(self, harness: Harness) -> None:
        spec = harness.service_spec
        if spec is None or not spec.policies:
            pytest.skip("the service has no rate policies of its own")
        for action, config in harness.actions():
            harness.prepare(action)
            harness.slots.calls.clear()
            await harness.done(action, config)
            for call in harness.slots.calls:
                assert any(policy.covers(call) for policy in spec.policies), f"{action.slug}: {call}"
