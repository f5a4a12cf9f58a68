"""How Slack is called: its address, what its errors mean (most come with status 200), and how fast calls may come."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

from cargo_ai.integrations.kit import (
    Answer,
    ErrorRule,
    Policy,
    Route,
    Service,
    ServiceSpec,
    cursor,
    items_of,
    object_of,
    unexpected,
)
from cargo_ai.integrations.kit.errors import at

Json = Any
PAGE = 200
_CREDENTIALS = "^(invalid_auth|not_authed|account_inactive|token_revoked|token_expired|no_permission|org_login_required)$"
_GONE = "^(channel_not_found|message_not_found|thread_not_found|users?_not_found)$"
_TEMPORARY = "^(fatal_error|internal_error|service_unavailable|request_timeout|team_added_to_org)$"

_MEANINGS: Mapping[str, str] = {
    "channel_not_found": "there is no such channel, or it is a private one that the app is not in: invite the app with /invite",
    "not_in_channel": "the app is not in that channel: invite it with /invite",
    "is_archived": "the channel is archived",
    "msg_too_long": "the text is longer than 40,000 characters",
    "no_text": "there is neither a text nor blocks",
    "users_not_found": "no one in this workspace has that e-mail address",
    "user_not_found": "there is no such person in this workspace",
    "user_disabled": "that person is deactivated",
    "thread_not_found": "there is no message with that `threadTs` in the channel",
    "message_not_found": "there is no message with that `ts` in the channel",
    "cant_update_message": "only messages of the app itself can be changed",
    "name_taken": "there is a channel with that name already",
    "restricted_action": "the workspace's settings do not allow it",
    "invalid_auth": "the token is not valid: copy the bot token (xoxb-…) again from the app's page OAuth & Permissions",
    "token_revoked": "the token was revoked: install the app again and put the new bot token into the connector",
    "account_inactive": "the app was removed from the workspace: install it again and put the new bot token into the connector",
}


def words(body: Json) -> str:
    """Slack's code with what it means, the scope that is missing, and the messages about single blocks."""
    if not isinstance(body, Mapping):
        return body if isinstance(body, str) else ""
    answer = cast("Mapping[str, Json]", body)
    code = str(answer.get("error") or "")
    meaning = _MEANINGS.get(code, "")
    if code == "missing_scope":
        meaning = f"the app lacks the scope {answer.get('needed')}: add it on the page OAuth & Permissions and install the app again"
    details = [str(message) for message in at(answer, "response_metadata.messages.*")]
    return "; ".join(part for part in (f"{code} ({meaning})" if meaning else code, *details) if part)


def _answer(then: Any, error: str, reason: str, message: str = "{said}.") -> ErrorRule:
    return ErrorRule(then, status=200, path="error", text=error, message=message, reason=reason)


ERRORS = (
    _answer("refresh_then_retry", _CREDENTIALS, "unauthorized"),
    _answer("fail", "^missing_scope$", "forbidden"),
    _answer("fail", _GONE, "notFound"),
    _answer("fail", "^name_taken$", "conflict"),
    _answer("wait", "^(ratelimited|rate_limited|message_limit_exceeded)$", "rateLimited"),
    _answer("retry", _TEMPORARY, "serviceUnavailable"),
    ErrorRule("fail", status=200, path="ok", text="^false$", message="{said}.", reason="invalidRequest"),
)


def _tier(calls: int, *methods: str) -> tuple[Policy, ...]:
    """Calls of each method in a minute, for all tokens of the app in a workspace."""
    return tuple(Policy(calls, 60, Route("*", f"/{method}"), scope="account", strategy="burst") for method in methods)


POLICIES = (
    Policy(1, 1, Route("POST", "/chat.postMessage"), scope="resource"),
    *_tier(20, "conversations.list", "conversations.create", "users.list"),
    *_tier(50, "chat.update", "users.lookupByEmail", "conversations.invite"),
)

SERVICE = ServiceSpec(base_url="https://slack.com/api", errors=ERRORS, policies=POLICIES, words=words)


async def read(service: Service, method: str, **arguments: Json) -> Mapping[str, Json]:
    """What a method answers that changes nothing. ServiceError for everything that is not `ok`."""
    return _body(await service.get(f"/{method}", query=arguments), changes=False)


async def write(service: Service, method: str, *, resource: str = "", **arguments: Json) -> Mapping[str, Json]:
    """The same of a method that changes something. `resource`: the channel whose limit counts."""
    return _body(await service.call("POST", f"/{method}", json=arguments, resource=resource), changes=True)


def _body(answer: Answer, *, changes: bool) -> Mapping[str, Json]:
    body = object_of("Slack", answer, sent=changes)
    if body.get("ok") is not True:
        raise unexpected("Slack", answer, sent=changes)
    return body


async def channels(service: Service) -> AsyncIterator[Mapping[str, Json]]:
    """Every channel that the app may see and that is not archived, page by page."""
    query = {"types": "public_channel,private_channel", "exclude_archived": True, "limit": PAGE}
    async for channel in _listed(service, "conversations.list", query, "channels"):
        yield channel


async def users(service: Service) -> AsyncIterator[Mapping[str, Json]]:
    """Every person and app of the workspace, page by page."""
    async for user in _listed(service, "users.list", {"limit": PAGE}, "members"):
        yield user


async def _listed(service: Service, method: str, query: Mapping[str, Json], items: str) -> AsyncIterator[Mapping[str, Json]]:
    pages = cursor(
        lambda meta: service.get(f"/{method}", query={**query, "cursor": meta}), items=items, next="response_metadata.next_cursor"
    )
    async for item in items_of(pages):
        yield cast("Mapping[str, Json]", item)


async def user_by_email(service: Service, email: str) -> Mapping[str, Json]:
    """The person with this e-mail address. ServiceError `notFound` without one."""
    return (await read(service, "users.lookupByEmail", email=email.strip()))["user"]
