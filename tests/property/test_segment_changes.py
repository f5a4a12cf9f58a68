"""Changes of segments equal a plain comparison in Python, whatever is written in between, by log or in full, with limits and relations."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from tests.kit.api_client import ApiClient
from tests.unit.domains.segmentation.conftest import above, compared, counts, kinds, segment_of, where

Record = dict[str, Any]
Records = dict[str, Record]
Members = dict[str, Any]
Rule = Callable[[Records, dict[str, set[str]]], Members]
WORDS = [None, "", "a", "b"]


def by_number(records: Records, _: dict[str, set[str]]) -> Members:
    """More than 5; all columns count."""
    return {uid: tuple(one.items()) for uid, one in records.items() if one["n"] is not None and one["n"] > 5}


def by_word(records: Records, _: dict[str, set[str]]) -> Members:
    """Not "a", which keeps nulls; the number alone counts."""
    return {uid: one["n"] for uid, one in records.items() if one["word"] != "a"}


def top(records: Records, _: dict[str, set[str]]) -> Members:
    """The three with the highest numbers, nulls last, ties by id."""
    ordered = sorted(records, key=lambda uid: (records[uid]["n"] is None, -(records[uid]["n"] or 0), uid))
    return {uid: records[uid]["word"] for uid in ordered[:3]}


def related(records: Records, deals: dict[str, set[str]]) -> Members:
    """Those with a deal; nothing of them counts."""
    return {uid: None for uid in records if deals.get(uid)}


def metric(records: Records, deals: dict[str, set[str]]) -> Members:
    """Everybody; the number of deals counts."""
    return {uid: len(deals.get(uid, ())) for uid in records}


def expected(before: Members, now: Members) -> dict[str, str]:
    """The plain comparison."""
    found = {uid: "removed" for uid in before if uid not in now}
    for uid, value in now.items():
        found[uid] = "added" if uid not in before else "updated" if before[uid] != value else "unchanged"
    return found


async def write(api: ApiClient, model: str, deals: str, rng: random.Random, records: Records, has: dict[str, set[str]]) -> None:
    """One random write of one or several records or deals, here and there."""
    uid = f"r{rng.randrange(12)}"
    match rng.randrange(6):
        case 0:
            fresh = [f"r{at}" for at in rng.sample(range(12), 4) if f"r{at}" not in records]
            rows: list[Record] = [{"id": one, "n": rng.choice([None, *range(10)]), "word": rng.choice(WORDS)} for one in fresh]
            if rows:
                await api.add(model, *rows)
                records.update({str(row["id"]): row for row in rows})
        case 1 if uid in records:
            await api.call("storage.record.remove", modelUuid=model, id=uid)
            del records[uid]
        case 2 | 3 if uid in records:
            data = {"n": rng.choice([None, *range(10)])} if rng.random() < 0.6 else {"word": rng.choice(WORDS)}
            await api.call("storage.record.update", modelUuid=model, id=uid, data=data)
            records[uid] = records[uid] | data
        case 4:
            deal = f"d{rng.randrange(1_000_000)}"
            await api.add(deals, {"id": deal, "owner": uid})
            has.setdefault(uid, set()).add(deal)
        case 5 if has.get(uid):
            await api.call("storage.record.remove", modelUuid=deals, id=has[uid].pop())
        case _:
            pass


async def models(api: ApiClient) -> tuple[str, str]:
    """A model of numbers and words, and one of deals that belong to them, which are counted."""
    kinds_of = {"id": "string", "n": "number", "word": "string"}
    columns = [{"slug": slug, "type": kind, "label": ""} for slug, kind in kinds_of.items()]
    model = await api.model("things", columns=columns, idColumnSlug="id", titleColumnSlug="id")
    columns = [{"slug": slug, "type": "string", "label": ""} for slug in ("id", "owner")]
    deals = await api.model("deals", columns=columns, idColumnSlug="id", titleColumnSlug="id")
    pair = {"fromModelUuid": model, "fromColumnSlug": "id", "toModelUuid": deals, "toColumnSlug": "owner", "relation": "oneToMany"}
    made = await api.call("storage.relationship.set", **pair)
    link = (made.get("relationship") or made["relationships"][0])["uuid"]
    aggregation = {"function": "COUNT", "columnSlug": "_id"}
    await api.column(model, kind="metric", slug="deals", type="number", relationshipUuid=link, aggregation=aggregation)
    return model, deals


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
async def test_changes_equal_a_plain_comparison_over_random_writes(api: ApiClient, seed: int) -> None:
    rng, records, has = random.Random(seed), Records(), dict[str, set[str]]()
    model, deals = await models(api)
    word = {"kind": "string", "columnSlug": "word", "operator": "isNot", "values": ["a"]}
    owner = {"kind": "string", "relatedModelUuid": deals, "columnSlug": "id", "operator": "isNotNull"}
    high = [{"columnSlug": "n", "kind": "desc"}]
    segments: dict[str, tuple[Rule, Members]] = {
        await segment_of(api, model, above(5, "n"), trackingColumnSlugs=["id", "n", "word"]): (by_number, {}),
        await segment_of(api, model, where(word), trackingColumnSlugs=["n"]): (by_word, {}),
        await segment_of(api, model, sort=high, limit=3, trackingColumnSlugs=["word"]): (top, {}),
        await segment_of(api, model, where(owner), trackingColumnSlugs=[]): (related, {}),
        await segment_of(api, model, trackingColumnSlugs=["deals"]): (metric, {}),
    }
    made: list[tuple[dict[str, Any], dict[str, str]]] = []
    for _ in range(8):
        for _ in range(rng.randrange(1, 6)):
            await write(api, model, deals, rng, records, has)
        for segment, (rule, before) in segments.items():
            now = rule(records, has)
            change = await compared(api, segment)
            wanted = expected(before, now)
            assert await kinds(api, change, "added", "updated", "removed", "unchanged") == wanted, rule.__doc__
            reported = [list(wanted.values()).count(kind) for kind in ("added", "updated", "removed", "unchanged")]
            assert counts(change) == (*reported, len(now))
            segments[segment] = (rule, now)
            made.append((change, wanted))
    # Looked at afterwards, each change still has what it had.
    for change, wanted in made:
        assert await kinds(api, change, "added", "updated", "removed", "unchanged") == wanted
