"""Policies: which calls they count, where, and under which name."""

from __future__ import annotations

import pytest

from cargo_ai.engine.limits.policy import CallShape, Owner, Policy, Route, account_key, counted
from cargo_ai.kernel.secrets import SecretKey

SEARCH = CallShape("search", "POST", "/crm/v3/objects/contacts/search")
ME = Owner("connector:1", "account:a")


@pytest.mark.parametrize(
    ("match", "covers"),
    [
        (None, True),
        ("search", True),
        ("upsert", False),
        (("upsert", "search"), True),
        (Route("POST"), True),
        (Route("GET POST", "/crm/**"), True),
        (Route("*", "/crm/v3/objects/*/search"), True),
        (Route("*", "/crm/v3/objects/{type}/search"), True),
        (Route("*", "/crm/*/search"), False),
        (Route("GET", "/crm/**"), False),
        (Route("*", "/crm/v3/objects/contact./search"), False),
    ],
)
def test_a_policy_counts_the_calls_that_it_matches(match: str | tuple[str, ...] | Route | None, covers: bool) -> None:
    assert Policy(1, 1.0, match).covers(SEARCH) is covers


def test_calls_are_counted_per_connector_account_or_resource() -> None:
    policies = [Policy(5, 1.0), Policy(9, 60.0, scope="account"), Policy(1, 1.0, "post", scope="resource")]
    keys = counted(ME, policies, CallShape("post", resource="C1")).keys
    assert keys[1] == "account:a|all/60" and keys[2] == "connector:1|all/1"
    assert keys[0].startswith("account:a:") and keys[0].endswith("|post/1") and "C1" not in keys[0]
    assert counted(ME, policies, SEARCH).keys == ("account:a|all/60", "connector:1|all/1")
    assert counted(Owner("connector:1"), policies, SEARCH).keys == ("connector:1|all/1", "connector:1|all/60")


def test_a_call_may_count_more_than_once_or_not_at_all() -> None:
    policies = [Policy(5, 1.0, cost=lambda call: 3 if call.action == "search" else 0), Policy(2, 60.0, cost=9)]
    assert counted(ME, policies, SEARCH).costs == (3, 2)
    assert counted(ME, policies, CallShape("read")).costs == (2,)


def test_a_connectors_limit_keeps_its_count_when_it_is_changed() -> None:
    limits = [{"unit": "minute", "max": 100, "strategy": "spread"}, {"unit": "second", "max": 5, "strategy": "burst"}]
    assert len({counted(ME, [Policy.of_connector(limit)], SEARCH).keys for limit in limits}) == 1


def test_an_account_is_known_by_a_keyed_hash_and_not_by_its_secret() -> None:
    ours, theirs = SecretKey(b"a" * 32), SecretKey(b"b" * 32)
    key = account_key(ours, "hubspot", "pat-secret-token")
    assert key == account_key(ours, "hubspot", "pat-secret-token")
    assert len({key, account_key(theirs, "hubspot", "pat-secret-token"), account_key(ours, "attio", "pat-secret-token")}) == 3
    assert "secret" not in key


@pytest.mark.parametrize(("most", "seconds"), [(0, 1.0), (1, 0.0), (1, 86401.0)])
def test_a_policy_that_cannot_be_is_refused(most: int, seconds: float) -> None:
    with pytest.raises(ValueError, match="positive number of calls"):
        Policy(most, seconds)
    with pytest.raises(ValueError, match="name"):
        Policy(1, 1.0, lambda call: bool(call.path))
