"""What is sent to a collector of traces, and that nothing depends on it."""

from __future__ import annotations

import sys
from collections.abc import Generator
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from cargo_ai.kernel import ids, traces
from cargo_ai.kernel.settings import Settings
from cargo_ai.kernel.traces import Place, Span
from cargo_ai.server.traces import exporter
from tests.kit.peers.trace_receiver import TraceReceiver, trace_receiver

EMPTY: dict[str, str | int | float] = {}


@pytest.fixture(autouse=True)
def ended() -> Generator[None]:
    yield
    exporter.end()


def span(trace: int | None = None) -> Span:
    return Span("a", "internal", Place(trace or ids.new().int, traces.chance_id()), 0, 1, 2, EMPTY)


def begin(receiver: TraceReceiver, **more: str) -> None:
    exporter.begin(Settings({"CARGO_AI_OTLP_ENDPOINT": receiver.url, **more}), "worker")


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({"CARGO_AI_OTLP_ENDPOINT": "http://localhost:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://localhost:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, False),
        ({"CARGO_AI_OTLP_ENDPOINT": "http://localhost:4318", "OTEL_SDK_DISABLED": "true"}, False),
        ({"CARGO_AI_OTLP_ENDPOINT": "http://localhost:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_a_collector_is_asked_for_by_a_setting_or_a_standard_variable(environment: dict[str, str], wanted: bool) -> None:
    assert exporter.is_wanted(Settings(environment)) is wanted


def test_without_a_collector_nothing_is_loaded_and_nothing_is_made() -> None:
    exporter.begin(Settings({}), "api")
    assert not traces.are_sent()
    traces.begin("run", ids.new(), ids.new())


def test_without_the_extra_the_process_goes_on_without_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    # A logger that was used before writes to where that was.
    monkeypatch.setattr(exporter, "_log", structlog.get_logger())
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with capture_logs() as lines:
        exporter.begin(Settings({"CARGO_AI_OTLP_ENDPOINT": "http://localhost:4318"}), "api")
    assert not traces.are_sent()
    assert any("pip install 'cargo-ai[otel]'" in line["event"] for line in lines)


def test_a_collector_that_never_answers_holds_up_nothing() -> None:
    """It ends while the collector still has the first request open."""
    with trace_receiver(is_silent=True) as receiver:
        begin(receiver)
        for _ in range(3 * exporter.QUEUE * exporter.PARTS):
            traces.send(span())
        exporter.end()
        assert not receiver.spans()


def test_of_a_share_of_traces_each_is_sent_whole_or_not_at_all() -> None:
    names = [ids.new().int for _ in range(400)]
    with trace_receiver() as receiver:
        begin(receiver, CARGO_AI_OTLP_PERCENT="25")
        for trace in names:
            traces.send(span(trace))
            traces.send(span(trace))
        exporter.end()
        sent = [received.trace for received in receiver.spans()]
    assert all(sent.count(trace) == 2 for trace in set(sent)) and 20 <= len(set(sent)) <= 200


def test_spans_wait_together_and_each_is_sent_once_however_they_are_taken() -> None:
    with trace_receiver() as receiver:
        begin(receiver)
        names = {ids.new().int for _ in range(3 * exporter.PARTS * exporter.MESSAGE + 1)}
        for trace in names:
            traces.send(span(trace))
        exporter.end()
        sent = [received.trace for received in receiver.spans()]
    assert len(sent) == len(names) and set(sent) == {f"{trace:032x}" for trace in names}


@pytest.mark.parametrize("variable", exporter.QUEUE_SIZES)
def test_the_sizes_of_the_standard_variables_hold(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "300")
    with trace_receiver() as receiver:
        begin(receiver, **{variable: "300"})
        traces.send(span())
        exporter.end()
        assert len(receiver.spans()) == 1


def test_a_span_that_cannot_be_made_breaks_nothing() -> None:
    with trace_receiver() as receiver:
        begin(receiver)
        broken: Any = span()._replace(attributes=7, started="never")
        traces.send(broken)
        traces.send(span())
