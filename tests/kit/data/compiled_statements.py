"""Let all databases of a process of tests share what SQLAlchemy has compiled, as all requests of a server do.

It keeps that by engine and dialect: with a database for each test every statement is compiled again, which takes longer than the statement.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from cargo_ai.store import session

_dialects: list[Dialect] = []
"""The first one that has seen its database, or those that have not yet."""
_compiled: list[Any] = []


def _create(url: str, **options: Any) -> AsyncEngine:
    engine = create_async_engine(url, **options)
    own = engine.sync_engine
    known = next((dialect for dialect in _dialects if getattr(dialect, "server_version_info", None)), None)
    if known is None:
        _dialects.append(own.dialect)
        return engine
    _dialects[:] = [known]
    if not _compiled:
        _compiled.append(own._compiled_cache)  # pyright: ignore[reportPrivateUsage]
    own.dialect, own._compiled_cache = known, _compiled[0]  # pyright: ignore[reportPrivateUsage]
    return engine


def share() -> None:
    """Begin with it."""
    session.create_async_engine = _create  # pyright: ignore[reportPrivateImportUsage]
