"""What the domain adds to the server: the handlers of its operations, and chores."""

from __future__ import annotations

from cargo_ai.context.package import Package
from cargo_ai.domains.workspace import usage

PACKAGE = Package(module=__package__ or "", chores={"add up what workspaces keep": lambda services: usage.fold(services.database)})
