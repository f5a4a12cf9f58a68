"""The account of an HTTP service: its base address, headers and credentials, and to whom they may be sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, cast
from urllib.parse import quote_plus

from pydantic import Field

from cargo_ai.integrations.kit import (
    AccountSpec,
    Anonymous,
    Basic,
    Bearer,
    Credentials,
    Form,
    InvalidConfig,
    OpenAccount,
    Service,
    SignIn,
    Verification,
    secret_field,
)
from cargo_ai.kernel.schemas.validation_errors import WEB_ADDRESS
from cargo_ai.outbound.url import InvalidUrl, Url, is_absolute, parse_base_url, parse_url


class _NamedKeyForm(Form):
    place: Literal["header", "query"] = Field(alias="in", title="Where it goes")
    name: str = Field(title="Name", min_length=1)
    value: str = secret_field("Key")


@dataclass(frozen=True, kw_only=True)
class NamedKey(SignIn):
    """A key in a header or in the query, under a name that is entered, too."""

    kind: str = "apiKey"
    title: str = "API key"

    @property
    def form(self) -> type[Form]:
        """Where the key goes, its name, and the key."""
        return _NamedKeyForm

    async def credentials(self, config: Mapping[str, Any], *, refresh: bool = False) -> Credentials:
        """The key where it belongs."""
        key = {str(config["name"]): str(config["value"])}
        return Credentials(headers=key) if config["in"] == "header" else Credentials(query=key)


class HttpAccount(Form):
    """What is entered besides the credentials."""

    base_url: str = Field(default="", title="Base address", pattern=WEB_ADDRESS)
    headers: dict[str, Annotated[str, Field(json_schema_extra={"writeOnly": True})]] = Field(default={}, title="Headers")
    verify_path: str = Field(
        default="",
        title="Path that proves the account",
        description="Called with GET when the connector is made or changed: an answer of 400 or more refuses it.",
        pattern="^/[^\\s#\\\\]*$",
    )


_TELLING = re.compile(r"auth|cookie|credential|key|passw|secret|session|signature|token", re.IGNORECASE)


def _sensitive(config: Mapping[str, Any]) -> Iterator[str]:
    """What must not come back: credentials, and headers whose names say that they are some (`accept` is in every answer)."""
    for name, value in cast("Mapping[str, str]", config.get("headers") or {}).items():
        if _TELLING.search(name):
            yield value
            yield value.rpartition(" ")[2]
    auth = cast("Mapping[str, str]", config.get("auth") or {})
    for name in ("token", "password", "value"):
        if name in auth:
            yield auth[name]
            # As it stands in an address.
            yield quote_plus(auth[name])
    yield from ACCOUNT.sign_in_of(config).derived_secrets(auth)
    if auth.get("kind") == "basic" and not auth.get("password"):
        yield auth["username"]


class _HttpVerification(Verification):
    """The path that is entered, with the account's own headers."""

    def headers_of(self, service: Service) -> Mapping[str, str]:
        """Those of the account."""
        return {} if service.account is None else cast("dict[str, str]", service.account.config.get("headers") or {})


def _verify_path(config: Mapping[str, Any]) -> str:
    return str(config.get("verifyPath") or "") if config.get("baseUrl") else ""


ACCOUNT = AccountSpec(
    sign_ins=(Anonymous(), Bearer(), Basic(), NamedKey()),
    fields=HttpAccount,
    choice="kind",
    under="auth",
    verification=_HttpVerification(_verify_path, expect="text"),
    required=False,
    bound_to=("baseUrl",),
    sensitive=_sensitive,
)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a call goes, and what the account adds to it there."""

    url: Url
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    warnings: tuple[str, ...] = ()


async def target(text: str, account: Mapping[str, Any]) -> Target:
    """The address of a call under this account. The account's secrets go to its own origin only; InvalidConfig for a bad address."""
    home = cast("str | None", account.get("baseUrl")) or None
    if is_absolute(text):
        url = _url(text)
    elif home is None or text.startswith("//"):
        raise InvalidConfig("`url` must be absolute (https://…): there is no connector with a baseUrl that it could be relative to.")
    else:
        # Joined as text, so that the base's path stays and nothing in a relative address can lead to another host.
        url = _url(f"{home.rstrip('/')}/{text.lstrip('/')}" if text else home)
    if home is not None and url.origin != _url(home, parse_base_url).origin:
        has_some = bool(account.get("headers")) or cast("Mapping[str, str]", account.get("auth") or {}).get("kind", "none") != "none"
        said = "The connector's headers and credentials were not sent, since the address is not below its baseUrl."
        return Target(url, warnings=(said,) if has_some else ())
    credentials = await OpenAccount(ACCOUNT, account).credentials()
    return Target(url, cast("dict[str, str]", account.get("headers") or {}) | {**credentials.headers}, credentials.query)


def _url(text: str, parse: Callable[[str], Url] = parse_url) -> Url:
    try:
        return parse(text)
    except InvalidUrl as error:
        raise InvalidConfig(f"`url` {error}.") from None
