"""How the command index derives from an operation and what its overlay changes."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from cargo_ai.kernel.operation import Cli, Operation, Until, Waits, refusal
from cargo_ai.kernel.wire import ByUuid, Uuid, Wire

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from generate import index, reference


class EmojiIcon(Wire):
    kind: Literal["emoji"]
    slug: str = Field(description="Which emoji.")


class ColourIcon(Wire):
    kind: Literal["colour"]
    color: Literal["red", "blue"]


class Asked(Wire):
    uuid: Uuid
    name: str = Field(description="Its name.")
    size: int = 3
    ratio: float | None = None
    is_open: bool = False
    colour: Literal["red", "blue"] | None = None
    statuses: list[Literal["a", "b"]] | None = None
    ids: list[str] | None = None
    icon: Annotated[EmojiIcon | ColourIcon, Field(discriminator="kind")]
    data: dict[str, Any] | None = None
    secret: str | None = None


class Answer(Wire):
    uuid: Uuid


final = frozenset({"done", "error"})
get: Operation[ByUuid, Answer, Any] = Operation(
    "someRoom.bigThing.get",
    "GET",
    "/room/things/{uuid}",
    request=ByUuid,
    response=Answer,
    summary="Show.",
    permission=None,
    waits=Waits("uuid", "status", final),
)
update: Operation[Asked, Answer, Literal["thingNotFound"]] = Operation(
    "someRoom.bigThing.update",
    "PUT",
    "/room/things/{uuid}",
    request=Asked,
    response=Answer,
    summary="Change.",
    permission="room:write",
    refusals={"thingNotFound": refusal(404, "No | thing {uuid} in {big_room}: {cause}")},
    until=Until("someRoom.bigThing.get", "uuid", "status", final),
    cli=Cli(
        aliases=(("some-room", "thing", "change"), ("other", "thing", "update")),
        flags={"icon.color": ("--icon-color",), "icon.kind": ("--icon-kind",), "secret": (), "size": ("--size", "--how-big")},
        positionals=("name",),
        csv=frozenset({"data"}),
        required=frozenset({"ids"}),
        examples=("cargo-ai some-room big-thing update U N",),
    ),
)
FILES = index.index([get, update])


def args() -> dict[str, dict[str, Any]]:
    return {arg["wire"]: arg for arg in index.args(update)}


def test_path_fields_come_first_then_positionals_and_both_have_flags() -> None:
    first, second, *rest = index.args(update)
    assert (first["wire"], first["in"], first["positional"], first["required"], first["flags"]) == ("uuid", "path", True, True, ["--uuid"])
    assert (second["wire"], second["positional"], second["help"]) == ("name", True, "Its name.")
    assert not any(arg.get("positional") for arg in rest)


def test_scalars_keep_their_type_and_everything_else_is_json_or_csv() -> None:
    kinds = {wire: arg["type"] for wire, arg in args().items()}
    assert kinds == {
        "uuid": "string",
        "name": "string",
        "size": "integer",
        "ratio": "number",
        "isOpen": "boolean",
        "colour": "string",
        "statuses": "csv",
        "ids": "csv",
        "icon": "json",
        "icon.color": "string",
        "icon.kind": "string",
        "data": "csv",
    }


def test_closed_choices_are_listed_also_across_the_variants_of_a_union() -> None:
    assert args()["colour"]["values"] == ["red", "blue"]
    assert args()["statuses"]["values"] == ["a", "b"]
    assert args()["icon.kind"]["values"] == ["emoji", "colour"]
    assert args()["icon.color"]["values"] == ["red", "blue"]


def test_a_part_with_a_flag_of_its_own_frees_the_whole_from_being_required() -> None:
    assert "required" not in args()["icon"]
    assert args()["ids"]["required"] is True
    assert args()["colour"]["nullable"] is True
    assert "nullable" not in args()["size"]
    assert args()["size"]["default"] == 3


def test_flags_are_renamed_and_hidden_by_the_overlay() -> None:
    assert args()["size"]["flags"] == ["--size", "--how-big"]
    assert args()["isOpen"]["flags"] == ["--is-open"]
    assert "secret" not in args()


def test_a_get_sends_its_fields_in_the_query() -> None:
    assert {arg["in"] for arg in index.args(replace(update, verb="GET"))} == {"path", "query"}


def test_an_overlay_that_names_an_unknown_field_is_a_bug() -> None:
    with pytest.raises(LookupError, match=r"icon\.typo"):
        index.args(replace(update, cli=Cli(flags={"icon.typo": ("--x",)})))


def test_a_row_says_how_to_wait() -> None:
    row = FILES["some-room.json"]["commands"][1]
    assert row["until"] == {
        "words": ["some-room", "big-thing", "get"],
        "path": "/room/things/{uuid}",
        "key": "uuid",
        "field": "status",
        "final": ["done", "error"],
        "bad": ["error"],
    }
    with pytest.raises(LookupError, match="not served"):
        index.index([update])


def test_a_spelling_in_another_room_stands_in_that_rooms_file() -> None:
    (row,) = FILES["other.json"]["commands"]
    assert (row["words"], row["aliases"], row["operation"]) == (["other", "thing", "update"], [], update.name)
    assert FILES["some-room.json"]["commands"][1]["aliases"] == [["some-room", "thing", "change"]]


def test_the_root_names_every_room_and_its_other_spelling() -> None:
    rooms = FILES["_root.json"]["domains"]
    assert rooms["some-room"]["file"] == "some-room.json"
    assert rooms["someRoom"] == {"alias_of": "some-room"}


def test_the_reference_page_shows_command_path_flags_and_reasons() -> None:
    page = reference.pages(FILES, {get.name: get, update.name: update})["some-room.md"]
    assert "`PUT /v1/room/things/{uuid}`" in page
    assert "$ cargo-ai some-room big-thing update U N" in page
    assert "| `thingNotFound` | 404 | No \\| thing UUID in BIG-ROOM: … |" in page
    assert "`--size`, `--how-big`" in page


def test_reasons_are_shown_without_the_places_that_are_filled_later() -> None:
    assert FILES["some-room.json"]["commands"][1]["reasons"] == {"thingNotFound": "No | thing UUID in BIG-ROOM: …"}


@pytest.mark.parametrize(
    ("declared", "shown"),
    [
        ("This workspace has no role {role!r}.", "This workspace has no role ROLE."),
        ("It cannot lie in folder {parent}: {why}.", "It cannot lie in folder PARENT: …"),
        ("{problem}", "The message says what is wrong."),
    ],
)
def test_a_refusal_is_shown_without_raw_placeholders(declared: str, shown: str) -> None:
    assert index.sentence(refusal(400, declared)) == shown
