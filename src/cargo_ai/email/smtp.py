"""Mail: letters handed to the SMTP server that this installation's settings name."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import smtplib
import ssl
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final

from cargo_ai.email.email_address import EmailAddress, InvalidAddress, parse_address
from cargo_ai.kernel import clock
from cargo_ai.kernel.settings import PREFIX, Settings, SettingsError, SmtpSecurity

PORTS: Final[dict[SmtpSecurity, int]] = {"starttls": 587, "tls": 465, "off": 25}
TIMEOUT_SECONDS = 30.0
MAX_CONNECTIONS = 4
NOT_CONFIGURED = (
    f"This server cannot send e-mail yet: set {PREFIX}SMTP_HOST and {PREFIX}SMTP_FROM (and, where the mail server wants them, "
    f"{PREFIX}SMTP_USER and {PREFIX}SMTP_PASSWORD) and start it again."
)
# What is sent stays within plain ASCII, which every mail server takes.
_POLICY = SMTP.clone(cte_type="7bit")


class EmailFailed(Exception):
    """The letter was not taken; `transient`: another attempt may help; `answered`: the mail server itself said so."""

    def __init__(self, message: str, *, transient: bool, answered: bool = True) -> None:
        super().__init__(message)
        self.transient, self.answered = transient, answered


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """The mail server of the settings, and who the letters are from."""

    host: str
    port: int
    security: SmtpSecurity
    user: str
    password: str
    sender: EmailAddress

    @classmethod
    def of(cls, settings: Settings) -> SmtpServer | None:
        """The server that CARGO_AI_SMTP_HOST, _PORT, _TLS, _USER, _PASSWORD and _FROM name; None without a host. SettingsError says which
        of them cannot be used."""
        host = settings.smtp_host
        if not host:
            return None
        security = settings.smtp_tls
        port = settings.smtp_port or PORTS[security]
        try:
            sender = parse_address(settings.smtp_from)
        except InvalidAddress as fault:
            raise SettingsError(f"{PREFIX}SMTP_FROM must be the address that letters are from: {fault}") from None
        user, password = settings.smtp_user, settings.smtp_password
        if password and security == "off" and not _is_here(host):
            raise SettingsError(f"{PREFIX}SMTP_PASSWORD would travel readable for everybody: set {PREFIX}SMTP_TLS to starttls or tls.")
        return cls(host, port, security, user, password, sender)


def configuration_status(settings: Settings) -> str:
    """`configured`, `notConfigured`, or a sentence that says which setting cannot be used."""
    try:
        return "configured" if SmtpServer.of(settings) else "notConfigured"
    except SettingsError as error:
        return str(error)


@dataclass(frozen=True, slots=True)
class Email:
    """What is sent. `message_id`, `in_reply_to` and `references` are ids in angle brackets; at least one of `html` and `text` is given."""

    to: tuple[EmailAddress, ...]
    subject: str
    message_id: str
    text: str
    html: str = ""
    cc: tuple[EmailAddress, ...] = ()
    bcc: tuple[EmailAddress, ...] = ()
    reply_to: tuple[EmailAddress, ...] = ()
    in_reply_to: str = ""
    references: tuple[str, ...] = ()

    @property
    def recipients(self) -> list[str]:
        """Every address that it goes to, each once."""
        return list(dict.fromkeys(one.address for one in (*self.to, *self.cc, *self.bcc)))


@dataclass(frozen=True, slots=True)
class Receipt:
    """Who the mail server took the letter for, and whom it refused: address → its words."""

    accepted: tuple[str, ...]
    rejected: dict[str, str]


def to_bytes(letter: Email, sender: EmailAddress) -> bytes:
    """The letter as it travels; blind copies are in no header."""
    message = EmailMessage(_POLICY)
    message["From"] = _named(sender)
    for header, people in (("To", letter.to), ("Cc", letter.cc), ("Reply-To", letter.reply_to)):
        if people:
            message[header] = [_named(one) for one in people]
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(clock.now())
    message["Message-ID"] = letter.message_id
    # No automatic answers to what a program has sent.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    if letter.html:
        message.add_alternative(letter.html, subtype="html")
    # The library would encode ids that are longer than a line, and then nobody recognises them.
    threads = (("In-Reply-To", (letter.in_reply_to,) if letter.in_reply_to else ()), ("References", letter.references))
    lines = [f"{header}: " + "\r\n ".join(found) + "\r\n" for header, found in threads if found]
    return "".join(lines).encode("ascii") + message.as_bytes()


class Mailer:
    """A process's way to its mail server: a few connections at a time, one letter each."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._slots = asyncio.Semaphore(MAX_CONNECTIONS)

    def post(self) -> SmtpServer:
        """The mail server. EmailFailed when there is none, or its settings cannot be used."""
        try:
            found = SmtpServer.of(self._settings)
        except SettingsError as error:
            raise EmailFailed(str(error), transient=False) from None
        if found is None:
            raise EmailFailed(NOT_CONFIGURED, transient=False)
        return found

    async def send(self, letter: Email) -> Receipt:
        """Hand a letter over. EmailFailed when nobody of its recipients gets it.

        Whether a server that went silent at the very end has taken it is not known: a repeated letter carries the same Message-ID.
        """
        post = self.post()
        message = to_bytes(letter, post.sender)
        async with self._slots:
            return await asyncio.to_thread(_hand_over, post, letter.recipients, message)


