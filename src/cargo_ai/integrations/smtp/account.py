"""Accounts of mail servers: where one is, how the way to it is protected, who signs in, and whom e-mails are from."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from cargo_ai.integrations.kit import AccountSpec, Anonymous, Form, Login, Service, Verification, secret_field
from cargo_ai.integrations.smtp import client

Json = Any


class MailServer(Form):
    """Where the mail server is, and what stands in e-mails."""

    host: str = Field(title="Host", pattern=r"^[A-Za-z0-9._:-]+$", max_length=253)
    security: Literal["starttls", "tls", "off"] = Field(
        default="starttls",
        title="Security",
        description="starttls: by STARTTLS, or not at all (port 587); tls: from the first byte (465); off: for networks of your own (25).",
    )
    port: int | None = Field(default=None, title="Port", description="By default the one of the security.", ge=1, le=65535)
    verify_certificate: bool = Field(default=True, title="Verify the certificate", description="Off: for networks of your own.")
    from_address: str = Field(
        title="From", description="ann@example.com, or Ann Lee <ann@example.com>: the sender of e-mails.", min_length=3, max_length=500
    )


class _LoginForm(Form):
    user: str = Field(title="User", min_length=1, max_length=320)
    password: str = secret_field("Password")


class _Login(Verification):
    async def verify(self, service: Service) -> None:
        """Connect, sign in and leave. ServiceError in the server's words."""
        await client.prove(service)


ACCOUNT = AccountSpec(
    sign_ins=(Login(entered=_LoginForm), Anonymous()),
    fields=MailServer,
    verification=_Login(""),
    bound_to=("host", "port", "security", "verifyCertificate"),
)
