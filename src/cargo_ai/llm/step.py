"""Steps: what a language model answers to a conversation, which is a text, calls of tools, or both.

The wire of each service is pydantic-ai's; the loop over steps, which has to survive a process, is ours (domains/ai/chats). It is imported
when the first model is asked: processes that never ask one do not pay for it.
"""

from __future__ import annotations

import asyncio
import importlib
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, cast

from cargo_ai.llm import storable
from cargo_ai.llm.model_span import model_span
from cargo_ai.llm.transport import Asking, Call, NotStreamed, TooMuch, asking, client

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage, ModelResponse, ModelResponseStreamEvent, ToolCallPart
    from pydantic_ai.models import Model, ModelRequestParameters
    from pydantic_ai.settings import ModelSettings

Json = Any
JsonObject = dict[str, Json]
Protocol = Literal["openai", "responses", "anthropic"]
Heard = Literal["text", "thoughts"]
Hear = Callable[[Heard, str], None]
"""Gets each piece of what the model writes, as it comes. What it got before a failure does not count."""
OUTPUT = "final_result"
"""The tool by which a model gives an answer that holds to a schema."""
MAX_MODELS = 256
MAX_TOKENS = 8_192
"""Of one answer; Anthropic needs to know."""
_NOT_OURS = r"The model .* is deprecated|Sampling parameters .* are not supported|Failed to extract usage"
MAX_CHARACTERS = 2_000_000
"""Of one step: its text, its thoughts and the arguments of its calls. No model is known to write a half of that."""


class NoAnswer(Exception):
    """The model gave nothing to go on with; the message is for people.

    transient: asking again may help. step: what it gave all the same, which took tokens.
    """

    def __init__(self, message: str, *, transient: bool = False, step: Step | None = None) -> None:
        super().__init__(message)
        self.transient, self.step = transient, step


@dataclass(frozen=True, slots=True)
class Tool:
    """Something that the model may call. `parameters`: JSON Schema of an object."""

    name: str
    description: str
    parameters: JsonObject


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the model asks for. `arguments` is None where it wrote no JSON object."""

    id: str
    name: str
    arguments: JsonObject | None


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a call gave, as the model is to see it. `failed`: it is asked to correct itself."""

    call_id: str
    name: str
    content: Json
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """A message of the user, and the steps of the answer to it: of each, the response as it was stored, and what its tools gave."""

    text: str
    steps: Sequence[tuple[JsonObject, Sequence[ToolResult]]] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. `output`: the JSON Schema of the answer; None: a text."""

    protocol: Protocol
    model: str
    system: str
    turns: Sequence[Turn]
    tools: Sequence[Tool] = ()
    output: JsonObject | None = None
    temperature: float | None = None
    reasons: bool = False


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one step."""

    sent: int = 0
    received: int = 0
    cache_read: int = 0
    cache_written: int = 0
    reasoning: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """The answer. response: as it is stored, to go on from. thoughts: what the model says that it thought. output: what it gave as
    `OUTPUT`. is_cut: it ended at the limit of tokens."""

    response: JsonObject
    text: str
    thoughts: str
    calls: list[ToolCall] = field(default_factory=list[ToolCall])
    output: ToolCall | None = None
    usage: Usage = Usage()
    is_cut: bool = False


async def ask(question: Question, call: Call, hear: Hear | None = None) -> Step:
    """The next step. `hear` has it streamed, where the service can. Raises what `call` raises, and NoAnswer."""
    if question.protocol not in _loaded:
        # Seconds of imports: not on the event loop.
        await asyncio.to_thread(_load, question.protocol)
    # Which model is asked, and with what, is the user's choice, and what a service counts is the service's: no reason to fill a log.
    warnings.filterwarnings(
        "ignore", message=r"The model .* is deprecated|Sampling parameters .* are not supported|Failed to extract usage"
    )
    with model_span(question.protocol, question.model, question.temperature) as tokens:
        try:
            response = await _respond(question, call, hear)
        except NotStreamed as whole:
            response = await _respond(question, _answered(whole.answer), None)
        step = _step(response)
        tokens |= {"gen_ai.usage.input_tokens": step.usage.sent, "gen_ai.usage.output_tokens": step.usage.received}
    return step


