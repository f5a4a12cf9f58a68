"""Conformance: served over HTTP by the protocol of custom integrations, an integration does what it does as a class.

One test for each of: every action with its example and, for one of them, what goes wrong; the account; what forms ask for; the first list.
The other tests of the suite are about the class: between it and the wire lies only what these compare.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from cargo_ai.domains.connection.custom.protocol import manifest
from cargo_ai.domains.connection.custom.protocol.integration import of_manifest
from cargo_ai.domains.connection.custom.protocol.remote import Remote
from cargo_ai.domains.connection.custom.public import NotServable, Served
from cargo_ai.engine.graph.action import Done, Failed, Later, Outcome
from cargo_ai.integrations.kit import ConnectorAction, Integration, Service, ServiceError, ServiceSpec
from cargo_ai.integrations.kit.other_connectors import NoOtherConnectors
from cargo_ai.integrations.kit.signing.oauth import TokenSignIn
from cargo_ai.server.served_integration import application
from tests.kit.conformance.fixtures import Fixtures
from tests.kit.conformance.harness import SETTINGS, Harness
from tests.simulators.running import server_of

TOKEN = "token-of-16-or-more"


@dataclass
class ServedHarness(Harness):
    """The same account, through the wire."""

    @property
    def service_spec(self) -> ServiceSpec | None:
        """What the manifest gave."""
        return self.integration.service


@asynccontextmanager
async def served(harness: Harness) -> AsyncGenerator[ServedHarness]:
    """The integration behind HTTP. Skipped where its accounts need a token that no one but its server can have."""
    if not isinstance(harness.subject.others(harness), NoOtherConnectors):
        pytest.skip("it acts by other connectors of its workspace, which no one else has")
    integration = replace(harness.integration, service=harness.service_spec)
    if isinstance(integration.account.sign_in_of(harness.account), TokenSignIn):
        pytest.skip("the account signs in with a token that a server fetches or that people consent to")
    try:
        app = application(Served(integration, SETTINGS, harness.client), TOKEN)
    except NotServable as error:
        pytest.skip(str(error))
    bound = socket.create_server(("127.0.0.1", 0))
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # see simulators.running
    server = server_of(app)
    serving = asyncio.create_task(server.serve([bound]))
    try:
        yield await _reached(harness, f"http://127.0.0.1:{bound.getsockname()[1]}")
    finally:
        server.should_exit = True
        await serving


async def _reached(harness: Harness, url: str) -> ServedHarness:
    remote = Remote(TOKEN)
    document = await remote.manifest(Service(ServiceSpec(url), "served", harness.client))
    integration: Integration = of_manifest(harness.subject.slug, manifest.read(document), url, remote)
    return ServedHarness(
        replace(harness.subject, integration=integration), harness.simulator, harness.client, harness.account, harness.slots, harness.hurry
    )


def _shape(value: Any) -> Any:
    """What two answers have in common whose ids and times differ."""
    if isinstance(value, dict):
        return {key: _shape(inner) for key, inner in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list):
        return [_shape(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return type(value).__name__


def _same(first: Outcome, second: Outcome) -> bool:
    match first, second:
        case Done(), Done():
            return (_shape(first.output), first.child, len(first.warnings)) == (_shape(second.output), second.child, len(second.warnings))
        case Failed(), Failed():
            return replace(first, credits=0.0) == replace(second, credits=0.0)
        case Later(), Later():
            return (first.seconds, first.reason) == (second.seconds, second.reason)
        case _:
            return False


class ServedTests(Fixtures):
    """Both ways."""

    async def test_served_over_http_every_action_comes_to_the_same(self, harness: Harness) -> None:
        async with served(harness) as remote:
            assert [action.slug for action in remote.integration.actions] == [action.slug for action in harness.integration.actions]
            for action, far in zip(harness.integration.actions, remote.integration.actions, strict=True):
                assert (far.idempotency, far.hint, far.awaits) == (action.idempotency, action.hint, action.awaits), action.slug
                example = harness.subject.examples[action.slug]
                for config in (example.config, example.rejected):
                    if config is not None:
                        here, there = await self._both(harness, remote, action, far, config)
                        assert _same(here, there), f"{action.slug}: {here}, but {there}"

    async def test_served_over_http_what_goes_wrong_is_the_same(self, harness: Harness) -> None:
        self.needs_http()
        async with served(harness) as remote:
            for action, far in list(zip(harness.integration.actions, remote.integration.actions, strict=True))[:1]:
                config = harness.subject.examples[action.slug].config
                for status, headers in ((429, {"Retry-After": "7"}), (500, {}), (403, {})):
                    fault = {"status": status, "headers": headers, "times": 1, "body": harness.subject.error(status, "Reason 4711.")}
                    here, there = await self._both(harness, remote, action, far, config, fault)
                    assert _same(here, there), f"{action.slug} {status}: {here}, but {there}"

    async def _both(
        self, harness: Harness, remote: ServedHarness, action: ConnectorAction, far: ConnectorAction, config: Any, fault: Any = None
    ) -> tuple[Outcome, Outcome]:
        outcomes: list[Outcome] = []
        effects: list[Any] = []
        for one, acting in ((harness, action), (remote, far)):
            harness.prepare(action)
            if fault is not None:
                harness.fail(action, **fault)
            outcomes.append(await one.act(acting, config, "run:node:1"))
            effects.append(harness.effect(action))
        assert effects[0] == effects[1], action.slug
        return outcomes[0], outcomes[1]

    async def test_served_over_http_accounts_and_forms_are_the_same(self, harness: Harness) -> None:
        async with served(harness) as remote:
            if harness.integration.account.verification is not None:
                verification = remote.integration.account.verification
                assert verification is not None
                await verification.verify(remote.service())
                remote.account = harness.subject.wrong(harness.simulator)
                with pytest.raises(ServiceError) as refused:
                    await verification.verify(remote.service())
                assert harness.subject.secret not in refused.value.message and not refused.value.transient
                remote.account = harness.account
            for slug, part in harness.integration.autocompletes.items():
                harness.subject.choices_given(harness.control)
                params = harness.subject.params.get(slug, {})
                here = await part.perform(harness.form_request(), params, None)
                assert await remote.integration.autocompletes[slug].perform(remote.form_request(), params, None) == list(here), slug
            for slug, schema in harness.integration.schemas.items():
                params = harness.subject.params.get(slug, {})
                near, _ = await schema.perform(harness.form_request(), params)
                far, _ = await remote.integration.schemas[slug].perform(remote.form_request(), params)
                assert far["properties"].keys() == near["properties"].keys(), slug

    async def test_served_over_http_a_list_gives_the_same_records(self, harness: Harness) -> None:
        if not harness.integration.extractors:
            pytest.skip("the service fills no models")
        async with served(harness) as remote:
            for extractor, far in list(zip(harness.integration.extractors, remote.integration.extractors, strict=True))[:1]:
                example = harness.subject.extractions[extractor.slug]
                example.fill(harness.control, example.size + 1)
                shape = await extractor.shape_for(harness.extract_request(extractor, example.config))
                columns = (await far.shape_for(remote.extract_request(far, example.config))).columns
                assert [(one.name, one.type) for one in columns] == [(one.name, one.type) for one in shape.columns]
                here, there = await harness.extract(extractor, example.config), await remote.extract(far, example.config)
                assert [list(page.records) for page in there] == [list(page.records) for page in here]
