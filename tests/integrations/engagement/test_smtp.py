"""SMTP conforms, gives each recipient one e-mail, and lets nothing of an e-mail become a header of its own."""

from __future__ import annotations

import base64
import datetime
import ssl
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cargo_ai.integrations.kit import ConnectorAction, Done, Failed, Later, Outcome, ServiceError, attempt, integrations
from cargo_ai.integrations.smtp.actions.send_email import WAITS
from cargo_ai.integrations.smtp.attachments import MAX_BYTES
from cargo_ai.kernel.settings import Settings
from cargo_ai.outbound import http_client
from cargo_ai.store.files import FileStore
from tests.kit.conformance.harness import SETTINGS, Harness
from tests.kit.conformance.subject import Example, Subject
from tests.kit.conformance.suite import IntegrationConformance
from tests.simulators.smtp import server
from tests.simulators.smtp.server import PASSWORD, USER, Control

Json = Any
EMAIL: dict[str, Json] = {"to": "Bob <bob@beta.example>", "subject": "Hello", "bodyText": "How are you?"}


def _account(simulator: Any, password: str = PASSWORD, **more: Json) -> dict[str, Json]:
    where = {"host": "127.0.0.1", "port": simulator.port, "security": "off", "fromAddress": "Ann Lee <ann@acme.example>"}
    return {"method": "password", **where, "user": USER, "password": password, **more}


def _taken(control: Control) -> Json:
    return [(taken.recipients, taken.message["Subject"], taken.message.get_content()) for taken in control.emails]


SUBJECT = Subject(
    slug="smtp",
    running=server.running,
    account=_account,
    wrong=lambda simulator: _account(simulator, "another-password-entirely"),
    secret=PASSWORD,
    error=lambda _status, sentence: sentence,
    over_http=False,
    examples={
        "sendEmail": Example(config=EMAIL, effect=_taken, rejected={**EMAIL, "to": "bob at beta"}, says="bob at beta"),
    },
)


def _send() -> ConnectorAction:
    action = integrations()["smtp"].action("sendEmail")
    assert action is not None
    return action


class Run:
    """A run that comes to the node and comes back as often as it has to."""

    def __init__(self, harness: Harness, config: dict[str, Json]) -> None:
        self.harness, self.config, self.meta, self.key = harness, config, None, harness.new_key()

    async def attempt(self) -> Outcome:
        request = self.harness.request(_send(), self.config, self.key)
        outcome = await attempt(_send(), replace(request, call=replace(request.call, meta=self.meta)))
        self.meta = outcome.meta if isinstance(outcome, Later) else None
        return outcome


