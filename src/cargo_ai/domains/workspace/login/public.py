"""What the routes of signing in use: admission, codes by e-mail, devices, and the provider of the settings."""

from __future__ import annotations

from cargo_ai.context.process import Services
from cargo_ai.domains.workspace.login import device, email_code
from cargo_ai.domains.workspace.login.admission import Admitted, admit, may_enter
from cargo_ai.domains.workspace.login.openid import CALLBACK, LoginFailed, OpenId

__all__ = ["CALLBACK", "Admitted", "LoginFailed", "admit", "device", "email_code", "may_enter", "provider_of"]


def provider_of(services: Services) -> OpenId:
    """The process's client of the provider."""
    return services.once(OpenId, lambda: OpenId(services))
