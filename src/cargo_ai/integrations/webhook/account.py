"""Accounts of `webhook`: how a sender proves its deliveries, and what becomes of them besides the tools that they start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field, create_model

from cargo_ai.integrations.kit import AccountSpec, Credentials, Form, Service, ServiceError, SignIn, Verification, secret_field
from cargo_ai.integrations.webhook.signatures import InvalidSecret, Scheme, key_of

Json = Any
Config = Mapping[str, Json]
TOLERANCE_SECONDS = 300
LAST_ADDRESS = 65_535
_HEADER = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"
_UUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
_PATH = r"^[A-Za-z0-9_$-]+(\.[A-Za-z0-9_$-]+)*$"


class HookFields(Form):
    """What is the same for all senders."""

    tolerance_seconds: int = Field(
        default=TOLERANCE_SECONDS, title="Tolerance", description="By how many seconds a signed time may be off.", ge=1, le=3600
    )
    address_number: int = Field(
        default=1, title="Address", description="Raise it to give the hook another address; the former one ends.", ge=1, le=LAST_ADDRESS
    )
    model_uuid: str | None = Field(
        default=None,
        title="Model",
        description="The model that each event is written into; plays of it start on its changes.",
        pattern=_UUID,
    )
    record_path: str | None = Field(
        default=None, title="Record", description="Where in the event the record is (data.object); by default all of it.", pattern=_PATH
    )


class _HmacForm(Form):
    secret: str = secret_field("Secret")
    signature_header: str = Field(title="Header of the signature", pattern=_HEADER)
    prefix: str = Field(default="", title="Prefix", description="What stands before the signature (sha256=).", max_length=50)
    encoding: Literal["hex", "base64"] = Field(default="hex", title="Encoding")
    algorithm: Literal["sha256", "sha512", "sha1"] = Field(default="sha256", title="Algorithm")
    signed: str = Field(
        default="{body}",
        title="What is signed",
        description="{body}, and around it {timestamp}, {id}, {method}, {url}: {timestamp}.{body}.",
        pattern=r"^[^{}]*(\{(timestamp|id|method|url)\}[^{}]*)*\{body\}[^{}]*(\{(timestamp|id|method|url)\}[^{}]*)*$",
        max_length=200,
    )
    timestamp_header: str | None = Field(default=None, title="Header of the time", pattern=_HEADER)
    timestamp_unit: Literal["seconds", "milliseconds"] = Field(default="seconds", title="Unit of the time")
    id_header: str | None = Field(default=None, title="Header of the event's id", pattern=_HEADER)
    id_path: str | None = Field(default=None, title="Where in the body the id is", pattern=_PATH)
    type_header: str | None = Field(default=None, title="Header of the event's type", pattern=_HEADER)
    type_path: str | None = Field(default=None, title="Where in the body the type is", pattern=_PATH)


class _TokenForm(Form):
    secret: str = secret_field("Secret")
    header: str = Field(default="Authorization", title="Header", description="Where the sender puts the secret.", pattern=_HEADER)
    prefix: str = Field(default="", title="Prefix", description="What stands before the secret (Bearer, with a space).", max_length=50)
    id_header: str | None = Field(default=None, title="Header of the event's id", pattern=_HEADER)
    id_path: str | None = Field(default=None, title="Where in the body the id is", pattern=_PATH)
    type_path: str | None = Field(default=None, title="Where in the body the type is", pattern=_PATH)


class _OpenForm(Form):
    id_header: str | None = Field(default=None, title="Header of the event's id", pattern=_HEADER)
    id_path: str | None = Field(default=None, title="Where in the body the id is", pattern=_PATH)
    type_path: str | None = Field(default=None, title="Where in the body the type is", pattern=_PATH)


@dataclass(frozen=True, kw_only=True)
class Sender(SignIn):
    """A kind of sender: what is entered for it, and how it signs."""

    entered: type[Form]
    scheme: Callable[[Config], Scheme]

    @property
    def form(self) -> type[Form]:
        """What is entered."""
        return self.entered

    async def credentials(self, config: Config, *, refresh: bool = False) -> Credentials:
        """None: nothing is called."""
        return Credentials()


def _preset(kind: str, title: str, where: str, scheme: Scheme) -> Sender:
    definition: Any = {"secret": (str, secret_field("Secret", where))}
    return Sender(kind=kind, title=title, entered=create_model("SecretForm", __base__=Form, **definition), scheme=lambda _config: scheme)


def _text(config: Config, name: str) -> str:
    return str(config.get(name) or "")


def _own(config: Config) -> Scheme:
    return Scheme(
        header=_text(config, "signatureHeader"),
        prefix=_text(config, "prefix"),
        signed=_text(config, "signed") or "{body}",
        algorithm=config.get("algorithm") or "sha256",
        encoding=config.get("encoding") or "hex",
        timestamp=_text(config, "timestampHeader"),
        milliseconds=config.get("timestampUnit") == "milliseconds",
        **_events(config),
    )


def _events(config: Config) -> dict[str, Any]:
    paths = (path,) if (path := _text(config, "typePath")) else ()
    return {
        name: _text(config, alias) for name, alias in (("id_header", "idHeader"), ("id_path", "idPath"), ("type_header", "typeHeader"))
    } | {"type_paths": paths}


SENDERS = (
    _preset(
        "stripe",
        "Stripe",
        "Of the endpoint, in Stripe: Developers > Webhooks (whsec_…).",
        Scheme(header="Stripe-Signature", signed="{timestamp}.{body}", elements=True, id_path="id", type_paths=("type",)),
    ),
    _preset(
        "github",
        "GitHub",
        "As entered at GitHub: Settings > Webhooks.",
        Scheme(header="X-Hub-Signature-256", prefix="sha256=", id_header="X-GitHub-Delivery", type_header="X-GitHub-Event"),
    ),
    _preset(
        "hubspot",
        "HubSpot",
        "The client secret of the app.",
        Scheme(
            header="X-HubSpot-Signature-v3",
            signed="{method}{url}{body}{timestamp}",
            encoding="base64",
            timestamp="X-HubSpot-Request-Timestamp",
            milliseconds=True,
            type_paths=("subscriptionType", "eventType"),
            is_list=True,
        ),
    ),
    _preset(
        "slack",
        "Slack",
        "The signing secret of the app: Basic Information > App Credentials.",
        Scheme(
            header="X-Slack-Signature",
            prefix="v0=",
            signed="v0:{timestamp}:{body}",
            timestamp="X-Slack-Request-Timestamp",
            id_path="event_id",
            type_paths=("event.type", "type", "command"),
            answer="empty",
        ),
    ),
    _preset(
        "standard",
        "Standard Webhooks",
        "The signing secret (whsec_…).",
        Scheme(
            header="webhook-signature",
            prefix="v1,",
            signed="{id}.{timestamp}.{body}",
            encoding="base64",
            timestamp="webhook-timestamp",
            several=True,
            encoded_secret=True,
            id_header="webhook-id",
            type_paths=("type",),
        ),
    ),
    Sender(kind="hmac", title="Another signature", entered=_HmacForm, scheme=_own),
    Sender(
        kind="token",
        title="A secret in a header",
        entered=_TokenForm,
        scheme=lambda config: Scheme(
            header=_text(config, "header") or "Authorization", prefix=_text(config, "prefix"), is_token=True, **_events(config)
        ),
    ),
    Sender(kind="none", title="None", entered=_OpenForm, scheme=lambda config: Scheme(**_events(config))),
)


class _Consistent(Verification):
    """Nothing is called: what was entered has to fit together."""

    async def verify(self, service: Service) -> None:
        """ServiceError where no delivery could ever be proven."""
        config: Config = {} if service.account is None else service.account.config
        scheme = scheme_of(config)
        try:
            key_of(scheme, _text(config, "secret"))
        except InvalidSecret as error:
            raise ServiceError(f"Webhook: {error}", reason="accountUnusable") from None
        if scheme.is_signed and scheme.signs_time and not (scheme.timestamp or scheme.elements):
            raise ServiceError("Webhook: `signed` has {timestamp}: say in `timestampHeader` where the time is.", reason="accountUnusable")
        if scheme.is_signed and "{id}" in scheme.signed and not scheme.id_header:
            raise ServiceError("Webhook: `signed` has {id}: say in `idHeader` where the id is.", reason="accountUnusable")


ACCOUNT = AccountSpec(sign_ins=SENDERS, fields=HookFields, choice="scheme", verification=_Consistent(""))


def scheme_of(config: Config) -> Scheme:
    """How the sender of an account signs."""
    sender = ACCOUNT.sign_in_of(config)
    assert isinstance(sender, Sender)
    return sender.scheme(config)
