"""Slack conforms, and keeps its peculiarities: errors with status 200, one message a second, names instead of ids."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from cargo_ai.integrations.kit import ConnectorAction, Service, integrations
from cargo_ai.integrations.slack import client
from cargo_ai.integrations.slack.choices import AUTOCOMPLETES
from tests.kit.conformance.harness import Harness
from tests.kit.conformance.subject import Example, Listing, Subject
from tests.kit.conformance.suite import IntegrationConformance
from tests.simulators.slack import server
from tests.simulators.slack.control import BOT_TOKEN, Control

Json = Any
TEXT = "The deal is won."


def _account(token: str) -> dict[str, Json]:
    return {"method": "botToken", "botToken": token}


def _texts(control: Control) -> Json:
    return [(message["text"], message.get("blocks")) for message in control.messages]


def _sent(control: Control) -> None:
    control.channel_named("sales").messages.append({"text": "Before", "user": control.bot, "ts": "1.000001"})


def _members(control: Control) -> Json:
    return {channel.name: sorted(channel.members) for channel in control.channels.values()}


def _fill_channels(control: Control, count: int) -> list[str]:
    control.channels.clear()
    return [control.add_channel(f"channel-{number}").id for number in range(count)]


def _fill_users(control: Control, count: int) -> list[str]:
    control.users.clear()
    return [control.add_user(f"user-{number}", f"user-{number}@example.com").id for number in range(count)]


async def _channel_ids(service: Service) -> AsyncIterator[str]:
    async for channel in client.channels(service):
        yield channel["id"]


async def _user_ids(service: Service) -> AsyncIterator[str]:
    async for user in client.users(service):
        yield user["id"]


def _action(slug: str) -> ConnectorAction:
    action = integrations()["slack"].action(slug)
    assert action is not None
    return action


def _subject() -> Subject:
    plain = Control()
    sales, grace = plain.channel_named("sales").id, next(user.id for user in plain.users.values() if user.name == "grace")
    return Subject(
        slug="slack",
        running=server.running,
        account=lambda _simulator: _account(BOT_TOKEN),
        wrong=lambda _simulator: _account("xoxb-of-another-workspace"),
        secret=BOT_TOKEN,
        error=lambda _status, sentence: {"ok": False, "error": sentence},
        examples={
            "sendMessage": Example(
                config={"channel": sales, "text": TEXT},
                effect=_texts,
                call=("POST", "/chat.postMessage"),
                rejected={"channel": sales, "text": TEXT, "blocks": [{"text": "no type"}]},
                says="missing required field",
            ),
            "updateMessage": Example(
                config={"channel": sales, "ts": "1.000001", "text": TEXT},
                given=_sent,
                effect=_texts,
                call=("POST", "/chat.update"),
            ),
            "findUser": Example(config={"email": "ada@example.com"}, effect=_members),
            "createChannel": Example(config={"name": "deal-desk"}, effect=_members, call=("POST", "/conversations.create")),
            "inviteToChannel": Example(
                config={"channel": sales, "users": [grace]}, effect=_members, call=("POST", "/conversations.invite")
            ),
        },
        listings=(
            Listing(name="channels", size=client.PAGE, fill=_fill_channels, read=_channel_ids),
            Listing(name="people", size=client.PAGE, fill=_fill_users, read=_user_ids),
        ),
    )


class TestSlack(IntegrationConformance):
    """Slack, as its simulator is."""

    subject = _subject()

    async def test_a_missing_scope_is_named_with_where_to_add_it(self, harness: Harness) -> None:
        harness.control.tokens[BOT_TOKEN] = frozenset({"chat:write"})
        failure = await harness.failed(_action("findUser"), {"email": "ada@example.com"})
        assert failure.reason == "forbidden" and "users:read.email" in failure.message and "OAuth & Permissions" in failure.message

    async def test_a_person_is_written_to_by_address(self, harness: Harness) -> None:
        done = await harness.done(_action("sendMessage"), {"email": "grace@example.com", "text": TEXT})
        assert done.output["channel"].startswith("D") and _texts(harness.control) == [(TEXT, None)]

    async def test_no_one_with_an_address_is_an_answer_not_a_failure(self, harness: Harness) -> None:
        done = await harness.done(_action("findUser"), {"email": "nobody@example.com"})
        assert done.output["found"] is False

    async def test_a_channel_is_found_by_its_name(self, harness: Harness) -> None:
        await harness.done(_action("sendMessage"), {"channel": "#sales", "text": TEXT})
        assert [message["text"] for message in harness.control.channel_named("sales").messages] == [TEXT]

    @pytest.mark.parametrize("config", [{"text": TEXT}, {"channel": "#sales", "email": "ada@example.com", "text": TEXT}])
    async def test_a_message_goes_to_exactly_one_place(self, harness: Harness, config: dict[str, Json]) -> None:
        failure = await harness.failed(_action("sendMessage"), config)
        assert "give one of them" in failure.message and harness.control.sent() == []

    async def test_a_message_that_says_nothing_is_not_sent(self, harness: Harness) -> None:
        failure = await harness.failed(_action("sendMessage"), {"channel": "#sales", "text": " "})
        assert "needs a `text` or `blocks`" in failure.message and harness.control.sent() == []

    async def test_a_channel_that_the_app_is_not_in_says_how_to_invite_it(self, harness: Harness) -> None:
        harness.control.add_channel("board")
        failure = await harness.failed(_action("sendMessage"), {"channel": "#board", "text": TEXT})
        assert "not_in_channel" in failure.message and "/invite" in failure.message

    async def test_a_channel_that_is_there_already_is_given(self, harness: Harness) -> None:
        done = await harness.done(_action("createChannel"), {"name": "sales"})
        assert done.output == {"id": harness.control.channel_named("sales").id, "name": "sales", "created": False}

    async def test_people_who_are_in_the_channel_do_not_keep_others_out(self, harness: Harness) -> None:
        control = harness.control
        ada, grace = (user.id for user in control.users.values())
        sales = control.channel_named("sales")
        sales.members.add(ada)
        done = await harness.done(_action("inviteToChannel"), {"channel": sales.id, "users": [ada, grace]})
        assert done.output["invited"] == [grace] and grace in sales.members

    async def test_choices_are_channels_and_people_by_what_is_typed(self, harness: Harness) -> None:
        channels = await AUTOCOMPLETES["listChannels"].perform(harness.form_request(), {}, "sal")
        people = await AUTOCOMPLETES["listUsers"].perform(harness.form_request(), {}, "grace@")
        assert [choice.label for choice in channels] == ["#sales"] and [choice.description for choice in people] == ["grace@example.com"]


def test_the_simulator_takes_one_message_a_second_in_a_channel() -> None:
    control = Control()
    control.count("messages:C1", control.per_channel, 1.0)
    with pytest.raises(Exception, match="ratelimited"):
        control.count("messages:C1", control.per_channel, 1.0)
