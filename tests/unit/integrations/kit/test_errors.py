"""The error table: which rule an answer falls under, and what the vendor said."""

from __future__ import annotations

from typing import Any

import pytest

from cargo_ai.integrations.kit.errors import ErrorRule, rule_of, words_of

SLACK = ErrorRule("fail", status=200, path="ok", text="^false$", reason="slack")
SALESFORCE = ErrorRule("wait", status=403, path="*.errorCode", text="REQUEST_LIMIT_EXCEEDED")
PLAN = ErrorRule("fail", status=429, header="x-plan: used up", reason="planUsedUp")
GONE = ErrorRule("ignore", status=range(410, 412))


@pytest.mark.parametrize(
    ("rules", "status", "headers", "body", "then", "reason"),
    [
        ((SLACK,), 200, {}, {"ok": False, "error": "not_in_channel"}, "fail", "slack"),
        ((SLACK,), 200, {}, {"ok": True}, None, None),
        ((SALESFORCE,), 403, {}, [{"errorCode": "REQUEST_LIMIT_EXCEEDED"}], "wait", None),
        ((SALESFORCE,), 403, {}, [{"errorCode": "INSUFFICIENT_ACCESS"}], "fail", "forbidden"),
        ((PLAN,), 429, {"x-plan": "All Used Up"}, None, "fail", "planUsedUp"),
        ((PLAN,), 429, {}, None, "wait", "rateLimited"),
        ((GONE,), 410, {}, None, "ignore", None),
        ((), 503, {}, "<html>", "retry", "serviceUnavailable"),
        ((), 422, {}, None, "fail", "invalidRequest"),
        ((), 304, {}, None, None, None),
    ],
)
def test_the_first_rule_that_fits_decides(
    rules: tuple[ErrorRule, ...], status: int, headers: dict[str, str], body: Any, then: str | None, reason: str | None
) -> None:
    rule = rule_of(rules, status, headers, body)
    assert (then, reason) == (None, None) if rule is None else (rule.then, rule.reason) == (then, reason)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"message": "No such property", "errors": [{"message": "email"}]}, "No such property"),
        ({"error": {"code": 3, "message": "Quota"}}, "Quota"),
        ({"error": "invalid_grant", "error_description": "expired"}, "expired"),
        ({"errors": [{"title": "Bad", "detail": "Worse"}]}, "Worse"),
        ([{"errorCode": "X", "message": "Locked"}], "Locked"),
        ({"ok": False, "error": "not_in_channel"}, "not_in_channel"),
        ("Bad gateway", "Bad gateway"),
        ("<html><style>b {}</style><h1>Bad</h1>gateway", "Bad gateway"),
        ("<" * 100_000, "<" * 5_000),
        ({"code": 7}, ""),
        (None, ""),
    ],
)
def test_the_vendors_sentence_is_found(body: Any, words: str) -> None:
    assert " ".join(words_of(body).split()) == words