def _hand_over(post: SmtpServer, recipients: list[str], message: bytes) -> Receipt:
    where = f"The mail server {post.host}:{post.port}"
    try:
        refused = _exchange(post, recipients, message)
    except smtplib.SMTPRecipientsRefused as error:
        listed = "; ".join(f"{who}: {_words(*reply)}" for who, reply in list(error.recipients.items())[:5])
        passes = any(_passes(code) for code, _ in error.recipients.values())
        raise EmailFailed(f"{where} refused every recipient. {listed}", transient=passes) from None
    except smtplib.SMTPResponseException as error:
        said, passes = _words(error.smtp_code, error.smtp_error), _passes(error.smtp_code)
        if isinstance(error, smtplib.SMTPAuthenticationError):
            raise EmailFailed(f"{where} does not accept {PREFIX}SMTP_USER and its password: {said}", transient=passes) from None
        raise EmailFailed(f"{where} refused the letter: {said}", transient=passes) from None
    except smtplib.SMTPNotSupportedError as error:
        raise EmailFailed(f"{where} cannot do what the settings ask for: {error}", transient=False) from None
    except ssl.SSLCertVerificationError as error:
        raise EmailFailed(f"{where} has a certificate that is not trusted: {error.verify_message}", transient=False) from None
    except (smtplib.SMTPException, OSError) as error:
        raise EmailFailed(
            f"{where} cannot be reached: {str(error).strip() or type(error).__name__}", transient=True, answered=False
        ) from None
    rejected = {who: _words(*reply) for who, reply in refused.items()}
    return Receipt(tuple(one for one in recipients if one not in rejected), rejected)


def _exchange(post: SmtpServer, recipients: list[str], message: bytes) -> dict[str, tuple[int, bytes]]:
    """One connection, one letter; the recipients that were refused. Raises what smtplib raises."""
    # The name that we greet with, so that nobody asks the resolver for this machine's.
    ours = post.sender.domain
    if post.security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(post.host, post.port, ours, timeout=TIMEOUT_SECONDS, context=ssl.create_default_context())
    else:
        server = smtplib.SMTP(post.host, post.port, ours, timeout=TIMEOUT_SECONDS)
    try:
        if post.security == "starttls":
            server.starttls(context=ssl.create_default_context())
        if post.user:
            server.login(post.user, post.password)
        refused = server.sendmail(post.sender.address, recipients, message)
        # The letter has been taken: what goes wrong with the farewell is nobody's concern.
        with contextlib.suppress(smtplib.SMTPException, OSError):
            server.quit()
    finally:
        server.close()
    return refused


def _named(one: EmailAddress) -> Address:
    return Address(one.name, addr_spec=one.address)


def _passes(code: int) -> bool:
    """4xx: come back later. -1: no proper answer."""
    return 400 <= code < 500 or code < 0


def _words(code: int, said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return f"{code} {' '.join(text.split())}"[:300]


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
