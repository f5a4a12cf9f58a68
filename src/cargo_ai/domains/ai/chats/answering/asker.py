"""Ask for a step: call the release's language model, or the next one that the release names where it is overloaded."""

from __future__ import annotations

import asyncio
import math
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from cargo_ai.context.process import Services
from cargo_ai.domains.ai.agents import language_model
from cargo_ai.domains.ai.chats.effective import ModelChoice
from cargo_ai.domains.connection import public as connection
from cargo_ai.engine.graph.action import InvalidConfig
from cargo_ai.integrations.kit import AccountHalted, ServiceError, Throttled
from cargo_ai.kernel import clock
from cargo_ai.kernel.secrets import WrongKey
from cargo_ai.kernel.wire import JsonObject
from cargo_ai.llm.step import Hear, NoAnswer, Question, Step, ask

ATTEMPTS = 5
ATTEMPTS_BEFORE_FALLBACK = 2
FIRST_WAIT, GROWTH = 2.0, 2.0
LONGEST_WAIT = 600.0
"""Where the last model asks for more, the answer ends at once, and says so."""
LONGEST_WAIT_BEFORE_FALLBACK = 5.0
LONGEST_IN_VAIN = 600.0
"""Seconds that calls without an answer may take together; then the model is not asked again. Each may write for half an hour."""
NO_SUCH_MODEL = 404
_NO_STREAMS = frozenset({400, 404, 405, 406, 415, 422, 501})
"""With these a service refuses a request for events that it takes without them, where it knows no streams."""


class Failed(Exception):
    """The answer ends in error; the message is for the user. asked: a step of no use, whose tokens count."""

    def __init__(self, message: str, asked: Asked | None = None) -> None:
        super().__init__(message)
        self.asked = asked


class _Overloaded(Exception):
    """A language model takes no calls now."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A step, which model gave it, by which service, and what was unusual, as parts of the answer."""

    step: Step
    model: ModelChoice
    service: connection.LanguageModelService
    warnings: Sequence[JsonObject]


class Asker:
    """Asks for the steps of one answer. choices: the models in the order in which they are asked; one that was overloaded is left for the
    rest of the answer. hold: awaited before each request; what it raises ends the asking."""

    def __init__(
        self, services: Services, workspace: uuid.UUID, choices: Sequence[ModelChoice], hold: Callable[[], Awaitable[None]]
    ) -> None:
        self._services, self._workspace, self._hold = services, workspace, hold
        self._choices = list(choices)
        self._service: connection.LanguageModelService | None = None
        self._streams = True

    @property
    def model(self) -> ModelChoice:
        """The model that is asked next."""
        return self._choices[0]

    def go_on_with(self, model: ModelChoice) -> None:
        """Ask this one, which gave the last step, and those after it."""
        if model in self._choices:
            del self._choices[: self._choices.index(model)]

    async def connect(self) -> connection.LanguageModelService:
        """The service of the model that is asked next. Failed says what is missing."""
        if self._service is not None:
            return self._service
        model = self.model
        try:
            service = await connection.language_model_service(self._services, self._workspace, model.integration_slug, model.connector_uuid)
        except connection.NotConnected as error:
            raise Failed(f"No language model answers: {error} {await language_model.set_up(self._services)}") from None
        except (WrongKey, InvalidConfig) as error:
            raise Failed(f"The connector of the language model cannot be used: {error}") from None
        if not model.language_model_slug:
            listed = f"`cargo-ai connection connector get-language-models {service.connector}`"
            raise Failed(f"No language model of {service.name} is named, and it has no usual one: {listed} lists them.")
        self._service, self._streams = service, True
        return service

    async def ask(self, question: Question, hear: Callable[[], Hear] | None) -> Asked:
        """The next step. `hear` is called at each beginning. Failed where no model gives one."""
        warnings: list[JsonObject] = []
        while True:
            service, model = await self.connect(), self.model
            asked = replace(question, protocol=service.protocol, model=model.language_model_slug)
            try:
                return Asked(await self._ask(asked, service, hear), model, service, warnings)
            except _Overloaded as error:
                if len(self._choices) == 1:
                    raise Failed(str(error)) from None
                del self._choices[0]
                self._service = None
                warnings.append(_warning(model, self.model, str(error)))

    async def _ask(self, question: Question, service: connection.LanguageModelService, hear: Callable[[], Hear] | None) -> Step:
        last = len(self._choices) == 1
        attempts, longest = (ATTEMPTS, LONGEST_WAIT) if last else (ATTEMPTS_BEFORE_FALLBACK, LONGEST_WAIT_BEFORE_FALLBACK)
        said, in_vain, named = f"{service.name} took no more calls for a long time.", 0.0, 0.0
        for attempt in range(1, attempts + 1):
            await self._hold()
            began_at = clock.seconds()
            try:
                return await self._once(question, service, hear)
            except Throttled as error:
                said, named = f"{service.name} takes no more calls now: {error.reason}.", error.seconds
            except ServiceError as error:
                if not error.transient:
                    models = f"cargo-ai connection connector get-language-models {service.connector}"
                    listed = f" `{models}` lists its language models." if error.status == NO_SUCH_MODEL else ""
                    raise Failed(f"{error}{listed}") from None
                said, named = str(error), error.retry_after or 0.0
            except AccountHalted as error:
                raise Failed(f"The connector of {service.name} does not work now: {error}") from None
            except NoAnswer as error:
                if not error.transient:
                    asked = None if error.step is None else Asked(error.step, self.model, service, ())
                    raise Failed(str(error), asked) from None
                said, named = str(error), 0.0
            seconds = named or FIRST_WAIT * GROWTH ** (attempt - 1)
            if last and named > longest:
                said = f"{said.rstrip('.')}. It is to be asked again in {math.ceil(named / 60)} minutes, which is too long to wait for."
                break
            in_vain += clock.seconds() - began_at
            if (seconds > longest and not last) or in_vain > LONGEST_IN_VAIN:
                break
            if attempt < attempts:
                await asyncio.sleep(min(seconds, longest))
        raise _Overloaded(said)

    async def _once(self, question: Question, service: connection.LanguageModelService, hear: Callable[[], Hear] | None) -> Step:
        if hear is None or not self._streams:
            return await ask(question, service.ask)
        try:
            return await ask(question, service.ask, hear())
        except ServiceError as error:
            if error.transient or error.status not in _NO_STREAMS:
                raise
            step = await ask(question, service.ask)
            self._streams = False
            return step


def _warning(former: ModelChoice, model: ModelChoice, said: str) -> JsonObject:
    sentence = f"{former.language_model_slug} did not answer ({said.rstrip('.')}); {model.language_model_slug} answered instead."
    return {
        "type": "data-warning",
        "data": {
            "reason": "languageModelFallback",
            "message": sentence,
            "languageModelSlug": model.language_model_slug,
            "integrationSlug": model.integration_slug,
        },
    }
