"""The exporter of a process: it sends spans to a collector by OTLP over HTTP, from a thread with a bounded queue."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import cache
from typing import Any

from cargo_ai import __version__
from cargo_ai.kernel import log, traces
from cargo_ai.kernel.settings import Settings
from cargo_ai.kernel.traces import Place, Span

QUEUE = 8192
"""What waits to be sent at most, unless `OTEL_BSP_MAX_QUEUE_SIZE` says otherwise: more is dropped, the oldest first."""
LAST_SECONDS = 2
"""How long the end of a process may be put off by spans that are still to be sent."""
ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
CHANCE_BITS = 56
"""The bits of a trace's id that are chance: the others of a uuid are a time and marks."""
PATH = "/v1/traces"

_log = log.get(__name__)
_exporters: list[Exporter] = []


class Exporter:
    """Sends with the library of OpenTelemetry, which is loaded here and reads the other `OTEL_*` variables by itself."""

    def __init__(self, settings: Settings, process: str) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        environment = settings.environment
        about = {"service.version": __version__, "cargo.process": process}
        if "OTEL_SERVICE_NAME" not in environment and "service.name=" not in environment.get("OTEL_RESOURCE_ATTRIBUTES", ""):
            about["service.name"] = "cargo-ai"
        self._resource = Resource.create(about)
        self._most = settings.otlp_percent * (1 << CHANCE_BITS) // 100
        endpoint = settings.otlp_endpoint
        exporter = OTLPSpanExporter(endpoint=f"{endpoint.removesuffix(PATH)}{PATH}" if endpoint else None)
        size = None if "OTEL_BSP_MAX_QUEUE_SIZE" in environment else QUEUE
        self._processor = BatchSpanProcessor(exporter, max_queue_size=size)
        self._failed = False

    def send(self, span: Span) -> None:
        """Put a span into the queue. A trace is sent whole or not at all, by the chance in its id."""
        if span.place.trace % (1 << CHANCE_BITS) >= self._most:
            return
        try:
            self._processor.on_end(self._readable(span))
        except Exception:
            # Traces are for looking on: what is looked at goes on without them.
            if not self._failed:
                self._failed = True
                _log.warning("a span could not be sent", exc_info=True)

    def _readable(self, span: Span) -> Any:
        from opentelemetry.sdk.trace import ReadableSpan
        from opentelemetry.trace import Link, SpanKind
        from opentelemetry.trace.status import Status, StatusCode

        kinds = {"server": SpanKind.SERVER, "client": SpanKind.CLIENT, "internal": SpanKind.INTERNAL}
        return ReadableSpan(
            name=span.name,
            context=_context(span.place),
            parent=_context(Place(span.place.trace, span.parent)) if span.parent else None,
            resource=self._resource,
            attributes=span.attributes,
            links=[Link(_context(span.link))] if span.link else [],
            kind=kinds[span.kind],
            status=Status(StatusCode.ERROR if span.failed else StatusCode.UNSET),
            start_time=span.started,
            end_time=span.ended,
            instrumentation_scope=_scope(),
        )

    def close(self) -> None:
        """Send what still waits, for a moment at most: a collector that is away holds no process up."""
        closing = threading.Thread(target=self._processor.shutdown, name="last traces", daemon=True)
        closing.start()
        closing.join(LAST_SECONDS)


def _context(place: Place) -> Any:
    from opentelemetry.trace import SpanContext, TraceFlags

    return SpanContext(place.trace, place.span, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


@cache
def _scope() -> Any:
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    return InstrumentationScope("cargo_ai", __version__)


def is_wanted(settings: Settings) -> bool:
    """Whether a collector is named that speaks HTTP, and nothing says that none is to be used."""
    environment: Mapping[str, str] = settings.environment
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true" or environment.get("OTEL_TRACES_EXPORTER", "otlp") != "otlp":
        return False
    if settings.otlp_endpoint:
        return True
    protocol = next((environment[name] for name in PROTOCOLS if environment.get(name)), "http/protobuf")
    return protocol == "http/protobuf" and any(environment.get(name) for name in ENDPOINTS)


def begin(settings: Settings, process: str) -> None:
    """Send the spans of this process, where a collector is named. Without the extra, it says so once and goes on without."""
    if not is_wanted(settings):
        return
    try:
        exporter = Exporter(settings, process)
    except ImportError:
        _log.warning("a collector of traces is named, but the extra that sends to it is not installed: pip install 'cargo-ai[otel]'")
        return
    except Exception as error:
        _log.warning("no traces are sent: a variable of OpenTelemetry cannot be used", error=str(error))
        return
    _exporters.append(exporter)
    traces.send_with(exporter.send)


def end() -> None:
    """Send what waits, at the end of a process."""
    traces.send_with(None)
    for exporter in _exporters:
        exporter.close()
    _exporters.clear()
