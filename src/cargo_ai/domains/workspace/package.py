"""What the domain adds to the server: the handlers of its operations, and chores."""

from __future__ import annotations

from cargo_ai.context.package import Package
from cargo_ai.context.process import Services
from cargo_ai.domains.workspace import upload_store, usage


async def _remove_uploads(services: Services) -> None:
    await upload_store.remove_expired(services.database, services.files)
    await upload_store.remove_unused(services)


PACKAGE = Package(
    module=__package__ or "",
    chores={
        "add up what workspaces keep": lambda services: usage.fold(services.database),
        "remove uploads that nothing reads": _remove_uploads,
    },
)