async def _respond(question: Question, call: Call, hear: Hear | None) -> ModelResponse:
    from pydantic_ai.direct import model_request, model_request_stream

    model = _model(question.protocol, question.model)
    messages, settings, parameters = _messages(question), _settings(question), _parameters(question)
    with asking(call) as present:
        try:
            if hear is None:
                return await model_request(model, messages, model_settings=settings, model_request_parameters=parameters)
            async with model_request_stream(model, messages, model_settings=settings, model_request_parameters=parameters) as stream:
                characters = 0
                async for event in stream:
                    characters += _hear(event, hear)
                    if characters > MAX_CHARACTERS:
                        raise _too_long()
                return _whole(stream.get(), question.protocol, present)
        except Exception as error:
            cause = present.failures[0] if present.failures else error
            raise _no_answer(cause) from (None if present.failures else error)


def _whole(response: ModelResponse, protocol: Protocol, present: Asking) -> ModelResponse:
    """The response of a stream, which ends with why it ends; where a connection breaks between two events, that is missing."""
    # Of chat completions without a reason, the library says "stop".
    reason = (response.provider_details or {}).get("finish_reason") if protocol == "openai" else response.finish_reason
    if reason is None and not present.said_done and response.finish_reason != "content_filter":
        raise NoAnswer("The language model broke off its answer: the events ended before it did.", transient=True)
    return response


def _too_long(step: Step | None = None) -> NoAnswer:
    return NoAnswer(f"The language model wrote more than {MAX_CHARACTERS:,} characters at once, which no answer takes.", step=step)


def _answered(answer: Json) -> Call:
    async def call(body: Json, events: object = None) -> Json:
        return answer

    return call


def _hear(event: ModelResponseStreamEvent, hear: Hear) -> int:
    """Hand a piece on; how many characters it has, those of arguments included."""
    from pydantic_ai.messages import PartDeltaEvent, PartStartEvent, TextPart, TextPartDelta, ThinkingPart, ThinkingPartDelta

    said = event.part if isinstance(event, PartStartEvent) else event.delta if isinstance(event, PartDeltaEvent) else None
    if isinstance(said, TextPart | TextPartDelta):
        piece = said.content if isinstance(said, TextPart) else said.content_delta
        hear("text", storable.text(piece))
        return len(piece)
    if isinstance(said, ThinkingPart | ThinkingPartDelta):
        piece = said.content if isinstance(said, ThinkingPart) else said.content_delta or ""
        if piece or isinstance(said, ThinkingPart):
            hear("thoughts", storable.text(piece))
        return len(piece)
    return len(str(getattr(said, "args", None) or getattr(said, "args_delta", None) or ""))


def _no_answer(error: BaseException) -> BaseException:
    """What a library raises, for people; what is a bug of ours, or what the call raised, stays as it is."""
    from pydantic_ai.exceptions import ModelAPIError, UnexpectedModelBehavior, UserError

    if isinstance(error, TooMuch):
        return _too_long()
    if isinstance(error, UnexpectedModelBehavior | UserError):
        return NoAnswer(f"The language model answered in a form that it should not: {str(error)[:300]}")
    # Of a module that is not loaded, or of one of two: the vendor's library has found an error among the events.
    if isinstance(error, ModelAPIError) or type(error).__name__ in ("APIError", "APIStatusError", "OverloadedError", "InternalServerError"):
        return NoAnswer(f"The language model broke off its answer: {_said(error)}", transient=True)
    return error


def _said(error: BaseException) -> str:
    """What a service says of an error among its events."""
    body = getattr(error, "body", None)
    inner: Json = cast("JsonObject", body).get("error", body) if isinstance(body, dict) else body
    message = cast("JsonObject", inner).get("message") if isinstance(inner, dict) else None
    return storable.text(str(message or error)[:300])


_loaded: set[Protocol] = set()


def _load(protocol: Protocol) -> None:
    """Import what asks models of a protocol. NoAnswer where the extra is not installed."""
    try:
        importlib.import_module("pydantic_ai.direct")
        importlib.import_module(f"pydantic_ai.models.{'anthropic' if protocol == 'anthropic' else 'openai'}")
    except ImportError as error:
        raise NoAnswer(f"This server cannot ask language models ({error}): install it with the extra, `cargo-ai[server,ai]`.") from None
    _loaded.add(protocol)


@lru_cache(maxsize=MAX_MODELS)
def _model(protocol: Protocol, name: str) -> Model:
    """What asks a model. It is made once: that takes as long as asking does."""
    if protocol == "anthropic":
        from anthropic import AsyncAnthropic
        from pydantic_ai.models.anthropic import AnthropicModel
        from pydantic_ai.providers.anthropic import AnthropicProvider

        claude = AsyncAnthropic(api_key="-", base_url="http://service", http_client=client(), max_retries=0)
        return AnthropicModel(name, provider=AnthropicProvider(anthropic_client=claude))
    from openai import AsyncOpenAI
    from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
    from pydantic_ai.providers.openai import OpenAIProvider

    service = AsyncOpenAI(api_key="-", base_url="http://service", http_client=client(), max_retries=0)
    model = OpenAIResponsesModel if protocol == "responses" else OpenAIChatModel
    return model(name, provider=OpenAIProvider(openai_client=service))


