"""What a person reads about a wrong input: the path as it was written, and a sentence without the validator's own words."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import pytest
from pydantic import Discriminator, Field, Tag, ValidationError

from cargo_ai.kernel.schemas.validation_errors import errors_of, first_faults
from cargo_ai.kernel.wire import Wire


class FileData(Wire):
    kind: Literal["file"]
    s3_filename: str


class RecordsData(Wire):
    kind: Literal["records"]
    records: list[dict[str, Any]] = Field(min_length=1)


class Node(Wire):
    node_slug: str = Field(min_length=1, max_length=3, pattern="^[a-z]*$")


class Asked(Wire):
    data: Annotated[FileData | RecordsData, Field(discriminator="kind")] | None = None
    nodes: list[Node] = Field(default=[], validation_alias="graph")
    limit: int = Field(default=1, ge=1, le=10)
    ratio: float = Field(default=0.5, gt=0, lt=1)
    open: bool = False
    at: datetime | None = None
    words: str | list[str] = ""
    colour: Literal["red", "green", "blue"] = "red"
    letter: Literal["aa", "ab", "ac", "ad", "ae", "af", "ag", "ah", "ai", "aj", "ak", "al", "zz"] = "aa"


def wrong(raw: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(ValidationError) as failure:
        Asked.model_validate(raw)
    return {error["path"]: error["message"] for error in errors_of(failure.value, raw)}


def test_a_variant_that_a_function_chooses_is_named_by_the_field_that_it_reads() -> None:
    def _kind(value: Any) -> str:
        return str(value["kind"])

    class Chosen(Wire):
        data: Annotated[Annotated[FileData, Tag("file")] | Annotated[RecordsData, Tag("records")], Discriminator(_kind)]

    with pytest.raises(ValidationError) as caught:
        Chosen.model_validate({"data": {"kind": "fiel"}})
    assert errors_of(caught.value, {"data": {"kind": "fiel"}}) == [{"path": "data.kind", "message": "must be one of file, records"}]


def test_the_variant_of_a_union_is_not_in_the_path() -> None:
    assert wrong({"data": {"kind": "file"}}) == {"data.s3Filename": "is required"}
    assert wrong({"data": {"kind": "records"}}) == {"data.records": "is required"}
    assert wrong({"data": {"kind": "records", "records": [{}, 1]}}) == {"data.records.1": "must be a JSON object"}
    assert wrong({"data": {"kind": "records", "records": []}}) == {"data.records": "must not be empty"}


def test_a_variant_that_is_called_like_one_of_its_fields_is_not_in_the_path_either() -> None:
    class Cron(Wire):
        type: Literal["cron"]
        name: str = Field(max_length=3)
        cron: str

    class Other(Wire):
        type: Literal["other"]

    class Triggered(Wire):
        triggers: list[Annotated[Cron | Other, Field(discriminator="type")]]

    def paths(trigger: dict[str, Any]) -> list[str]:
        raw = {"triggers": [trigger]}
        with pytest.raises(ValidationError) as failure:
            Triggered.model_validate(raw)
        return [error["path"] for error in errors_of(failure.value, raw)]

    assert paths({"type": "cron", "cron": "0 9 * * 1"}) == ["triggers.0.name"]
    assert paths({"type": "cron", "cron": "0 9 * * 1", "name": "Monday"}) == ["triggers.0.name"]
    assert paths({"type": "cron", "name": "Mon"}) == ["triggers.0.cron"]
    assert paths({"type": "cron", "name": "Mon", "cron": 5}) == ["triggers.0.cron"]


def test_an_unknown_or_absent_variant_is_reported_at_the_field_that_chooses_it() -> None:
    assert wrong({"data": {"kind": "segment"}}) == {"data.kind": "must be one of file, records"}
    assert wrong({"data": {}}) == {"data.kind": "is required"}
    assert wrong({"data": 5}) == {"data": "must be a JSON object"}


def test_paths_are_written_as_the_sender_written_them() -> None:
    assert wrong({"graph": [{"nodeSlug": 1}]}) == {"graph.0.nodeSlug": "must be text"}
    assert wrong({"graph": [{"node_slug": 1}]}) == {"graph.0.node_slug": "must be text"}
    assert wrong({"graph": [{}]}) == {"graph.0.nodeSlug": "is required"}


def test_alternatives_of_one_field_are_one_mistake() -> None:
    assert wrong({"words": 5}) == {"words": "must be text or must be a list"}


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"limit": "x"}, "must be a whole number"),
        ({"limit": 0}, "must be at least 1"),
        ({"limit": 11}, "must be at most 10"),
        ({"ratio": 0}, "must be more than 0"),
        ({"ratio": 1}, "must be less than 1"),
        ({"open": "perhaps"}, "must be true or false"),
        ({"at": "soon"}, "must be a date or a time, such as 2026-01-31 or 2026-01-31T12:00:00Z"),
        ({"at": "2026-13-01"}, "must be a date or a time, such as 2026-01-31 or 2026-01-31T12:00:00Z"),
        ({"graph": {}}, "must be a list"),
        ({"graph": [{"nodeSlug": ""}]}, "must not be empty"),
        ({"graph": [{"nodeSlug": "abcd"}]}, "must have at most 3 characters"),
        ({"graph": [{"nodeSlug": "A"}]}, "must match the pattern ^[a-z]*$"),
        ({"colour": "pink"}, "must be one of red, green, blue"),
    ],
)
def test_sentences_are_plain(raw: dict[str, Any], message: str) -> None:
    assert list(wrong(raw).values()) == [message]


def test_of_many_choices_only_those_that_come_near_are_named() -> None:
    (message,) = wrong({"letter": "zy"}).values()
    assert message == "must be one of zz and 12 more"


def test_at_most_fifty_mistakes_are_reported() -> None:
    assert len(wrong({"graph": [{"nodeSlug": 1}] * 80})) == 50


def test_without_what_was_sent_the_whole_location_is_the_path() -> None:
    with pytest.raises(ValidationError) as failure:
        Asked.model_validate({"data": {"kind": "file"}})
    assert errors_of(failure.value) == [{"path": "data.file.s3Filename", "message": "is required"}]


def test_of_many_faults_only_those_that_are_shown_are_put_into_words() -> None:
    looked_at: list[object] = []

    class Watched(list[Any]):
        def __getitem__(self, place: Any) -> Any:
            looked_at.append(place)
            return super().__getitem__(place)

    nodes: list[dict[str, Any]] = [{}] * 2_000
    with pytest.raises(ValidationError) as failure:
        Asked.model_validate({"graph": nodes})
    assert len(errors_of(failure.value, {"graph": Watched(nodes)})) == 50
    assert len(looked_at) == 51


def test_of_very_many_faults_the_first_are_found_in_the_beginning_of_the_input() -> None:
    raw: dict[str, Any] = {"graph": [{"nodeSlug": "abcd"}] * 2_000, "limit": 0}
    with pytest.raises(ValidationError) as failure:
        Asked.model_validate(raw)
    first = first_faults(Asked, raw, failure.value)
    assert (failure.value.error_count(), first.error_count()) == (2_001, 101)
    assert errors_of(first, raw) == errors_of(failure.value, raw)


def test_faults_that_come_late_in_a_long_input_are_found_too() -> None:
    raw: dict[str, Any] = {"graph": [{"nodeSlug": "a"}] * 1_000 + [{}] * 2_000}
    with pytest.raises(ValidationError) as failure:
        Asked.model_validate(raw)
    assert errors_of(first_faults(Asked, raw, failure.value), raw)[0] == {"path": "graph.1000.nodeSlug", "message": "is required"}
