"""Remote actions: execute an action of a server that speaks the protocol, and read what it says became of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

import jsonschema_rs
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from cargo_ai.domains.connection.custom import foreign_schema
from cargo_ai.domains.connection.custom.protocol.manifest import ActionPart
from cargo_ai.domains.connection.custom.protocol.remote import Remote, connector
from cargo_ai.engine.graph.action import Done, Failed, InvalidConfig, Later, Outcome
from cargo_ai.integrations.kit import ActionRequest

Json = Any
JsonObject = dict[str, Json]

LONGEST_SECONDS = 30 * 86_400.0
LONGEST_PACE = 3_600.0
SHORTEST_SECONDS = 0.1
LARGEST_META = 64 * 1024
MAX_ASKS = 100_000


class _Said(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore")


class Executed(_Said):
    """It is done. child_index: which way to go on. warnings: what was odd about it."""

    outcome: Literal["executed"]
    data: Json = None
    title: str | None = ""
    child_index: int | None = None
    warnings: list[str] = []


class Executing(_Said):
    """It is under way: ask again, with the same."""

    outcome: Literal["executing"]


class MoreToExecute(_Said):
    """A part is done: ask again with `meta`."""

    outcome: Literal["moreToExecute"]
    data: Json = None
    meta: Json = None
    sleep_milliseconds: float = Field(default=0.0, ge=0)
    reason: str = ""


class Waiting(_Said):
    """Ask again with `meta` after a time."""

    outcome: Literal["waiting"]
    timeout_milliseconds: float = Field(ge=0)
    meta: Json = None


class Refused(_Said):
    """It failed. is_transient: another attempt may help. retry_after_milliseconds: not before; such a failure uses up no attempt.
    may_have_happened: it may have been done all the same."""

    outcome: Literal["error"]
    error_message: str = ""
    reason: str | None = None
    is_transient: bool = False
    retry_after_milliseconds: float | None = Field(default=None, ge=0)
    may_have_happened: bool = False


_SAID: TypeAdapter[Executed | Executing | MoreToExecute | Waiting | Refused] = TypeAdapter(
    Executed | Executing | MoreToExecute | Waiting | Refused
)


@dataclass(frozen=True, slots=True)
class RemoteAction:
    """An action of a server. validator: of its config."""

    slug: str
    remote: Remote
    part: ActionPart
    validator: jsonschema_rs.Validator

    async def perform(self, request: ActionRequest) -> Outcome:
        """Ask once. Raises what `Remote.ask` raises; InvalidConfig for a config that does not fit the manifest."""
        config = dict(request.config)
        if wrong := foreign_schema.faults(self.validator, config):
            raise InvalidConfig("; ".join(wrong) + ".")
        before = _progress_of(request.call.meta)
        call = request.call
        body: JsonObject = {
            "connector": connector(request.service),
            "config": config,
            "isDryExecution": False,
            "execution": {
                "runUuid": str(call.run),
                "nodeUuid": str(call.node.get("uuid", "")),
                "idempotencyKey": call.key,
                "isRepeated": call.repeated,
            },
        }
        if before.meta is not None:
            body["meta"] = before.meta
        reads = self.part.idempotency == "reads"
        answer = await self.remote.ask(request.service, f"actions/{self.slug}/execute", body, reads=reads)
        return self._outcome(request.service.name, answer, before)

    def _outcome(self, name: str, answer: Json, before: _Progress) -> Outcome:
        try:
            said = _SAID.validate_python(answer)
        except ValidationError:
            outcome = cast("JsonObject", answer).get("outcome") if isinstance(answer, Mapping) else None
            text = f"{name} answered with an outcome that the protocol does not have: {json.dumps(outcome)[:100]}."
            return Failed(text, reason="unexpectedAnswer", sent=True)
        match said:
            case Executed():
                return self._done(name, said, before)
            case Executing():
                pace = self.part.executing.retry
                if before.asked >= pace.maximum_attempts:
                    return Failed(f"{name} was still executing after it was asked {before.asked} times.", reason="tooSlow", sent=True)
                seconds = min(pace.initial_interval * pace.backoff_coefficient ** min(before.asked, 200) / 1000, LONGEST_PACE)
                return before.later(name, seconds, before.meta, before.data)
            case MoreToExecute(meta=None, data=None) if before == _Progress():
                seconds = min(max(said.sleep_milliseconds / 1000, SHORTEST_SECONDS), LONGEST_SECONDS)
                return Later(seconds, None, said.reason[:200] or f"{name} is not ready yet")
            case MoreToExecute():
                data = before.data if said.data is None else said.data
                return before.later(name, said.sleep_milliseconds / 1000, said.meta, data, said.reason)
            case Waiting():
                return before.later(name, said.timeout_milliseconds / 1000, said.meta, before.data)
            case Refused():
                return _failed(name, said)

    def _done(self, name: str, said: Executed, before: _Progress) -> Outcome:
        child = said.child_index if self.part.children else 0
        if self.part.children and (child is None or not 0 <= child < len(self.part.children)):
            text = f"{name} chose the way {child}, but its manifest has {len(self.part.children)} of them."
            return Failed(text, reason="unexpectedAnswer", sent=True)
        data = before.data if said.data is None else said.data
        warnings = tuple(warning[:1_000] for warning in said.warnings[:20])
        return Done(data, (said.title or "")[:500], child=child, warnings=warnings)


def _failed(name: str, said: Refused) -> Failed:
    seconds = None if said.retry_after_milliseconds is None else min(said.retry_after_milliseconds / 1000, LONGEST_SECONDS)
    text = said.error_message[:2_000] or f"{name} says that it failed, and not why."
    reason = None if said.reason is None else said.reason[:100]
    return Failed(text, transient=said.is_transient, retry_after=seconds, reason=reason, sent=said.may_have_happened)


@dataclass(frozen=True, slots=True)
class _Progress:
    """How far an execution is. meta: of the server. data: what it gave so far. asked: how often."""

    meta: Json = None
    data: Json = None
    asked: int = 0

    def later(self, name: str, seconds: float, meta: Json, data: Json, reason: str = "") -> Outcome:
        """Ask again after so long."""
        kept = {"meta": meta, "data": data, "asked": self.asked + 1}
        if self.asked >= MAX_ASKS:
            return Failed(f"{name} was asked {self.asked} times and is not done.", reason="tooSlow", sent=True)
        if len(json.dumps(kept)) > LARGEST_META:
            text = f"{name} wants more than {LARGEST_META // 1024} KB to be remembered until it is asked again."
            return Failed(text, reason="unexpectedAnswer", sent=True)
        return Later(min(max(seconds, SHORTEST_SECONDS), LONGEST_SECONDS), kept, reason[:200] or f"{name} is not done yet")


def _progress_of(meta: Json) -> _Progress:
    if not isinstance(meta, Mapping):
        return _Progress()
    kept = cast("JsonObject", meta)
    return _Progress(kept.get("meta"), kept.get("data"), int(kept.get("asked", 0)))
