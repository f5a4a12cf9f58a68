"""Questions that people ask of this project's own guide and decisions, in words of their own, each with the page that answers it.

A question counts as answered when a passage of its page is among the best five. Those of the part "tuning" may decide how the search is
set; those of the part "heldOut" are only measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cargo_ai.domains.content.retrieval.chunks import Piece, cut
from cargo_ai.files.documents import plain

Part = Literal["tuning", "heldOut"]
ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and the page that answers it."""

    text: str
    page: str
    part: Part


_TUNING = {
    "How do I get notified by mail when people are invited?": "docs/guide/people-and-emails.md",
    "my machine has little memory, how large a server do I need": "docs/guide/sizing.md",
    "where can I see why a workflow broke last night": "docs/guide/find-out-what-went-wrong.md",
    "put the server behind systemd or a container": "docs/guide/install.md",
    "limit how much money a team may burn each month": "docs/guide/know-what-it-costs.md",
    "let Claude or another assistant call our tools": "docs/guide/mcp.md",
    "keep CRM contacts current without writing code": "docs/guide/models-that-fill-themselves.md",
    "start something when a lead enters a list": "docs/guide/plays.md",
    "write a plugin for a vendor you do not support": "docs/guide/your-own-integration.md",
    "make and bring back a copy of all data": "docs/guide/operate.md",
    "how is the API protected against calls into my internal network": "docs/decisions/0005-outbound-guard.md",
    "why not just use ts_rank": "docs/decisions/0027-search-in-files.md",
    "undo a deletion of a model": "docs/decisions/0020-bin.md",
    "is user code isolated from the machine": "docs/decisions/0007-sandboxes.md",
    "which third-party packages are used and for what reason": "docs/decisions/0004-dependencies.md",
    "how can answers be watched while they are being written": "docs/decisions/0026-live-answers.md",
}
_HELD_OUT = {
    "use a login of Google instead of pasting a secret": "docs/guide/connect-an-account.md",
    "call it out of a notebook with pandas": "docs/guide/sdk.md",
    "ready-made examples to begin with": "docs/guide/templates.md",
    "what damage could a robot do in my account": "docs/guide/what-an-agent-may-do.md",
    "load a spreadsheet of companies": "docs/guide/your-data.md",
    "make a bot that answers questions": "docs/guide/your-first-agent.md",
    "give colleagues fewer rights": "docs/guide/your-team.md",
    "click around instead of typing commands": "docs/guide/console.md",
    "connect our in-house service over HTTP": "docs/guide/custom-integrations.md",
    "my very first automation": "docs/guide/first-workflow.md",
    "where does the database come from when none is installed": "docs/decisions/0002-embedded-postgres.md",
    "may people query the tables themselves safely": "docs/decisions/0009-user-sql.md",
    "what is written to disk and where": "docs/decisions/0014-data-folder.md",
    "how do we take payments by card": "docs/decisions/0022-billing.md",
    "many records in one request to a vendor": "docs/decisions/0018-row-batching.md",
    "graphs of load in Grafana": "docs/decisions/0029-metrics.md",
}
QUESTIONS: tuple[Asked, ...] = (
    *(Asked(text, page, "tuning") for text, page in _TUNING.items()),
    *(Asked(text, page, "heldOut") for text, page in _HELD_OUT.items()),
)


def pages() -> Iterator[tuple[str, list[Piece]]]:
    """The pages of the guide and the decisions, by path, and their passages."""
    for path in sorted([*(ROOT / "docs/guide").glob("*.md"), *(ROOT / "docs/decisions").glob("*.md")]):
        yield str(path.relative_to(ROOT)), list(cut(plain.markdown(path.read_text("utf-8"))))
