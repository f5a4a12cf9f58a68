"""Spans are encoded as OpenTelemetry's own library encodes them."""

from __future__ import annotations

from itertools import product
from typing import Any

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import Link, SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.status import Status, StatusCode

from cargo_ai.kernel import ids, traces
from cargo_ai.kernel.traces import Place, Span

KINDS = {"server": SpanKind.SERVER, "client": SpanKind.CLIENT, "internal": SpanKind.INTERNAL}
VALUES = {"text": "x" * 300, "é": "", "negative": -3, "nought": 0, "large": 2**40, "none": 0.0, "real": 1.5e300}


def context(place: Place) -> SpanContext:
    return SpanContext(place.trace, place.span, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def of_library(span: Span) -> Any:
    """The library's message of a span."""
    readable = ReadableSpan(
        name=span.name,
        context=context(span.place),
        parent=context(Place(span.place.trace, span.parent)) if span.parent else None,
        attributes=span.attributes,
        links=[Link(context(span.link))] if span.link else [],
        kind=KINDS[span.kind],
        status=Status(StatusCode.ERROR) if span.failed else Status(StatusCode.UNSET),
        start_time=span.started,
        end_time=span.ended,
    )
    message: Any = encode_spans([readable])
    found = message.resource_spans[0].scope_spans[0].spans[0]
    if not span.failed:
        found.ClearField("status")  # one that says nothing
    return found


def test_a_span_is_encoded_as_the_library_does_it() -> None:
    trace, last = ids.new().int, 2**64 - 1
    for kind, parent, failed, link in product(("server", "client", "internal"), (0, 5, last), (False, True), (None, Place(trace, last))):
        span = Span("größe", kind, Place(trace, traces.chance_id()), parent, 1_700_000_000_123_456_789, last // 2, VALUES, failed, link)
        (found,) = ScopeSpans.FromString(traces.encode(span)).spans
        assert found == of_library(span)
