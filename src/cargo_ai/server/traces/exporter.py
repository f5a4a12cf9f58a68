"""The exporter of a process: it sends spans to a collector by OTLP over HTTP, from a thread with a bounded queue."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from cargo_ai import __version__
from cargo_ai.kernel import log, span_encoding, traces
from cargo_ai.kernel.settings import Settings
from cargo_ai.kernel.traces import Span

PARTS = 32
"""What a run has journaled at once is a part (see `engine.worker.spans`), and this many of them wait as one: to put something into the
library's queue takes longer than to make a span."""
QUEUE, MESSAGE = 256, 64
"""What waits to be sent at most (more is dropped, the oldest first), and what goes into one request, unless one of QUEUE_SIZES is set."""
QUEUE_SIZES = ("OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE")
LAST_SECONDS = 2
"""How long the end of a process may be put off by spans that are still to be sent."""
ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
CHANCE_BITS = 56
"""The bits of a trace's id that are chance: the others of a uuid are a time and marks."""
PATH = "/v1/traces"

_log = log.get(__name__)
_exporters: list[Exporter] = []


class _Spans:
    """Encoded spans, as the library's queue takes a span: `context` says that they are to be sent. They become more while they wait, until
    they are sent or are PARTS."""

    __slots__ = ("_lock", "context", "is_taken", "parts")

    def __init__(self, context: Any, lock: threading.Lock) -> None:
        self.context = context
        self.parts: list[bytes] = []
        self.is_taken = False
        self._lock = lock

    def take(self) -> list[bytes]:
        """All of them; no more are added."""
        with self._lock:
            self.is_taken = True
        return self.parts


class _Message(list[_Spans]):
    """The spans of one message, as the library encodes what it sends."""

    def __init__(self, spans: Sequence[_Spans], resource: bytes, scope: bytes) -> None:
        super().__init__(spans)
        self._about = resource, scope

    def SerializePartialToString(self) -> bytes:
        return span_encoding.envelope(*self._about, [part for spans in self for part in spans.take()])

    SerializeToString = SerializePartialToString


class Exporter:
    """Sends with the library of OpenTelemetry, which is loaded here and reads the other `OTEL_*` variables by itself."""

    def __init__(self, settings: Settings, process: str) -> None:
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace import SpanContext, TraceFlags

        environment = settings.environment
        self._most = settings.otlp_percent * (1 << CHANCE_BITS) // 100
        self._context = SpanContext(1, 1, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))
        # The library wants no request to be larger than the queue.
        queue = None if any(name in environment for name in QUEUE_SIZES) else QUEUE
        message = None if QUEUE_SIZES[1] in environment else MESSAGE
        sender = _sender(settings, process, self._context)
        self._processor: Any = BatchSpanProcessor(sender, max_queue_size=queue, max_export_batch_size=message)
        self._lock = threading.Lock()
        self._waiting: _Spans | None = None
        self._failed = False

    def wants(self, trace: int) -> bool:
        """By the chance in its id."""
        return trace % (1 << CHANCE_BITS) < self._most

    def send(self, span: Span) -> None:
        """Put a span into the queue, if its trace is wanted."""
        if not self.wants(span.place.trace):
            return
        try:
            self.send_encoded(traces.encode(span))
        except Exception:
            # Traces are for looking on: what is looked at goes on without them.
            if not self._failed:
                self._failed = True
                _log.warning("a span could not be sent", exc_info=True)

    def send_encoded(self, spans: bytes) -> None:
        """Put spans to those that wait, or else into the queue."""
        with self._lock:
            waiting = self._waiting
            if waiting is not None and not waiting.is_taken and len(waiting.parts) < PARTS:
                waiting.parts.append(spans)
                return
            self._waiting = waiting = _Spans(self._context, self._lock)
            waiting.parts.append(spans)
        self._processor.on_end(waiting)

    def close(self) -> None:
        """Send what still waits, for a moment at most: a collector that is away holds no process up."""
        closing = threading.Thread(target=self._processor.shutdown, name="last traces", daemon=True)
        closing.start()
        closing.join(LAST_SECONDS)


def _sender(settings: Settings, process: str, context: Any) -> Any:
    """The library's own exporter, which knows addresses, headers, certificates, compression, and when to try again."""
    from opentelemetry.exporter.otlp.proto.http import trace_exporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    environment = settings.environment
    about = {"service.version": __version__, "cargo.process": process}
    if "OTEL_SERVICE_NAME" not in environment and "service.name=" not in environment.get("OTEL_RESOURCE_ATTRIBUTES", ""):
        about["service.name"] = "cargo-ai"
    library: Any = trace_exporter
    scope = InstrumentationScope("cargo_ai", __version__)
    example = ReadableSpan("example", context, resource=Resource.create(about), instrumentation_scope=scope)
    common = library.encode_spans([example]).resource_spans[0]
    encoded = common.resource.SerializeToString(), common.scope_spans[0].scope.SerializeToString()
    _let_encoded_pass(library)

    class Sender(trace_exporter.OTLPSpanExporter):
        def export(self, spans: Sequence[Any]) -> Any:
            message: Any = _Message(spans, *encoded)
            return super().export(message)

    endpoint = settings.otlp_endpoint
    return Sender(endpoint=f"{endpoint.removesuffix(PATH)}{PATH}" if endpoint else None)


def _let_encoded_pass(library: Any) -> None:
    """Have the library's exporter send what is encoded already: it encodes by a function of its module, which takes objects of spans."""
    of_objects: Callable[[Any], Any] = library.encode_spans

    def encode_spans(spans: Any) -> Any:
        return cast("object", spans) if isinstance(spans, _Message) else of_objects(spans)

    if of_objects.__module__ != __name__:
        library.encode_spans = encode_spans


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
        _log.warning("no traces are sent: OpenTelemetry's library or one of its variables cannot be used", error=str(error))
        return
    _exporters.append(exporter)
    traces.send_with(exporter)


def end() -> None:
    """Send what waits, at the end of a process."""
    traces.send_with(None)
    for exporter in _exporters:
        exporter.close()
    _exporters.clear()
