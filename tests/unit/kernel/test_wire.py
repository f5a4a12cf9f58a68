"""The wire base: spelling, nulls, moments, ids and the fields that it does not know."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import AliasChoices, Field, ValidationError

from cargo_ai.kernel.wire import Timestamp, Uuid, Wire, unknown_field_warnings


class Inner(Wire):
    record_id: str


class Outer(Wire):
    uuid: Uuid
    created_at: Timestamp | None = None
    inner: Inner | None = None
    many: list[Inner] = Field(default_factory=list[Inner])
    spelled: str | None = Field(default=None, validation_alias=AliasChoices("spelled", "spelt"))
    anything: dict[str, Any] | None = None


class JsonHolder(Wire):
    """A reply with any JSON."""

    value: dict[str, Any]


def test_names_are_camel_case_outside_and_nulls_are_kept() -> None:
    value = Outer.model_validate({"uuid": "u", "inner": {"recordId": "1"}})
    wire = value.to_wire()
    assert wire["inner"] == {"recordId": "1"}
    assert wire["createdAt"] is None
    assert json.loads(value.to_json()) == wire


def test_snake_case_is_accepted_too() -> None:
    assert Inner.model_validate({"record_id": "1"}).record_id == "1"


def test_moments_are_utc_with_milliseconds() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=timezone(timedelta(hours=2)))
    assert Outer(uuid="u", created_at=moment).to_wire()["createdAt"] == "2026-01-02T01:04:05.678Z"
    assert Outer.model_validate({"uuid": "u", "createdAt": "2026-01-02"}).created_at == datetime(2026, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00"])
def test_a_moment_that_no_utc_date_has_is_invalid(moment: str) -> None:
    with pytest.raises(ValidationError, match="years 1 to 9999"):
        Outer.model_validate({"uuid": "u", "createdAt": moment})


def test_a_uuid_object_becomes_text() -> None:
    found = uuid.uuid4()
    assert Outer.model_validate({"uuid": found}).uuid == str(found)


def test_requests_cannot_be_changed() -> None:
    value = Inner(record_id="1")
    with pytest.raises(ValidationError):
        value.record_id = "2"  # type: ignore[misc]


def test_unknown_fields_are_named_at_every_level() -> None:
    raw: dict[str, Any] = {
        "uuid": "u",
        "x": 1,
        "inner": {"recordId": "1", "y": 2},
        "many": [{"recordId": "1"}, {"recordId": "2", "z": 3}],
        "spelt": "s",
        "anything": {"w": 4},
    }
    found = unknown_field_warnings(Outer.model_validate(raw), raw)
    assert [sentence.split()[1] for sentence in found] == ["inner.y", "many[1].z", "x"]


def test_half_of_a_character_in_a_reply_is_a_question_mark() -> None:
    assert JsonHolder(value={"text": "a\ud800b", "ü": 1}).to_json() == '{"value":{"text":"a?b","ü":1}}'.encode()
