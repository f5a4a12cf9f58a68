"""The methods of the Web API: what each checks, does and answers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from tests.simulators.slack.control import Channel, Control, Refused, User

Json = Any
LONGEST_TEXT = 40_000
MAX_BLOCKS = 50
_NAME = re.compile(r"[a-z0-9_-]{1,80}")


@dataclass(frozen=True)
class Asked:
    """A call: the arguments of its form or JSON body, as texts or as they are."""

    control: Control
    arguments: Mapping[str, Json]

    def text(self, name: str, error: str) -> str:
        """An argument that is needed; refuses with this error where it is missing."""
        value = self.arguments.get(name)
        if value in (None, ""):
            raise Refused(error)
        return str(value)

    def channel(self) -> Channel:
        """The channel that is named by id, or by `#name` where the app may look it up."""
        wanted = self.text("channel", "channel_not_found")
        channel = self.control.channels.get(wanted) or next(
            (channel for channel in self.control.channels.values() if channel.name == wanted.removeprefix("#")), None
        )
        if channel is None or (channel.is_private and self.control.bot not in channel.members):
            raise Refused("channel_not_found")
        return channel


def _listed(asked: Asked, items: list[dict[str, Json]], key: str) -> dict[str, Json]:
    limit = int(asked.arguments.get("limit") or 100)
    if not 1 <= limit <= 1000:
        raise Refused("invalid_limit")
    cursor = str(asked.arguments.get("cursor") or "")
    if cursor and not cursor.isdigit():
        raise Refused("invalid_cursor")
    start = int(cursor or 0)
    after = str(start + limit) if start + limit < len(items) else ""
    return {key: items[start : start + limit], "response_metadata": {"next_cursor": after}}


def auth_test(asked: Asked) -> dict[str, Json]:
    """Whose token it is."""
    control = asked.control
    return {"url": "https://acme.slack.com/", "team": "Acme", "user": "cargo", "team_id": "T0000000001", "user_id": control.bot}


def _blocks(asked: Asked, name: str) -> list[Json] | None:
    value = asked.arguments.get(name)
    if value is None:
        return None
    try:
        blocks = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        raise Refused(f"invalid_{name}_format") from None
    if not isinstance(blocks, list) or len(cast("list[Json]", blocks)) > MAX_BLOCKS:
        raise Refused(f"invalid_{name}")
    for block in cast("list[Json]", blocks):
        if not isinstance(block, dict) or "type" not in block:
            raise Refused(
                f"invalid_{name}", response_metadata={"messages": [f"[ERROR] missing required field: type [json-pointer:/{name}/0]"]}
            )
    return cast("list[Json]", blocks)


def _content(asked: Asked) -> dict[str, Json]:
    text, blocks = str(asked.arguments.get("text") or ""), _blocks(asked, "blocks")
    if not text and not blocks:
        raise Refused("no_text")
    if len(text) > LONGEST_TEXT:
        raise Refused("msg_too_long")
    return {"text": text, **({"blocks": blocks} if blocks else {})}


def post_message(asked: Asked) -> dict[str, Json]:
    """Post into a channel, or to a person."""
    control = asked.control
    user = control.users.get(str(asked.arguments.get("channel")))
    channel = _direct(control, user) if user is not None else asked.channel()
    if control.bot not in channel.members:
        raise Refused("not_in_channel")
    if channel.is_archived:
        raise Refused("is_archived")
    control.count(f"messages:{channel.id}", control.per_channel, 1.0)
    message = {**_content(asked), "type": "message", "user": control.bot, "ts": control.timestamp()}
    thread = asked.arguments.get("thread_ts")
    if thread is not None:
        if all(other["ts"] != thread for other in channel.messages):
            raise Refused("thread_not_found")
        message["thread_ts"] = thread
    channel.messages.append(message)
    return {"channel": channel.id, "ts": message["ts"], "message": message}


def _direct(control: Control, user: User) -> Channel:
    if user.deleted:
        raise Refused("user_disabled")
    name = f"direct-{user.id}"
    for channel in control.channels.values():
        if channel.name == name:
            return channel
    channel = control.add_channel(name, is_private=True, members={control.bot, user.id})
    channel.id, _ = f"D{channel.id[1:]}", control.channels.pop(channel.id)
    control.channels[channel.id] = channel
    return channel


def update(asked: Asked) -> dict[str, Json]:
    """Change a message of the app."""
    channel, stamp = asked.channel(), asked.text("ts", "message_not_found")
    message = next((message for message in channel.messages if message["ts"] == stamp), None)
    if message is None:
        raise Refused("message_not_found")
    if message["user"] != asked.control.bot:
        raise Refused("cant_update_message")
    message.pop("blocks", None)
    message |= _content(asked)
    return {"channel": channel.id, "ts": stamp, "text": message["text"], "message": message}


def lookup_by_email(asked: Asked) -> dict[str, Json]:
    """A person by e-mail address."""
    email = asked.text("email", "users_not_found").lower()
    user = next((user for user in asked.control.users.values() if user.email == email and not user.deleted), None)
    if user is None:
        raise Refused("users_not_found")
    return {"user": _user(user)}


def _user(user: User) -> dict[str, Json]:
    profile = {"real_name": user.name.title(), "display_name": user.name, "email": user.email}
    return {"id": user.id, "name": user.name, "deleted": user.deleted, "is_bot": False, "profile": profile}


def users_list(asked: Asked) -> dict[str, Json]:
    """Everyone."""
    return _listed(asked, [_user(user) for user in asked.control.users.values()], "members")


def _channel(control: Control, channel: Channel) -> dict[str, Json]:

    return {
        "id": channel.id,
        "name": channel.name,
        "is_private": channel.is_private,
        "is_archived": channel.is_archived,
        "is_member": control.bot in channel.members,
    }


def conversations_list(asked: Asked) -> dict[str, Json]:
    """The channels that the app may see."""
    control = asked.control
    private = "private_channel" in str(asked.arguments.get("types") or "public_channel").split(",")
    skip = str(asked.arguments.get("exclude_archived")).lower() == "true"
    visible = [
        _channel(control, channel)
        for channel in control.channels.values()
        if channel.id.startswith("C")
        and not (channel.is_private and (not private or control.bot not in channel.members))
        and not (channel.is_archived and skip)
    ]
    return _listed(asked, visible, "channels")


def conversations_create(asked: Asked) -> dict[str, Json]:
    """A new channel."""
    name = asked.text("name", "invalid_name_required")
    if not _NAME.fullmatch(name):
        raise Refused("invalid_name_specials")
    if any(channel.name == name for channel in asked.control.channels.values()):
        raise Refused("name_taken")
    private = str(asked.arguments.get("is_private")).lower() == "true"
    channel = asked.control.add_channel(name, is_private=private, members={asked.control.bot})
    return {"channel": _channel(asked.control, channel)}


def conversations_invite(asked: Asked) -> dict[str, Json]:
    """People into a channel: all or none."""
    channel = asked.channel()
    if asked.control.bot not in channel.members:
        raise Refused("not_in_channel")
    people = asked.text("users", "no_user").split(",")
    if any(person not in asked.control.users for person in people):
        raise Refused("user_not_found")
    if any(person in channel.members for person in people):
        raise Refused("already_in_channel")
    channel.members |= set(people)
    return {"channel": _channel(asked.control, channel)}


METHODS: dict[str, tuple[Callable[[Asked], dict[str, Json]], str, int]] = {
    "auth.test": (auth_test, "", 4),
    "chat.postMessage": (post_message, "chat:write", 0),
    "chat.update": (update, "chat:write", 3),
    "users.lookupByEmail": (lookup_by_email, "users:read.email", 3),
    "users.list": (users_list, "users:read", 2),
    "conversations.list": (conversations_list, "channels:read", 2),
    "conversations.create": (conversations_create, "channels:manage", 2),
    "conversations.invite": (conversations_invite, "channels:manage", 3),
}
"""Method → what it does, the scope that it takes, the tier of its limit (0: only the limit of the channel)."""
