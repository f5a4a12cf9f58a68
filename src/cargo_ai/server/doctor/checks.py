"""A check and what it found, with the fix where something is wrong."""

from __future__ import annotations

from typing import NamedTuple


class Check(NamedTuple):
    """One thing that a server needs. `fix`: what to do, where it is not there."""

    name: str
    ok: bool
    detail: str
    fix: str

    def document(self) -> dict[str, object]:
        """As it is printed."""
        shown: dict[str, object] = {"name": self.name, "ok": self.ok, "detail": self.detail}
        return shown if self.ok else {**shown, "fix": self.fix}
