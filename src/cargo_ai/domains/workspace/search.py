"""Search: ask each domain for its things that match, kind by kind, as far as the caller may see them."""

from __future__ import annotations

from cargo_ai.context.context import Context
from cargo_ai.context.handlers import handles
from cargo_ai.context.search_kinds import Wanted
from cargo_ai.contract.workspace import search as contract


@handles(contract.find)
async def find(ctx: Context, request: contract.Search) -> contract.SearchReply:
    """What matches, a few of each kind."""
    wanted = Wanted.of(request.text, request.limit)
    hits: list[contract.Hit] = []
    more: list[contract.HitKind] = []
    for kind in ctx.services.hooks.search_kinds:
        if not ctx.who.may(kind.permission) or (request.kinds is not None and kind.kind not in request.kinds):
            continue
        matching = await kind.find(ctx.db, ctx.workspace, wanted)
        hits += matching[: request.limit]
        if len(matching) > request.limit:
            more.append(kind.kind)
    return contract.SearchReply(hits=hits, more=more)
