"""What the domain adds to the server: the handlers of its operations, and downloads of queries."""

from __future__ import annotations

from cargo_ai.context.package import Package
from cargo_ai.domains.system_of_record import run_query

PACKAGE = Package(module=__package__ or "", downloads={"query": run_query.produce})
