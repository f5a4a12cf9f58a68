"""File sources: a file list opened with the account of a connector, which says in words what keeps it from being read."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, cast

from cargo_ai.context.process import Services
from cargo_ai.domains.connection.extraction import SourceFault, fault_of, open_account, refuse_halted, request_of
from cargo_ai.integrations.kit import Download, ExtractRequest, FileList, Integration, ListedFile, read

Json = Any


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file list, opened with an account. What it raises is SourceFault, without secrets."""

    connector: uuid.UUID
    integration: Integration
    listed: FileList
    request: ExtractRequest

    async def files(self) -> AsyncIterator[Sequence[ListedFile]]:
        """All files there are, page by page."""
        try:
            async with aclosing(cast("Any", self.listed.files(self.request))) as pages:
                async for page in cast("AsyncIterator[Sequence[ListedFile]]", pages):
                    yield page
        except Exception as error:
            raise self._fault(error) from None

    async def download(self, file: str, to: Download) -> None:
        """The bytes of a file."""
        try:
            await self.listed.download(self.request, file, to)
        except Exception as error:
            raise self._fault(error) from None

    def _fault(self, error: Exception) -> SourceFault:
        return fault_of(error, self.integration, self.connector, self.request.sensitive)


def check_config(integration: Integration, slug: str, config: Mapping[str, Json]) -> str | None:
    """A sentence where an integration has no such file list, or the config is not one of it (`config: …`)."""
    listed = integration.file_list(slug)
    if listed is None:
        known = ", ".join(one.slug for one in integration.file_lists)
        has = f"it has: {known}." if known else "its extractors give records, which belong into models." if integration.extractors else ""
        return f"{integration.name} has no extractor {slug[:100]} that gives files{'; ' if has else '.'}{has}"
    try:
        read(listed.form, config)
    except Exception as error:
        return f"The config does not fit: {fault_of(error, integration, uuid.UUID(int=0), ())}"
    return None


async def open_files(services: Services, workspace: uuid.UUID, connector: uuid.UUID, slug: str, config: Mapping[str, Json]) -> FileSource:
    """A file list with the account of a connector of the workspace. SourceFault says why there is not one."""
    account, integration = await open_account(services, workspace, connector)
    listed = integration.file_list(slug)
    if listed is None:
        raise SourceFault("integrationNotCompatible", check_config(integration, slug, config) or "")
    refuse_halted(account, integration, connector)
    return FileSource(connector, integration, listed, request_of(services, workspace, integration, account, slug, config))
