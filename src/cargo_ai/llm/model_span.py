"""Spans of questions to language models, with the names that OpenTelemetry's conventions for generative AI give."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from cargo_ai.kernel import clock, traces
from cargo_ai.kernel.traces import Place, Span

OPERATION = "chat"
PROVIDERS = {"anthropic": "anthropic"}
"""By protocol; what speaks another one speaks OpenAI's."""


@contextmanager
def model_span(protocol: str, model: str, temperature: float | None) -> Generator[dict[str, int]]:
    """One question: its span is below the one that has led here, and above those of its requests. Yields where the tokens that it took are
    put, by the names of attributes. Neither questions nor answers are in it."""
    above = traces.current()
    tokens: dict[str, int] = {}
    if above is None or not traces.are_sent():
        yield tokens
        return
    about: dict[str, str | int | float] = {"gen_ai.operation.name": OPERATION, "gen_ai.provider.name": PROVIDERS.get(protocol, "openai")}
    about["gen_ai.request.model"] = model
    if temperature is not None:
        about["gen_ai.request.temperature"] = temperature
    place, started, began = Place(above.trace, traces.chance_id()), clock.now_ms(), clock.seconds()
    try:
        with traces.within(place):
            yield tokens
    except BaseException as error:
        about["error.type"] = type(error).__name__
        raise
    finally:
        at = traces.nanoseconds(started)
        ended = at + int((clock.seconds() - began) * 1e9)
        failed = "error.type" in about
        traces.send(Span(f"{OPERATION} {model}", "client", place, above.span, at, ended, {**about, **tokens}, failed))
