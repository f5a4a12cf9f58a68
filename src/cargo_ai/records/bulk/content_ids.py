"""Ids for records that bring none, made from their values: the same values twice are the same records."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import blake2b

from cargo_ai.store.driver import Connection, execute, fetch

MAX_IN_MEMORY = 20_000
_SPECIAL = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def escape(text: str) -> str:
    """The text as COPY's text format has it, and ids are made of it: without tabs and line breaks."""
    return text.translate(_SPECIAL)


def content_id(original: Iterable[tuple[str, str]], other: Iterable[tuple[str, str]]) -> str:
    """The id of a record with these values, as the database reads them and escaped, each under its slug, in the order of the slugs.

    Empty ones count for nothing, so that a file's kind and what it leaves out make no difference. The values of `other` columns, which
    were added to the model later, count where there are none of `original` ones: filling them in makes no other record.
    """
    named = _label_values(original) or _label_values(other)
    return str(uuid.UUID(bytes=blake2b("\n".join(named).encode(), digest_size=16).digest(), version=5))


def _label_values(values: Iterable[tuple[str, str]]) -> list[str]:
    return [f"{slug}\t{value}" for slug, value in values if value]


class IdCounter:
    """How often each id came so far in what comes in: some in memory, in the transaction's own table where they are many."""

    def __init__(self) -> None:
        self._kept: Counter[str] | None = Counter()

    async def make_unique(self, connection: Connection, uids: Sequence[str]) -> list[str]:
        """The same ids where each comes for the first time; the second of one ends in `-2`, and so on."""
        before = await self._before(connection, Counter(uids))
        unique: list[str] = []
        for uid in uids:
            before[uid] += 1
            unique.append(uid if before[uid] == 1 else f"{uid}-{before[uid]}")
        return unique

    async def _before(self, connection: Connection, counts: Counter[str]) -> dict[str, int]:
        """How often each came before; they are counted."""
        if self._kept is not None:
            before = {uid: self._kept[uid] for uid in counts}
            self._kept.update(counts)
            if len(self._kept) > MAX_IN_MEMORY:
                await execute(connection, "create temp table content_ids (_id text primary key, n bigint not null) on commit drop")
                await _count_in_table(connection, self._kept)
                self._kept = None
            return before
        return {uid: n - counts[uid] for uid, n in await _count_in_table(connection, counts)}


async def _count_in_table(connection: Connection, counts: Counter[str]) -> list[tuple[str, int]]:
    """Count them in the table; how often each came by now."""
    add = "insert into content_ids as c (_id, n) select * from unnest(%s::text[], %s::bigint[]) "
    add += "on conflict (_id) do update set n = c.n + excluded.n returning _id, n"
    return [(str(uid), int(n)) for uid, n in await fetch(connection, add, [list(counts), list(counts.values())])]