class TestSmtp(IntegrationConformance):
    """A mail server that wants a password, on the loopback."""

    subject = SUBJECT

    async def test_an_e_mail_has_all_that_was_entered_and_no_blind_copies(self, harness: Harness) -> None:
        config = {
            **EMAIL,
            "to": ["Bob Öz <bob@beta.example>", "eve@beta.example"],
            "cc": "carl@beta.example",
            "bcc": "boss@acme.example",
            "replyTo": "sales@acme.example",
            "subject": "Grüße – 你好",
            "bodyHtml": "<p>How are <b>you</b>?</p>",
            "bodyText": "",
            "inReplyTo": "<1@beta.example>",
            "attachments": [
                {"name": "Übersicht.csv", "text": "a,b\n1,2\n"},
                {"name": "logo.png", "contentBase64": base64.b64encode(b"\x89PNG").decode()},
            ],
        }
        done = await harness.done(_send(), config)
        (taken,) = harness.control.emails
        message = taken.message
        assert (
            taken.recipients
            == ["bob@beta.example", "eve@beta.example", "carl@beta.example", "boss@acme.example"]
            == done.output["accepted"]
        )
        assert b"boss@" not in taken.raw and message["Bcc"] is None
        assert (message["From"], message["Reply-To"]) == ("Ann Lee <ann@acme.example>", "sales@acme.example")
        assert (message["Subject"], message["Message-ID"]) == ("Grüße – 你好", done.output["messageId"])
        assert message["In-Reply-To"] == message["References"] == "<1@beta.example>"
        text, html = (message.get_body((kind,)) for kind in ("plain", "html"))
        assert text is not None and html is not None and "How are you?" in text.get_content() and "<b>you</b>" in html.get_content()
        files = {part.get_filename(): (part.get_content_type(), part.get_content()) for part in message.iter_attachments()}
        assert files == {"Übersicht.csv": ("text/csv", "a,b\n1,2\n"), "logo.png": ("image/png", b"\x89PNG")}

    async def test_a_repeated_attempt_has_the_same_message_id(self, harness: Harness) -> None:
        key = harness.new_key()
        ids = {(await harness.done(_send(), EMAIL, key)).output["messageId"] for _ in range(2)}
        other = await harness.done(_send(), EMAIL)
        assert len(ids) == 1 and other.output["messageId"] not in ids

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("subject", "Hello\r\nBcc: all@example.com"),
            ("subject", "Hello\u2028Bcc: all@example.com"),
            ("to", "bob@beta.example\r\nDATA"),
            ("to", "bob@beta.example> SIZE=1\r\nRCPT TO:<all@example.com"),
            ("to", '"Bob\r\nBcc: all@example.com" <bob@beta.example>'),
            ("replyTo", "a@b.example\nX: y"),
            ("fromAddress", "ann@acme.example>\r\nRSET"),
            ("inReplyTo", "<1@b>\r\nX: y"),
            ("attachments", [{"name": "a.txt\r\nX: y", "text": "x"}]),
            ("attachments", [{"name": "a.txt", "contentType": "text/plain\r\nX: y", "text": "x"}]),
        ],
    )
    async def test_nothing_that_is_entered_begins_a_header_or_a_command(self, harness: Harness, field: str, value: Json) -> None:
        failure = await harness.failed(_send(), {**EMAIL, field: value})
        assert not failure.transient and field in failure.message and harness.control.emails == []

    async def test_a_body_cannot_end_the_e_mail(self, harness: Harness) -> None:
        text = "One.\r\n.\r\nMAIL FROM:<eve@evil.example>\r\nTwo."
        await harness.done(_send(), {**EMAIL, "bodyText": text})
        (taken,) = harness.control.emails
        assert "Two." in taken.message.get_content() and taken.sender == "ann@acme.example"

    async def test_who_is_refused_for_good_is_named_and_the_others_get_it(self, harness: Harness) -> None:
        harness.control.say("RCPT", "550 5.1.1 no such user", "nobody@")
        done = await harness.done(_send(), {**EMAIL, "to": ["bob@beta.example", "nobody@beta.example"]})
        assert done.output["accepted"] == ["bob@beta.example"]
        assert done.output["rejected"] == [{"address": "nobody@beta.example", "message": "550 5.1.1 no such user"}]
        assert "nobody@beta.example was refused" in done.warnings[0]
        failure = await harness.failed(_send(), {**EMAIL, "to": "nobody@beta.example"})
        assert (failure.reason, failure.transient) == ("refused", False) and "no such user" in failure.message

    async def test_who_is_put_off_is_tried_again_and_the_others_get_it_once(self, harness: Harness) -> None:
        harness.control.say("RCPT", "451 4.7.1 greylisted", "slow@")
        run = Run(harness, {**EMAIL, "to": ["bob@beta.example", "slow@beta.example"]})
        later = await run.attempt()
        assert isinstance(later, Later) and later.seconds == WAITS[0] and "greylisted" in later.reason
        harness.control.replies.clear()
        done = await run.attempt()
        assert isinstance(done, Done) and done.output["accepted"] == ["bob@beta.example", "slow@beta.example"]
        first, second = harness.control.emails
        assert (first.recipients, second.recipients) == (["bob@beta.example"], ["slow@beta.example"])
        assert first.message["Message-ID"] == second.message["Message-ID"]

    @pytest.mark.parametrize("verb", ["MAIL", "RCPT", "END", "CONNECT"])
    async def test_a_server_that_never_says_yes_is_given_up(self, harness: Harness, verb: str) -> None:
        harness.control.say(verb, "451 4.3.2 not now")
        run = Run(harness, EMAIL)
        waits = [outcome.seconds for _ in WAITS if isinstance(outcome := await run.attempt(), Later)]
        last = await run.attempt()
        assert waits == list(WAITS) and isinstance(last, Failed) and "not now" in last.message, last

    async def test_some_who_never_get_it_do_not_undo_the_others(self, harness: Harness) -> None:
        harness.control.say("RCPT", "451 4.7.1 greylisted", "slow@")
        run = Run(harness, {**EMAIL, "to": ["bob@beta.example", "slow@beta.example"]})
        await run.attempt()
        harness.control.say("MAIL", "550 5.7.1 you again")
        done = await run.attempt()
        assert isinstance(done, Done) and done.output["accepted"] == ["bob@beta.example"]
        assert "you again" in done.output["rejected"][0]["message"] and len(harness.control.emails) == 1

    async def test_a_server_that_cannot_encrypt_gets_nothing(self, harness: Harness) -> None:
        harness.account |= {"security": "starttls"}
        harness.control.say("EHLO", "250-loopback\r\n250 AUTH PLAIN")
        failure = await harness.failed(_send(), EMAIL)
        assert not failure.transient and "STARTTLS" in failure.message.upper() and harness.control.logins == []

    async def test_a_password_is_not_sent_in_the_open(self, harness: Harness) -> None:
        harness.account |= {"host": "mail.acme.example", "security": "off"}
        failure = await harness.failed(_send(), EMAIL)
        assert "without encryption" in failure.message

    async def test_private_networks_are_closed(self, harness: Harness) -> None:
        async with http_client.client(Settings({})) as client:
            closed = Harness(SUBJECT, harness.simulator, client, harness.account)
            failure = await closed.failed(_send(), EMAIL)
            assert failure.reason == "addressRefused" and "CARGO_AI_OUTBOUND_ALLOW" in failure.message
            verification = closed.integration.account.verification
            assert verification is not None
            with pytest.raises(ServiceError, match="CARGO_AI_OUTBOUND_ALLOW"):
                await verification.verify(closed.service())

    async def test_files_of_the_workspace_are_attached_and_of_no_other(self, harness: Harness, tmp_path: Path) -> None:
        files = FileStore.of(Settings({"CARGO_AI_DATA_DIR": str(tmp_path)}))
        request = harness.request(_send(), EMAIL)
        mine = FileStore.new_key(request.call.workspace, "uploads", "deck.pdf")
        theirs = FileStore.new_key("01a21de8-3570-73bf-b989-538f6b42fca4", "uploads", "deck.pdf")
        large = FileStore.new_key(request.call.workspace, "uploads", "large.bin")
        for key, content in ((mine, b"%PDF"), (theirs, b"secret"), (large, b"0" * (MAX_BYTES + 1))):
            await files.put(key, content)

        async def send(*keys: str) -> Outcome:
            config = {**EMAIL, "attachments": [{"s3Filename": key} for key in keys]}
            return await attempt(_send(), replace(request, config=config, files=files))

        assert isinstance(await send(mine), Done)
        (part,) = harness.control.emails[0].message.iter_attachments()
        assert (part.get_filename(), part.get_content_type(), part.get_content()) == ("deck.pdf", "application/pdf", b"%PDF")
        for keys, says in (
            ((theirs,), "no such file"),
            ((f"{mine}/../x",), "no such file"),
            ((large,), "more than 10 MB"),
            ((mine, large), "10 MB"),
        ):
            outcome = await send(*keys)
            assert isinstance(outcome, Failed) and says in outcome.message, outcome
        assert len(harness.control.emails) == 1


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A certificate of `localhost` that no authority has signed."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    built = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + datetime.timedelta(days=1))
    signed = built.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False).sign(key, hashes.SHA256())
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@pytest.fixture(params=["tls", "starttls"])
def encrypted(request: pytest.FixtureRequest, certificate: ssl.SSLContext) -> Generator[tuple[server.Simulator, str]]:
    """A server that speaks only TLS, or after STARTTLS."""
    security = str(request.param)
    with server.running(certificate) if security == "tls" else server.running(upgrade=certificate) as simulator:
        simulator.control.reset()
        yield simulator, security


async def test_the_way_is_encrypted_and_the_certificate_counts(encrypted: tuple[server.Simulator, str]) -> None:
    simulator, security = encrypted
    async with http_client.client(SETTINGS) as client:
        account = _account(simulator, security=security, verifyCertificate=False)
        await Harness(SUBJECT, simulator, client, account).done(_send(), EMAIL)
        assert len(simulator.control.emails) == 1 and simulator.control.logins == [(USER, PASSWORD)]
        failure = await Harness(SUBJECT, simulator, client, _account(simulator, security=security)).failed(_send(), EMAIL)
        assert not failure.transient and "certificate" in failure.message, failure
        assert len(simulator.control.logins) == 1
