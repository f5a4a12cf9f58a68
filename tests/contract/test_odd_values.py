"""Values that no field expects: each is taken or refused as a ValidationError, by every type of the wire."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from cargo_ai.kernel.wire import Wire
from cargo_ai.server import compose

ODD: tuple[Any, ...] = (10**400, -(10**400), "9" * 400, math.inf, math.nan, "inf", "a\0b", "\ud800", [], {}, [[[]]], {"": None}, "", True)


def _types(base: type[Wire]) -> Iterator[type[Wire]]:
    for kind in base.__subclasses__():
        yield kind
        yield from _types(kind)


def test_no_field_breaks_at_a_value_that_it_does_not_take() -> None:
    compose.operation_handlers()
    broken: list[str] = []
    for kind in set(_types(Wire)):
        for name, field in kind.model_fields.items():
            for value in ODD:
                try:
                    kind.model_validate({field.alias or name: value})
                except ValidationError:
                    continue
                except Exception as error:
                    broken.append(f"{kind.__name__}.{name}: {str(value)[:20]!r}: {type(error).__name__} {error}")
    assert not broken, "\n".join(broken[:40])
