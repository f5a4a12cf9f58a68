"""Named users: in refusals by kind and name, with the command that shows the first."""

from __future__ import annotations

import uuid

import pytest

from cargo_ai.cli.words.command_index import read_index
from cargo_ai.context.removal.named_users import SHOW, NamedUsers

FIRST, SECOND = uuid.UUID(int=1), uuid.UUID(int=2)


def test_those_without_a_name_are_named_by_uuid_and_what_is_too_many_is_counted() -> None:
    users = NamedUsers((("play", FIRST), *(("alert", SECOND) for _ in range(6))), {FIRST: "Score companies"})
    assert users.sentence == 'play "Score companies", ' + ", ".join([f"alert {SECOND}"] * 4) + " and 2 more"
    assert users.details[:2] == [
        {"kind": "play", "uuid": str(FIRST), "name": "Score companies"},
        {"kind": "alert", "uuid": str(SECOND), "name": None},
    ]
    assert users.fix == f"cargo-ai orchestration play get {FIRST}"
    assert (users.only("relationship").sentence, users.only("relationship").fix) == ("", None)


@pytest.mark.parametrize("command", SHOW.values())
def test_what_shows_a_user_is_a_command(command: str) -> None:
    domain, *words = command.split()
    assert [row for row in read_index(f"{domain}.json")["commands"] if row["words"] == [domain, *words]]
