"""Logging: one JSON line per event on stderr, with the id of the request or job that it belongs to."""

from __future__ import annotations

import logging
import sys
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any, TextIO, cast

# Where they are installed, structlog would load these for tracebacks in colour, which we do not write: 4 MB of every process.
_UNUSED = [name for name in ("rich", "better_exceptions") if name not in sys.modules]
sys.modules.update(cast("dict[str, ModuleType]", dict.fromkeys(_UNUSED)))
import structlog  # noqa: E402

for _name in _UNUSED:
    del sys.modules[_name]

SECRET_WORDS = ("token", "secret", "password", "authorization", "apikey", "api_key", "credential")


_processors: list[Any] = []


def _mask(_logger: Any, _method: str, event: Any) -> Any:
    for key in event:
        if any(word in key.lower() for word in SECRET_WORDS) and event[key] is not None:
            event[key] = "***"
    return event


class _Stderr:
    """What is `sys.stderr` when a line is written: loggers that were used before it was exchanged go on with the new one."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


class _LibraryLines(logging.Formatter):
    """What libraries log, as the same lines as our own."""

    def format(self, record: logging.LogRecord) -> str:
        event: Any = {"source": record.name, "event": record.getMessage()}
        if record.exc_info:
            event["exc_info"] = record.exc_info
        for processor in structlog.get_config()["processors"]:
            event = processor(None, record.levelname.lower(), event)
        return str(event)


def setup(*, debug: bool = False, quiet: bool = False, human: bool | None = None) -> None:
    """Configure logging for this process; people at a terminal get readable lines, everything else JSON. `quiet`: warnings at least."""
    readable = sys.stderr.isatty() if human is None else human
    level = logging.DEBUG if debug else logging.WARNING if quiet else logging.INFO
    # The list stays the same: loggers that were used before keep it.
    _processors[:] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _mask,
        structlog.processors.format_exc_info,
        structlog.dev.ConsoleRenderer() if readable else structlog.processors.JSONRenderer(),
    ]
    structlog.configure(
        processors=_processors,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=cast("TextIO", _Stderr())),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_LibraryLines())
    logging.basicConfig(level=logging.DEBUG if debug else logging.WARNING, handlers=[handler])
    logging.captureWarnings(True)


def about(**ids: str | None) -> AbstractContextManager[None]:
    """Until it is left, every event of this task carries these ids: of a request, a run, a batch. None: an id that there is not."""
    return structlog.contextvars.bound_contextvars(**{name: value for name, value in ids.items() if value is not None})


def get(name: str) -> Any:
    """A logger whose events carry the module's name as `source`."""
    # Bound at its first event, so that a module can get it before `setup`.
    return structlog.get_logger(source=name)
