"""Named users: what uses a thing, by kind, name and uuid, in the refusal to remove it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from cargo_ai.context.context import Context
from cargo_ai.kernel.wire import JsonObject

SHOW = {
    "agent": "ai agent get",
    "alert": "observability alert get",
    "library": "content library get",
    "model": "storage model get",
    "play": "orchestration play get",
    "segment": "segmentation segment get",
    "tool": "orchestration tool get",
}
"""The command that shows a thing, by its kind."""
_IN_A_SENTENCE = 5
_IN_DETAILS = 100


@dataclass(frozen=True, slots=True)
class NamedUsers:
    """Things that use another. who: their kinds, and their uuids or, where they have none, a text. names: as far as the caller may see."""

    who: tuple[tuple[str, object], ...]
    names: dict[object, str]

    @classmethod
    async def of(cls, ctx: Context, users: Sequence[tuple[str, object]]) -> Self:
        """Ask the domains what those of a refusal are called."""
        names: dict[object, str] = {}
        for kind in ctx.services.hooks.search_kinds:
            uuids = [user for of, user in users[:_IN_DETAILS] if of == kind.kind and isinstance(user, uuid.UUID)]
            if uuids and kind.names is not None and ctx.who.may(kind.permission):
                names |= await kind.names(ctx.db, uuids)
        return cls(tuple(users), names)

    def only(self, *kinds: str) -> NamedUsers:
        """Those of these kinds."""
        return NamedUsers(tuple(user for user in self.who if user[0] in kinds), self.names)

    @property
    def sentence(self) -> str:
        """The first five as a part of a sentence: `play "Score companies", segment "Big"`."""
        shown = [f'{kind} "{self.names[user]}"' if user in self.names else f"{kind} {user}" for kind, user in self.who[:_IN_A_SENTENCE]]
        more = len(self.who) - len(shown)
        return ", ".join(shown) + (f" and {more} more" if more else "")

    @property
    def details(self) -> list[JsonObject]:
        """At most 100 of them."""
        return [{"kind": kind, "uuid": str(user), "name": self.names.get(user)} for kind, user in self.who[:_IN_DETAILS]]

    @property
    def fix(self) -> str | None:
        """The command that shows the first that one shows."""
        return next((f"cargo-ai {SHOW[kind]} {user}" for kind, user in self.who if kind in SHOW), None)
