"""Chosen operations: the parts of an OpenAPI document that are stored: requests of operations, and sign-in of accounts."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

Json = Any
JsonObject = dict[str, Json]
Place = Literal["path", "query", "header"]
Style = Literal["form", "simple", "deepObject", "spaceDelimited", "pipeDelimited", "json"]
Method = Literal["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]


class _Kept(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore")


class Parameter(_Kept):
    """A parameter. key: what it is called in the config. style: how a list or an object is written; `json`: as JSON."""

    key: str
    name: str
    place: Place
    style: Style
    explode: bool


class Body(_Kept):
    """The body of a request. kind: how it is written. deep: properties of a form that are written as `name[part]`."""

    key: str
    kind: Literal["json", "form"]
    media_type: str
    deep: list[str] = []


class ChosenOperation(_Kept):
    """An operation as an action. text: its answer is not JSON."""

    name: str
    description: str
    method: Method
    path: str
    parameters: list[Parameter]
    body: Body | None
    config: JsonObject
    output: JsonObject | None
    text: bool


class Part(_Kept):
    """One proof of who calls. field: as what it is entered, where there are several. name: of the header or the query parameter."""

    kind: Literal["apiKey", "bearer", "basic", "clientCredentials"]
    title: str
    field: str = ""
    place: Literal["header", "query"] = "header"
    name: str = ""
    scopes: str = ""


class Way(_Kept):
    """A way to sign in: all parts together. token_url: where client credentials go."""

    kind: str
    title: str
    parts: list[Part]
    token_url: str | None = None


class ChosenOperations(_Kept):
    """All that is kept of a document. is_open: some operation may be called without an account."""

    name: str
    description: str
    url: str
    sign_ins: list[Way]
    is_open: bool
    actions: dict[str, ChosenOperation]
