"""Sign-ins: the ways in which an account proves to a service who calls. Each is a form and the credentials that follow from it."""

from __future__ import annotations

import base64
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol
from urllib.parse import quote_plus

from pydantic import create_model
from pydantic.alias_generators import to_snake

from cargo_ai.integrations.kit.forms import Form, secret_field
from cargo_ai.outbound.url import Url

Json = Any


Sign = Callable[[str, Url, Mapping[str, str], bytes], Mapping[str, str]]
"""(method, address with its query, headers in lower case, body) → the headers that sign a call."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What is added to a call so that the service knows who calls. sign: of a service to which each call is signed by itself."""

    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    sign: Sign | None = None


class Signer(Protocol):
    """An account that signs calls in."""

    @property
    def config(self) -> Mapping[str, Json]:
        """Its config, opened."""
        ...

    @property
    def refreshable(self) -> bool:
        """Whether a call that was refused for its credentials is worth another attempt with fresh ones."""
        ...

    async def credentials(self, *, refresh: bool = False) -> Credentials:
        """What signs a call in. `refresh`: the former credentials were refused."""
        ...


@dataclass(frozen=True, kw_only=True)
class SignIn(ABC):
    """One way to sign in. `kind` names it in the config of a connector, `title` for people."""

    kind: str
    title: str
    refreshable: ClassVar[bool] = False
    """Whether `credentials(refresh=True)` may give others, so that a call that was refused is worth a second attempt."""

    @property
    @abstractmethod
    def form(self) -> type[Form]:
        """What is entered for it."""

    @abstractmethod
    async def credentials(self, config: Mapping[str, Json], *, refresh: bool = False) -> Credentials:
        """The credentials of an account with this config, which has passed the form. `refresh`: the former ones were refused."""

    def derived_secrets(self, config: Mapping[str, Json]) -> Iterator[str]:
        """Secret texts besides those in the config: as which they are sent."""
        return iter(())


@dataclass(frozen=True, kw_only=True)
class Anonymous(SignIn):
    """No credentials at all: for services that anyone may call."""

    kind: str = "none"
    title: str = "None"

    @property
    def form(self) -> type[Form]:
        """Nothing."""
        return Form

    async def credentials(self, config: Mapping[str, Json], *, refresh: bool = False) -> Credentials:
        """None."""
        return Credentials()


def _one_secret(name: str, title: str, description: str | None) -> type[Form]:
    definition: Any = {to_snake(name): (str, secret_field(title, description))}
    return create_model("SecretForm", __base__=Form, **definition)


@dataclass(frozen=True, kw_only=True)
class Login(SignIn):
    """User and password in the protocol of a database or mail server: nothing goes over HTTP. `entered`: the form of both."""

    kind: str = "password"
    title: str = "User and password"
    entered: type[Form]

    @property
    def form(self) -> type[Form]:
        """Both."""
        return self.entered

    async def credentials(self, config: Mapping[str, Json], *, refresh: bool = False) -> Credentials:
        """Nothing that goes over HTTP."""
        return Credentials()


@dataclass(frozen=True, kw_only=True)
class ApiKey(SignIn):
    """A key in a header or in the query, whichever is named. `field`: as what it is entered. `prefix`: what stands before it."""

    kind: str = "apiKey"
    title: str = "API key"
    header: str = ""
    query: str = ""
    field: str = "apiKey"
    prefix: str = ""
    description: str | None = None

    def __post_init__(self) -> None:
        if bool(self.header) is bool(self.query):
            raise ValueError("an API key goes either into a header or into the query")

    @property
    def form(self) -> type[Form]:
        """The key."""
        return _one_secret(self.field, self.title, self.description)

    async def credentials(self, config: Mapping[str, Json], *, refresh: bool = False) -> Credentials:
        """The key where it belongs."""
        value = f"{self.prefix}{_entered(config, self.field)}"
        return Credentials(headers={self.header: value}) if self.header else Credentials(query={self.query: value})

    def derived_secrets(self, config: Mapping[str, Json]) -> Iterator[str]:
        """As it is sent, and as it stands in an address."""
        yield _entered(config, self.field)
        yield quote_plus(_entered(config, self.field))


@dataclass(frozen=True, kw_only=True)
class Bearer(SignIn):
    """A token in the header `Authorization: Bearer …`. `field`: as what it is entered."""

    kind: str = "bearer"
    title: str = "Bearer token"
    field: str = "token"
    description: str | None = None

    @property
    def form(self) -> type[Form]:
        """The token."""
        return _one_secret(self.field, self.title, self.description)

    async def credentials(self, config: Mapping[str, Json], *, refresh: bool = False) -> Credentials:
        """The header."""
        return Credentials(headers={"authorization": f"Bearer {_entered(config, self.field)}"})

    def derived_secrets(self, config: Mapping[str, Json]) -> Iterator[str]:
        """As it is sent, and as it stands in an address, should the service write it there."""
        yield _entered(config, self.field)
        yield quote_plus(_entered(config, self.field))


def _entered(config: Mapping[str, Json], field: str) -> str:
    """A key without the space and line breaks around it that copying brings along."""
    return str(config.get(field) or "").strip()


class _BasicForm(Form):
    username: str = secret_field("User")
    password: str = secret_field("Password", optional=True)


@dataclass(frozen=True, kw_only=True)
class Basic(SignIn):
    """User and password in the header `Authorization: Basic …`."""

    kind: str = "basic"
    title: str = "User and password"

    @property
    def form(self) -> type[Form]:
        """User and password; the password may be empty."""
        return _BasicForm

    async def credentials(self, config: Mapping[str, Json], *, refresh: bool = False) -> Credentials:
        """The header."""
        return Credentials(headers={"authorization": f"Basic {_pair(config)}"})

    def derived_secrets(self, config: Mapping[str, Json]) -> Iterator[str]:
        """The pair as it is sent, and the password as it stands in an address."""
        yield _pair(config)
        yield quote_plus(str(config.get("password") or ""))


def _pair(config: Mapping[str, Json]) -> str:
    return base64.b64encode(f"{config['username']}:{config.get('password') or ''}".encode()).decode()
