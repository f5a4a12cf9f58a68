"""Steps: what a language model answers to a conversation, which is a text, calls of tools, or both.

The wire of each service is pydantic-ai's; the loop over steps, which has to survive a process, is ours (domains/ai/chats). It is imported
when the first model is asked: processes that never ask one do not pay for it.
"""

from __future__ import annotations

import asyncio
import importlib
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, cast

from cargo_ai.llm.model_span import model_span
from cargo_ai.llm.transport import Call, NotStreamed, asking, client

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage, ModelResponse, ModelResponseStreamEvent
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
    `OUTPUT`."""

    response: JsonObject
    text: str
    thoughts: str
    calls: list[ToolCall] = field(default_factory=list[ToolCall])
    output: ToolCall | None = None
    usage: Usage = Usage()


async def ask(question: Question, call: Call, hear: Hear | None = None) -> Step:
    """The next step. `hear` has it streamed, where the service can. Raises what `call` raises, and NoAnswer."""
    if question.protocol not in _loaded:
        # Seconds of imports: not on the event loop.
        await asyncio.to_thread(_load, question.protocol)
    # Which model is asked, and with what, is the user's choice: no reason to fill a log.
    warnings.filterwarnings("ignore", message=r"The model .* is deprecated|Sampling parameters .* are not supported")
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
    with asking(call) as failures:
        try:
            if hear is None:
                return await model_request(model, messages, model_settings=settings, model_request_parameters=parameters)
            async with model_request_stream(model, messages, model_settings=settings, model_request_parameters=parameters) as stream:
                async for event in stream:
                    _hear(event, hear)
                return stream.get()
        except Exception as error:
            if failures:
                raise failures[0] from None
            raise _no_answer(error) from error


def _answered(answer: Json) -> Call:
    async def call(body: Json, events: object = None) -> Json:
        return answer

    return call


def _hear(event: ModelResponseStreamEvent, hear: Hear) -> None:
    from pydantic_ai.messages import PartDeltaEvent, PartStartEvent, TextPart, TextPartDelta, ThinkingPart, ThinkingPartDelta

    said = event.part if isinstance(event, PartStartEvent) else event.delta if isinstance(event, PartDeltaEvent) else None
    if isinstance(said, TextPart):
        hear("text", said.content)
    elif isinstance(said, TextPartDelta):
        hear("text", said.content_delta)
    elif isinstance(said, ThinkingPart):
        hear("thoughts", said.content)
    elif isinstance(said, ThinkingPartDelta) and said.content_delta:
        hear("thoughts", said.content_delta)


def _no_answer(error: Exception) -> Exception:
    """What a library raises, for people; what is a bug of ours stays as it is."""
    from pydantic_ai.exceptions import ModelAPIError, UnexpectedModelBehavior, UserError

    if isinstance(error, UnexpectedModelBehavior | UserError):
        return NoAnswer(f"The language model answered in a form that it should not: {str(error)[:300]}")
    # Of a module that is not loaded, or of one of two: the vendor's library has found an error among the events.
    if isinstance(error, ModelAPIError) or type(error).__name__ in ("APIError", "APIStatusError", "OverloadedError", "InternalServerError"):
        return NoAnswer(f"The language model broke off its answer: {str(error)[:300]}", transient=True)
    return error


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

    texts = [part.content for part in response.parts if isinstance(part, TextPart)]
    thoughts = [part.content for part in response.parts if isinstance(part, ThinkingPart)]
    calls = [ToolCall(part.tool_call_id, part.tool_name, _arguments(part)) for part in response.parts if isinstance(part, ToolCallPart)]
    usage = response.usage
    (stored,) = ModelMessagesTypeAdapter.dump_python([response], mode="json")
    step = Step(
        response=stored,
        text="".join(texts),
        thoughts="".join(thoughts),
        calls=[call for call in calls if call.name != OUTPUT],
        output=next((call for call in calls if call.name == OUTPUT), None),
        usage=Usage(
            usage.input_tokens,
            usage.output_tokens,
            usage.cache_read_tokens,
            usage.cache_write_tokens,
            int(usage.details.get("reasoning_tokens", 0)),
        ),
    )
    if response.finish_reason == "content_filter":
        raise NoAnswer("The language model refused to answer.", step=step)
    if not texts and not calls:
        cause = " before its limit of tokens" if response.finish_reason == "length" else ""
        raise NoAnswer(f"The language model answered nothing{cause}.", step=step)
    return step


def _arguments(part: Any) -> JsonObject | None:
    try:
        arguments: Mapping[str, Json] | None = part.args_as_dict()
    except (ValueError, AssertionError):
        return None
    return None if arguments is None else dict(arguments)
