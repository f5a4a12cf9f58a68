"""What the domain adds to the server: the handlers of its operations."""

from __future__ import annotations

from cargo_ai.context.package import Package

PACKAGE = Package(module=__package__ or "")
