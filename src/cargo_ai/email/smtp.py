"""Send e-mails through the SMTP server of the settings."""

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
    """The e-mail was not accepted. `transient`: another attempt may help; `answered`: the mail server itself refused it."""

    def __init__(self, message: str, *, transient: bool, answered: bool = True) -> None:
        super().__init__(message)
        self.transient, self.answered = transient, answered


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """The mail server of the settings, and the address that e-mails are from."""

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
            raise SettingsError(f"{PREFIX}SMTP_FROM must be the address that e-mails are from: {fault}") from None
        user, password = settings.smtp_user, settings.smtp_password
        if password and security == "off" and not _is_loopback(host):
            raise SettingsError(f"{PREFIX}SMTP_PASSWORD would be sent without encryption: set {PREFIX}SMTP_TLS to starttls or tls.")
        return cls(host, port, security, user, password, sender)


def configuration_status(settings: Settings) -> str:
    """`configured`, `notConfigured`, or a sentence that says which setting cannot be used."""
    try:
        return "configured" if SmtpServer.of(settings) else "notConfigured"
    except SettingsError as error:
        return str(error)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of an e-mail. content_type: such as `application/pdf`."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Email:
    """One e-mail. `message_id`, `in_reply_to` and `references` are ids in angle brackets; at least one of `html` and `text` is given."""

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
    attachments: tuple[Attachment, ...] = ()

    @property
    def recipients(self) -> list[str]:
        """Every recipient, each once."""
        return list(dict.fromkeys(recipient.address for recipient in (*self.to, *self.cc, *self.bcc)))


@dataclass(frozen=True, slots=True)
class Receipt:
    """The recipients that the mail server accepted, and those that it refused: address → its answer."""

    accepted: tuple[str, ...]
    rejected: dict[str, str]


def to_bytes(email: Email, sender: EmailAddress) -> bytes:
    """The e-mail as bytes; blind copies are in no header."""
    message = EmailMessage(_POLICY)
    message["From"] = _header_address(sender)
    for header, people in (("To", email.to), ("Cc", email.cc), ("Reply-To", email.reply_to)):
        if people:
            message[header] = [_header_address(person) for person in people]
    message["Subject"] = email.subject
    message["Date"] = format_datetime(clock.now())
    message["Message-ID"] = email.message_id
    # No automatic answers to what a program has sent.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(email.text)
    if email.html:
        message.add_alternative(email.html, subtype="html")
    for attachment in email.attachments:
        maintype, _, subtype = attachment.content_type.partition("/")
        message.add_attachment(attachment.content, maintype=maintype, subtype=subtype, filename=attachment.name)
    # The library would encode ids that are longer than a line, and mail programs would not recognise them.
    threads = (("In-Reply-To", (email.in_reply_to,) if email.in_reply_to else ()), ("References", email.references))
    lines = [f"{header}: " + "\r\n ".join(ids) + "\r\n" for header, ids in threads if ids]
    return "".join(lines).encode("ascii") + message.as_bytes()


class Mailer:
    """Sends the e-mails of a process: a few connections at a time, one e-mail each."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._slots = asyncio.Semaphore(MAX_CONNECTIONS)

    def server(self) -> SmtpServer:
        """The mail server. EmailFailed when none is set, or its settings cannot be used."""
        try:
            server = SmtpServer.of(self._settings)
        except SettingsError as error:
            raise EmailFailed(str(error), transient=False) from None
        if server is None:
            raise EmailFailed(NOT_CONFIGURED, transient=False)
        return server

    async def send(self, email: Email) -> Receipt:
        """Send an e-mail. EmailFailed when none of its recipients gets it.

        Whether a server that went silent at the very end has taken it is not known: a repeated e-mail has the same Message-ID.
        """
        server = self.server()
        message = to_bytes(email, server.sender)
        async with self._slots:
            return await asyncio.to_thread(_deliver, server, email.recipients, message)


def _deliver(server: SmtpServer, recipients: list[str], message: bytes) -> Receipt:
    where = f"The mail server {server.host}:{server.port}"
    try:
        refused = _exchange(server, recipients, message)
    except smtplib.SMTPRecipientsRefused as error:
        listed = "; ".join(f"{who}: {_answer_text(*reply)}" for who, reply in list(error.recipients.items())[:5])
        transient = any(_is_transient(code) for code, _ in error.recipients.values())
        raise EmailFailed(f"{where} refused every recipient. {listed}", transient=transient) from None
    except smtplib.SMTPResponseException as error:
        said, transient = _answer_text(error.smtp_code, error.smtp_error), _is_transient(error.smtp_code)
        if isinstance(error, smtplib.SMTPAuthenticationError):
            raise EmailFailed(f"{where} does not accept {PREFIX}SMTP_USER and its password: {said}", transient=transient) from None
        raise EmailFailed(f"{where} refused the e-mail: {said}", transient=transient) from None
    except smtplib.SMTPNotSupportedError as error:
        raise EmailFailed(f"{where} cannot do what the settings ask for: {error}", transient=False) from None
    except ssl.SSLCertVerificationError as error:
        raise EmailFailed(f"{where} has a certificate that is not trusted: {error.verify_message}", transient=False) from None
    except (smtplib.SMTPException, OSError) as error:
        raise EmailFailed(
            f"{where} cannot be reached: {str(error).strip() or type(error).__name__}", transient=True, answered=False
        ) from None
    rejected = {who: _answer_text(*reply) for who, reply in refused.items()}
    return Receipt(tuple(recipient for recipient in recipients if recipient not in rejected), rejected)


def _exchange(target: SmtpServer, recipients: list[str], message: bytes) -> dict[str, tuple[int, bytes]]:
    """Send one e-mail on one connection; the refused recipients. Raises what smtplib raises."""
    # The name for EHLO, so that smtplib does not look up this machine's.
    hostname = target.sender.domain
    if target.security == "tls":
        connection: smtplib.SMTP = smtplib.SMTP_SSL(
            target.host, target.port, hostname, timeout=TIMEOUT_SECONDS, context=ssl.create_default_context()
        )
    else:
        connection = smtplib.SMTP(target.host, target.port, hostname, timeout=TIMEOUT_SECONDS)
    try:
        if target.security == "starttls":
            connection.starttls(context=ssl.create_default_context())
        if target.user:
            connection.login(target.user, target.password)
        refused = connection.sendmail(target.sender.address, recipients, message)
        # The e-mail is accepted: errors of the goodbye do not matter.
        with contextlib.suppress(smtplib.SMTPException, OSError):
            connection.quit()
    finally:
        connection.close()
    return refused


def _header_address(address: EmailAddress) -> Address:
    return Address(address.name, addr_spec=address.address)


def _is_transient(code: int) -> bool:
    """Whether another attempt may help: 4xx asks for one, -1 is not a proper answer."""
    return 400 <= code < 500 or code < 0


def _answer_text(code: int, said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return f"{code} {' '.join(text.split())}"[:300]


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
