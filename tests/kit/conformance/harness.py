"""Attempts of a service's actions against its simulator, as a worker makes them."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Any

import jsonschema_rs

from cargo_ai.domains.connection.rows.collector import Row, Shipment
from cargo_ai.domains.connection.rows.row_actions import ship
from cargo_ai.engine.graph import unknown_outcome
from cargo_ai.engine.graph.action import Call, Done, Failed, Later, Outcome
from cargo_ai.integrations.kit import (
    ActionRequest,
    CallShape,
    ConnectorAction,
    Cursor,
    ExtractedPage,
    Extractor,
    ExtractRequest,
    FormRequest,
    Integration,
    OpenAccount,
    Service,
    ServiceSpec,
    attempt,
    integrations,
    walk,
)
from cargo_ai.kernel import ids
from cargo_ai.kernel.settings import Settings
from tests.kit.conformance.subject import JsonObject, Simulator, Subject

SETTINGS = Settings({"CARGO_AI_OUTBOUND_ALLOW": "127.0.0.1"})

_keys = itertools.count(1)


@dataclass
class Slots:
    """Rate limits that let everything through and note each call, until they are closed for some seconds."""

    closed: float = 0.0
    calls: list[CallShape] = field(default_factory=list[CallShape])
    observed: list[int] = field(default_factory=list[int])

    async def admit(self, call: CallShape, patience: float = 0.0) -> float:
        """Note it, or send it away."""
        if self.closed:
            return self.closed
        self.calls.append(call)
        return 0.0

    def why(self, call: CallShape) -> str:
        """The shortest reason."""
        return "rate limit"

    async def close(self, call: CallShape, seconds: float) -> None:
        """Each attempt waits for itself."""

    async def observe(self, call: CallShape, status: int, headers: Mapping[str, str]) -> None:
        """Note it."""
        self.observed.append(status)


@dataclass(frozen=True)
class _Elsewhere:
    key: str
    url: str
    control: Any


@dataclass
class Harness:
    """One simulator with an account."""

    subject: Subject
    simulator: Simulator
    client: Any
    account: JsonObject
    slots: Slots = field(default_factory=Slots)
    hurry: float = 0.0
    """The time-out of calls in seconds, where it is not the service's own."""

    @property
    def control(self) -> Any:
        """The simulator's control."""
        return self.simulator.control

    @property
    def integration(self) -> Integration:
        """The integration under test."""
        return self.subject.integration or integrations()[self.subject.slug]

    @property
    def service_spec(self) -> ServiceSpec | None:
        """How the simulator is called: as the service, at another address."""
        spec = self.integration.service
        if spec is None:
            return None
        address = {"base_url": self.simulator.url} if isinstance(spec.base_url, str) else {}
        return replace(spec, **address, **({"timeout": self.hurry} if self.hurry else {}))

    def actions(self) -> list[tuple[ConnectorAction, JsonObject]]:
        """Each action with the config of its example."""
        return [(action, self.subject.examples[action.slug].config) for action in self.integration.actions]

    def new_key(self) -> str:
        """The key of an execution of its own."""
        return f"run:node:{next(_keys)}"

    def at(self, url: str) -> Harness:
        """The same account at another address."""
        elsewhere = _Elsewhere(self.simulator.key, url, self.control)
        return replace(self, simulator=elsewhere, account=self.subject.account(elsewhere))

    def sensitive_texts(self) -> tuple[str, ...]:
        """What must not be seen of the account."""
        return self.integration.account.sensitive_texts(self.opened().config)

    def opened(self) -> OpenAccount:
        """The account, as it signs calls in."""
        return OpenAccount(self.integration.account, self.subject.opened(self.account))

    def service(self, action: str = "", key: str = "") -> Service:
        """The service as an action sees it."""
        return Service(
            self.service_spec or ServiceSpec(""),
            self.integration.name,
            self.client,
            account=self.opened(),
            admission=self.slots,
            action=action,
            key=key,
            sensitive=self.sensitive_texts(),
        )

    def request(self, action: ConnectorAction, config: JsonObject, key: str = "") -> ActionRequest:
        """One attempt; `key`: of an earlier one that it repeats."""
        key = key or self.new_key()
        some: uuid.UUID = ids.new()
        given = self.subject.hurried(config) if self.hurry else config
        call = Call(some, None, some, None, some, {}, given, {}, key, 1)
        others = self.subject.others(self)
        service, sensitive = self.service(action.slug, key), self.sensitive_texts()
        return ActionRequest(given, self.opened().config, call, self.client, SETTINGS, service, sensitive, others=others)

    def form_request(self) -> FormRequest:
        """What a form asks with."""
        return FormRequest(self.opened().config, self.service(), self.sensitive_texts())

    def extract_request(self, extractor: Extractor, config: JsonObject) -> ExtractRequest:
        """What an extractor reads with."""
        return ExtractRequest(config, self.account, self.service(extractor.slug), self.client, SETTINGS, sensitive=self.sensitive_texts())

    def walk(self, extractor: Extractor, config: JsonObject, cursor: Cursor | None = None) -> AsyncIterator[ExtractedPage]:
        """The pages of an extractor from a cursor on."""
        return walk(extractor, self.extract_request(extractor, config), cursor)

    async def extract(self, extractor: Extractor, config: JsonObject, cursor: Cursor | None = None) -> list[ExtractedPage]:
        """The same, all of them."""
        return [page async for page in self.walk(extractor, config, cursor)]

    async def close(self, pages: AsyncIterator[ExtractedPage]) -> None:
        """Read no further."""
        assert isinstance(pages, AsyncGenerator)
        await pages.aclose()

    async def act(self, action: ConnectorAction, config: JsonObject, key: str = "") -> Outcome:
        """What comes of an attempt, as the engine takes it; where the service ends later what it began, of all that follow."""
        key = key or self.new_key()
        outcome = await attempt(action, self.request(action, config, key))
        while action.awaits and isinstance(outcome, Later) and outcome.meta is not None:
            outcome = await attempt(action, self.again(action, config, outcome.meta, key))
        if isinstance(outcome, Failed) and unknown_outcome.is_final(outcome, action.idempotency):
            return replace(unknown_outcome.explain(outcome, action.idempotency, "RUN"), transient=False)
        return outcome

    def again(self, action: ConnectorAction, config: JsonObject, meta: Any, key: str = "") -> ActionRequest:
        """An attempt after a wait, with what was left for it."""
        request = self.request(action, config, key)
        return replace(request, call=replace(request.call, meta=meta))

    async def act_on_rows(self, action: ConnectorAction, configs: Sequence[JsonObject]) -> Sequence[Outcome]:
        """What comes of several runs that act at once; where the service ends later what it began, of all that follow."""
        keys = [self.new_key() for _ in configs]
        outcomes = list(await self.begin_rows(action, configs, keys))
        while left := {number: one.meta for number, one in enumerate(outcomes) if isinstance(one, Later) and one.meta is not None}:
            given = await self.begin_rows(action, [configs[number] for number in left], [keys[number] for number in left], [*left.values()])
            for number, outcome in zip(left, given, strict=True):
                outcomes[number] = outcome
        return outcomes

    async def begin_rows(
        self, action: ConnectorAction, configs: Sequence[JsonObject], keys: Sequence[str] = (), metas: Sequence[Any] = ()
    ) -> Sequence[Outcome]:
        """What comes of one attempt of each of several runs. metas: what earlier ones left."""
        loop, pairs = asyncio.get_running_loop(), zip_longest(configs, keys, metas)
        rows = [Row(self.again(action, config, meta, key or ""), 0, None, loop.create_future()) for config, key, meta in pairs]
        return await ship(action, self.integration.name, Shipment(rows, lambda: None))

    async def done(self, action: ConnectorAction, config: JsonObject, key: str = "") -> Done:
        """The same, where nothing may go wrong."""
        outcome = await self.act(action, config, key)
        assert isinstance(outcome, Done), f"{action.slug}: {outcome}"
        return outcome

    async def failed(self, action: ConnectorAction, config: JsonObject, key: str = "") -> Failed:
        """The same, where something has to."""
        outcome = await self.act(action, config, key)
        assert isinstance(outcome, Failed), f"{action.slug}: {outcome}"
        return outcome

    async def later(self, action: ConnectorAction, config: JsonObject) -> Later:
        """The same, where it has to wait."""
        outcome = await attempt(action, self.request(action, config))
        assert isinstance(outcome, Later), f"{action.slug}: {outcome}"
        return outcome

    def fail(self, action: ConnectorAction, **fault: Any) -> None:
        """Order a fault for the request in which the action has its effect."""
        method, path = self.subject.examples[action.slug].call
        self.control.fail(method=method, path=path, **fault)

    def prepare(self, action: ConnectorAction) -> None:
        """A new account, with what the action's example needs."""
        self.control.reset()
        self.subject.examples[action.slug].given(self.control)

    def effect(self, action: ConnectorAction) -> Any:
        """What the service holds of the action's doing."""
        return self.subject.examples[action.slug].effect(self.control)


def schema_errors(schema: Mapping[str, Any], value: Any) -> list[str]:
    """What is wrong with a value by a JSON Schema."""
    return [
        f"{'.'.join(map(str, error.instance_path))}: {error.message}"
        for error in jsonschema_rs.validator_for(dict(schema)).iter_errors(value)
    ]
