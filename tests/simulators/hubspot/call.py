"""One request as the endpoints see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from tests.simulators.hubspot.account import Account
from tests.simulators.hubspot.control import Control
from tests.simulators.hubspot.records import ObjectType
from tests.simulators.hubspot.refusal import Refused
from tests.simulators.hubspot.sign_in import Credential, SignIn

Json = Any
Answer = tuple[int, Json]


@dataclass(frozen=True)
class Asked:
    """A request with its credential. `target`: the path. `size`: bytes of the body."""

    control: Control
    credential: Credential
    target: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Json
    size: int

    @property
    def account(self) -> Account:
        """The account."""
        return self.control.account

    @property
    def document(self) -> Mapping[str, Json]:
        """The body, which has to be a JSON object."""
        body: object = self.body
        if not isinstance(body, dict):
            raise Refused(400, "Invalid input JSON on line 1, column 1: a JSON object is expected.")
        return cast("Mapping[str, Json]", body)

    def require(self, *any_of: str) -> None:
        """Refuse a credential without one of these scopes."""
        SignIn.require(self.credential, *any_of)

    def flag(self, name: str) -> bool:
        """A parameter that is true or false."""
        return self.query.get(name, "false") == "true"

    def number(self, name: str, default: int, most: int) -> int:
        """A parameter between 1 and `most`."""
        text = self.query.get(name, str(default))
        if not text.isdigit() or not 1 <= int(text) <= most:
            raise Refused(400, f"{name} must be between 1 and {most}, was {text}.")
        return int(text)


Endpoint = Callable[[Asked], Answer]


def object_scope(kind: ObjectType, verb: str) -> str:
    """The scope that reading or writing records of a type takes."""
    noun = "custom" if kind.id.startswith("2-") else kind.names[-1]
    return f"crm.objects.{noun}.{verb}"
