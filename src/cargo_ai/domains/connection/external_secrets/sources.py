"""Read secrets from where references say they are, and remember them for a minute."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cargo_ai.domains.connection.external_secrets.aws import Aws
from cargo_ai.domains.connection.external_secrets.azure import Azure
from cargo_ai.domains.connection.external_secrets.google import Google
from cargo_ai.domains.connection.external_secrets.local import Files, Variables
from cargo_ai.domains.connection.external_secrets.reference import Place, SecretUnavailable, Source, parse
from cargo_ai.domains.connection.external_secrets.vault import Vault
from cargo_ai.kernel import clock
from cargo_ai.kernel.settings import Settings

FRESH_SECONDS = 60.0
# What was read is used for longer where its place cannot be asked, so that a restart of Vault stops no run.
STALE_SECONDS = 600.0
REFUSED_SECONDS = 2.0
MAX = 1000


@dataclass(slots=True)
class _Known:
    """What was read, and until when it is used. `error`: asking again has failed."""

    value: str | None
    read_at: float
    until: float
    error: SecretUnavailable | None = None


class ExternalSecrets:
    """All places of secrets; one per process."""

    def __init__(self, settings: Settings) -> None:
        self._sources: Mapping[Place, Source] = {
            "env": Variables(settings),
            "file": Files(settings),
            "vault": Vault(settings),
            "aws": Aws(settings),
            "google": Google(settings),
            "azure": Azure(settings),
        }
        self._known: dict[str, _Known] = {}
        self._reading: dict[str, asyncio.Lock] = {}

    def check(self, workspace: uuid.UUID, text: str) -> None:
        """SecretUnavailable for a text that is not a reference, or names what connectors of this workspace may not read."""
        reference = parse(text)
        self._sources[reference.place].check(workspace, reference)

    async def read_all(self, workspace: uuid.UUID, texts: Iterable[str], *, again: bool = False) -> dict[str, str]:
        """The secrets by their references. `again`: not from memory. SecretUnavailable for the first that cannot be had."""
        return {text: await self._read(workspace, text, again) for text in sorted(set(texts))}

    def forget(self) -> None:
        """Read everything again."""
        self._known.clear()

    async def _read(self, workspace: uuid.UUID, text: str, again: bool) -> str:
        self.check(workspace, text)
        asked = clock.seconds()
        # What a file's reference means depends on the workspace where the folder does.
        key = f"{workspace} {text}"
        async with self._reading.setdefault(key, asyncio.Lock()):
            known = self._known.get(key)
            # Others that wanted it again while this one waited have read it.
            if known is None or known.until <= clock.seconds() or (again and known.read_at < asked):
                known = await self._ask(workspace, text, None if again else known)
                self._remember(key, known)
        if known.error is not None:
            # A new one each time: its traceback grows with each place that raises it.
            raise SecretUnavailable(str(known.error), transient=known.error.transient)
        assert known.value is not None
        return known.value

    async def _ask(self, workspace: uuid.UUID, text: str, former: _Known | None) -> _Known:
        reference, now = parse(text), clock.seconds()
        try:
            value = await self._sources[reference.place].read(workspace, reference)
        except SecretUnavailable as error:
            usable = error.transient and former is not None and former.value is not None and now - former.read_at < STALE_SECONDS
            if usable and former is not None:
                return _Known(former.value, former.read_at, now + REFUSED_SECONDS)
            return _Known(None, now, now + REFUSED_SECONDS, error)
        return _Known(value, now, now + FRESH_SECONDS)

    def _remember(self, key: str, known: _Known) -> None:
        if len(self._known) >= MAX:
            self._known.clear()
            self._reading.clear()
        self._known[key] = known
