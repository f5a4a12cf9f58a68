"""JSON Schemas that others wrote: validators that fetch nothing, with patterns that take linear time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jsonschema_rs

Json = Any
LINEAR = jsonschema_rs.RegexOptions(size_limit=1_000_000)


class NoSchema(ValueError):
    """It is not a JSON Schema, or one that refers to another address; the message is for people."""


def validator_of(schema: Mapping[str, Json], *, mask: str | None = None) -> jsonschema_rs.Validator:
    """What validates by a schema. mask: what messages say in place of a value. Raises NoSchema."""
    try:
        return jsonschema_rs.validator_for(dict(schema), pattern_options=LINEAR, mask=mask, offline=True)
    except ValueError as error:
        raise NoSchema(str(error).splitlines()[0][:300]) from None


def faults(schema: Mapping[str, Json], value: Json, most: int = 5) -> list[str]:
    """What is wrong with a value, in a sentence each: none for one that holds to the schema. Raises NoSchema."""
    sentences: list[str] = []
    for error in validator_of(schema).iter_errors(value):
        where = ".".join(map(str, error.instance_path))
        sentences.append(f"{where}: {error.message[:1_000]}" if where else error.message[:1_000])
        if len(sentences) == most:
            break
    return sentences
