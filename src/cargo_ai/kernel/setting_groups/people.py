"""People: e-mail and signing in."""

from __future__ import annotations

from typing import ClassVar

from cargo_ai.kernel.configuration.setting_kinds import Setting, SmtpSecurity, integer, smtp_security_of, text, url


class PeopleSettings:
    """How people are written to, and how they sign in."""

    title: ClassVar[str] = "People: e-mail and signing in"

    invitation_days = integer("How many days the link of an invitation works.", ("api",), 7, least=1)
    smtp_host = text("The mail server. Without it no e-mail is sent.", ("api", "worker"), shown_default="no e-mail")
    smtp_from = text("The address that e-mails are from. Needed with CARGO_AI_SMTP_HOST.", ("api", "worker"))
    smtp_tls = Setting[SmtpSecurity](
        "starttls, tls or off",
        "starttls",
        "How the connection to the mail server is encrypted.",
        ("api", "worker"),
        smtp_security_of,
        "starttls",
    )
    smtp_port = integer(
        "The port of the mail server.", ("api", "worker"), 0, least=1, shown_default="587 for starttls, 465 for tls, 25 for off"
    )
    smtp_user = text("The user to sign in to the mail server with.", ("api", "worker"), shown_default="no sign-in")
    smtp_password = text("The password of that user.", ("api", "worker"))
    smtp_per_minute = integer("How many e-mails nodes of one workspace may send in a minute.", ("worker",), 60, least=1)
    console_session_hours = integer("For how many hours a browser that signed in to the console stays signed in.", ("api",), 168, least=1)
    login_issuer = url(
        "The OpenID provider by which `cargo-ai login --oauth` signs people in, for example `https://accounts.google.com`. There, "
        "`/v1/login/callback` of this server is the redirect URI.",
        ("api",),
        shown_default="no provider",
    )
    login_client_id = text("The client id of this server at that provider. Needed with CARGO_AI_LOGIN_ISSUER.", ("api",))
    login_client_secret = text("The client secret of this server at that provider.", ("api",))
    login_domains = text(
        "E-mail domains whose people come into the first workspace without an invitation when they sign in by e-mail or by the provider, "
        "by comma. They get the role that the workspace proposes for new users, else `viewer`; never `admin`.",
        ("api", "worker"),
        shown_default="no domain: by invitation only",
    )