def _settings(question: Question) -> ModelSettings:
    settings: dict[str, Json] = {}
    # Models that reason take no temperature.
    if question.temperature is not None and not question.reasons:
        settings["temperature"] = question.temperature
    if question.protocol == "anthropic":
        settings["max_tokens"] = MAX_TOKENS
    if question.protocol == "responses":
        # The conversation is ours to keep: what was said comes back with each step, thoughts sealed by the service.
        settings["openai_store"] = False
    return cast("ModelSettings", settings)


def _parameters(question: Question) -> ModelRequestParameters:
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.tools import ToolDefinition

    tools = [
        ToolDefinition(name=tool.name, description=tool.description, parameters_json_schema=tool.parameters, strict=False)
        for tool in question.tools
    ]
    if question.output is None:
        return ModelRequestParameters(function_tools=tools)
    output = ToolDefinition(
        name=OUTPUT, description="Give the final answer.", parameters_json_schema=question.output, kind="output", strict=False
    )
    return ModelRequestParameters(function_tools=tools, output_mode="tool", output_tools=[output], allow_text_output=False)


def _messages(question: Question) -> list[ModelMessage]:
    from pydantic_ai.messages import ModelMessagesTypeAdapter, ModelRequest, SystemPromptPart, ToolReturnPart, UserPromptPart

    messages: list[ModelMessage] = []
    for number, turn in enumerate(question.turns):
        system = [SystemPromptPart(question.system)] if number == 0 and question.system else []
        messages.append(ModelRequest(parts=[*system, UserPromptPart(turn.text)]))
        for response, results in turn.steps:
            messages += ModelMessagesTypeAdapter.validate_python([response])
            if results:
                messages.append(
                    ModelRequest(
                        parts=[
                            ToolReturnPart(
                                tool_name=result.name,
                                content=result.content,
                                tool_call_id=result.call_id,
                                outcome="retried" if result.failed else "success",
                            )
                            for result in results
                        ]
                    )
                )
    return messages


def _step(response: ModelResponse) -> Step:
    from pydantic_ai.messages import ModelMessagesTypeAdapter, TextPart, ThinkingPart, ToolCallPart

    usage = Usage(
        storable.count(response.usage.input_tokens),
        storable.count(response.usage.output_tokens),
        storable.count(response.usage.cache_read_tokens),
        storable.count(response.usage.cache_write_tokens),
        storable.count(int(response.usage.details.get("reasoning_tokens", 0))),
    )
    texts = [storable.text(part.content) for part in response.parts if isinstance(part, TextPart)]
    thoughts = [storable.text(part.content) for part in response.parts if isinstance(part, ThinkingPart)]
    called = [part for part in response.parts if isinstance(part, ToolCallPart)]
    if sum(map(len, [*texts, *thoughts, *(str(part.args or "") for part in called)])) > MAX_CHARACTERS:
        raise _too_long(Step({}, "", "", usage=usage))
    calls = [ToolCall(storable.text(part.tool_call_id), storable.text(part.tool_name), _arguments(part)) for part in called]
    (dumped,) = ModelMessagesTypeAdapter.dump_python([response], mode="json")
    try:
        stored = storable.json(dumped)
    except storable.TooDeep as error:
        raise NoAnswer(f"The language model answered in a form that it should not: {error}.", step=Step({}, "", "", usage=usage)) from None
    step = Step(
        response=stored,
        text="".join(texts),
        thoughts="".join(thoughts),
        calls=[call for call in calls if call.name != OUTPUT],
        output=next((call for call in calls if call.name == OUTPUT), None),
        usage=usage,
        is_cut=response.finish_reason == "length",
    )
    if response.finish_reason == "content_filter":
        raise NoAnswer("The language model refused to answer.", step=step)
    if not texts and not calls:
        cause = " before its limit of tokens" if step.is_cut else ""
        raise NoAnswer(f"The language model answered nothing{cause}.", step=step)
    return step


def _arguments(part: ToolCallPart) -> JsonObject | None:
    # Half of a character in the JSON text is no error of its form.
    readable = replace(part, args=storable.text(part.args)) if isinstance(part.args, str) else part
    try:
        return storable.json(readable.args_as_dict())
    except (ValueError, AssertionError):
        return None
