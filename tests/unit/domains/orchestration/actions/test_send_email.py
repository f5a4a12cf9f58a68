"""E-mails of sendEmail nodes, and those to reviewers, over SMTP to a real server on the loopback."""

from __future__ import annotations

import asyncio
import re
import ssl
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import select, text

from cargo_ai.domains.orchestration.actions.human_review import Reviews
from cargo_ai.domains.orchestration.actions.send_email import EmailSender, check
from cargo_ai.domains.orchestration.node_tables import Review
from cargo_ai.domains.orchestration.reviews.review_notify import ReviewNotifier
from cargo_ai.email.smtp import Mailer
from cargo_ai.email.smtp import configuration_status as mail_state
from cargo_ai.engine.graph.action import Call, Done, Failed, InvalidConfig, Later, Outcome
from cargo_ai.kernel import clock, ids
from cargo_ai.kernel.secrets import SecretKey
from cargo_ai.kernel.settings import Settings
from cargo_ai.store.session import ALL_WORKSPACES, Database
from tests.kit.data.databases import Databases
from tests.kit.peers.mail_server import MailServer, mail_server

Body = dict[str, Any]
EMAIL: Body = {"to": "Ann Lee <ann@example.com>", "subject": "Grüße", "bodyHtml": "<p>Hello <b>Ann</b></p><a href='https://x.io'>here</a>"}


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def database(databases: Databases) -> AsyncIterator[Database]:
    """A database of the module's, without a worker: each call comes from a workspace of its own."""
    with databases.lent() as url:
        made = Database(url, pool_size=4)
        yield made
        await made.close()


@pytest_asyncio.fixture(loop_scope="module")
async def server() -> AsyncIterator[MailServer]:
    """The mail server."""
    async with mail_server() as running:
        yield running


@pytest.fixture
def environment(server: MailServer, settings: Settings) -> dict[str, str]:
    """The settings of an installation that sends through it."""
    mine = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(server.port), "SMTP_TLS": "off", "SMTP_FROM": "Acme <hello@acme.test>"}
    return settings.environment | {f"CARGO_AI_{name}": value for name, value in mine.items()}


@pytest.fixture
def sender(database: Database, environment: dict[str, str]) -> EmailSender:
    """The effect on that server."""
    found = Settings(environment)
    return EmailSender(database, found, Mailer(found))


def call(config: Body, meta: Any = None) -> Call:
    run = ids.new()
    raw: Body = {"uuid": "mail", "slug": "mail", "kind": "native", "actionSlug": "sendEmail"}
    return Call(ids.new(), None, run, None, run, raw, config, {}, f"{run}:mail:1", 1, meta)


def part(message: EmailMessage, kind: str) -> str:
    found = message.get_body((kind,))
    assert found is not None
    return cast("str", found.get_content())


async def test_an_e_mail_arrives_as_html_and_as_text(sender: EmailSender, server: MailServer) -> None:
    more = {"cc": ["bob@example.com"], "bcc": "eve@bücher.example", "replyTo": "desk@acme.test"}
    thread = {"inReplyTo": "<1@x.example>", "references": ["<0@x.example>", "<" + "y" * 90 + "@x.example>"]}
    outcome = await sender.perform(call({**EMAIL, **more, **thread}))
    assert isinstance(outcome, Done)
    (taken,) = server.emails
    assert (taken.sender, taken.recipients) == (
        "hello@acme.test",
        ["ann@example.com", "bob@example.com", "eve@xn--bcher-kva.example"],
    )
    message = taken.message
    assert (message["from"], message["to"], message["cc"], message["subject"]) == (
        "Acme <hello@acme.test>",
        "Ann Lee <ann@example.com>",
        "bob@example.com",
        "Grüße",
    )
    assert message["bcc"] is None and b"eve" not in taken.raw.lower()
    assert message["in-reply-to"] == "<1@x.example>"
    assert message["references"].split() == ["<0@x.example>", "<" + "y" * 90 + "@x.example>", "<1@x.example>"]
    assert part(message, "html").strip() == EMAIL["bodyHtml"]
    assert part(message, "plain").split() == ["Hello", "Ann", "here", "(https://x.io)"]
    assert outcome.output["messageId"] == message["message-id"]
    assert outcome.output["accepted"] == taken.recipients


async def test_a_repeated_attempt_sends_nothing_more_and_gives_the_same(sender: EmailSender, server: MailServer) -> None:
    made = call(EMAIL)
    first, second = await sender.perform(made), await sender.perform(made)
    assert isinstance(first, Done) and isinstance(second, Done) and first.output == second.output
    assert len(server.emails) == 1


async def test_when_no_one_knows_whether_it_was_taken_the_same_message_id_comes_again(sender: EmailSender, server: MailServer) -> None:
    made = call(EMAIL)
    seen: list[str] = []

    def once(verb: str, _argument: str) -> str | None:
        if verb == "END":
            seen.append(verb)
            return "hang up" if len(seen) == 1 else None
        return None

    server.says = once
    outcome = await sender.perform(made)
    assert isinstance(outcome, Later) and outcome.meta == {"tries": 1}
    again = await sender.perform(replace(made, meta=outcome.meta))
    assert isinstance(again, Done)
    assert server.emails[0].message["message-id"] == again.output["messageId"]


@pytest.mark.parametrize(
    ("verb", "reply", "tries", "waits"),
    [
        ("RCPT", "450 greylisted", 0, 5.0),
        ("RCPT", "450 greylisted", 3, 900.0),
        ("RCPT", "450 greylisted", 4, None),
        ("MAIL", "421 too busy", 0, 5.0),
        ("END", "452 disk is full", 1, 60.0),
        ("RCPT", "550 no such user", 0, None),
        ("END", "554 looks like spam", 0, None),
        ("CONNECT", "554 go away", 0, None),
    ],
)
async def test_a_server_that_says_not_now_is_asked_again_and_one_that_says_no_is_not(
    sender: EmailSender, server: MailServer, verb: str, reply: str, tries: int, waits: float | None
) -> None:
    server.says = lambda asked, _argument: reply if asked == verb else None
    outcome = await sender.perform(call(EMAIL, meta={"tries": tries}))
    if waits is None:
        assert isinstance(outcome, Failed) and reply in outcome.message
        assert outcome.transient == reply.startswith("4")
    else:
        assert isinstance(outcome, Later) and (outcome.seconds, outcome.meta) == (waits, {"tries": tries + 1})
        assert reply in outcome.reason


async def test_a_recipient_that_is_refused_is_reported_and_the_others_get_the_e_mail(sender: EmailSender, server: MailServer) -> None:
    server.says = lambda verb, argument: "550 no such user" if verb == "RCPT" and "gone@" in argument else None
    outcome = await sender.perform(call(EMAIL | {"to": "ann@example.com, gone@example.com", "mailboxUuid": "m"}))
    assert isinstance(outcome, Done)
    assert outcome.output["accepted"] == ["ann@example.com"]
    assert outcome.output["rejected"] == [{"address": "gone@example.com", "message": "550 no such user"}]
    assert len(outcome.warnings) == 2


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"to": ""}, "No one is named in `to`"),
        ({"to": "ann"}, "`to`: 'ann' is not an e-mail address"),
        ({"to": "a@b.example\r\nBcc: all@b.example"}, "line break"),
        ({"to": 'x"\r\n <a@b.example>'}, "line break"),
        ({"to": [f"p{at}@b.example" for at in range(51)]}, "at most 50 are allowed"),
        ({"cc": "a@b.example;c@d.example"}, "`cc`"),
        ({"replyTo": "a@b.example>\nX: y"}, "line break"),
        ({"subject": "Hi\r\nBcc: all@b.example"}, "`subject` has a line break"),
        ({"subject": " "}, "`subject` must have"),
        ({"subject": "x" * 501}, "`subject` must have"),
        ({"bodyHtml": " "}, "The e-mail is empty"),
        ({"bodyHtml": {"a": 1}}, "`bodyHtml` must be text"),
        ({"bodyHtml": "x" * (2 * 1024 * 1024 + 1)}, "more than 2 MB"),
        ({"inReplyTo": "yesterday's"}, "`inReplyTo`"),
        ({"inReplyTo": "<a@b.example> <c@d.example>"}, "it takes one"),
        ({"references": ["<a@b.example>\r\nX: y"]}, "`references`"),
    ],
)
async def test_what_is_no_e_mail_is_never_sent(sender: EmailSender, server: MailServer, config: Body, words: str) -> None:
    with pytest.raises(InvalidConfig, match=re.escape(words)):
        await sender.perform(call(EMAIL | config))
    assert server.connections == 0


async def test_what_is_wrong_before_any_run_is_reported_then() -> None:
    assert check({}) is None and check({"to": "{{nodes.start.email}}"}) is None
    assert "not an e-mail address" in (check({"to": "nobody"}) or "")


async def test_without_settings_the_node_says_which_are_missing(database: Database, settings: Settings) -> None:
    outcome = await EmailSender(database, settings, Mailer(settings)).perform(call(EMAIL))
    assert isinstance(outcome, Failed) and "CARGO_AI_SMTP_HOST" in outcome.message and not outcome.transient
    assert mail_state(settings) == "notConfigured"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"SMTP_FROM": ""}, "CARGO_AI_SMTP_FROM"),
        ({"SMTP_FROM": "a@b.example, c@d.example"}, "CARGO_AI_SMTP_FROM"),
        ({"SMTP_TLS": "maybe"}, "starttls, tls, off"),
        ({"SMTP_PORT": "mail"}, "CARGO_AI_SMTP_PORT"),
        ({"SMTP_HOST": "mail.example.com", "SMTP_PASSWORD": "secret"}, "CARGO_AI_SMTP_TLS"),
    ],
)
async def test_settings_that_cannot_be_used_are_named(
    database: Database, environment: dict[str, str], change: dict[str, str], words: str
) -> None:
    wrong = Settings(environment | {f"CARGO_AI_{name}": value for name, value in change.items()})
    assert words in mail_state(wrong)
    outcome = await EmailSender(database, wrong, Mailer(wrong)).perform(call(EMAIL))
    assert isinstance(outcome, Failed) and words in outcome.message and "secret" not in outcome.message


async def test_user_and_password_are_used_and_wrong_ones_are_reported(
    database: Database, environment: dict[str, str], server: MailServer
) -> None:
    server.password = "right"
    for password, sort in (("right", Done), ("mistaken", Failed)):
        given = Settings(environment | {"CARGO_AI_SMTP_USER": "me", "CARGO_AI_SMTP_PASSWORD": password})
        outcome = await EmailSender(database, given, Mailer(given)).perform(call(EMAIL))
        assert isinstance(outcome, sort)
        if isinstance(outcome, Failed):
            assert "CARGO_AI_SMTP_USER" in outcome.message and password not in outcome.message
    assert server.logins[0] == ("me", "right")


async def test_a_server_without_starttls_gets_no_e_mail_where_starttls_is_asked_for(
    database: Database, environment: dict[str, str], server: MailServer
) -> None:
    given = Settings(environment | {"CARGO_AI_SMTP_TLS": "starttls"})
    outcome = await EmailSender(database, given, Mailer(given)).perform(call(EMAIL))
    assert isinstance(outcome, Failed) and "STARTTLS" in outcome.message
    assert server.emails == []


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's side of TLS for the loopback, and the file by which it is trusted."""
    key, now = ec.generate_private_key(ec.SECP256R1()), clock.now()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    built = built.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    address = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    signed = built.add_extension(address, critical=False).sign(key, hashes.SHA256())
    trusted, secret = folder / "cert.pem", folder / "key.pem"
    trusted.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    secret.write_bytes(key.private_bytes(*form))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted, secret)
    return context, trusted


async def test_over_tls_an_e_mail_goes_to_a_server_that_is_trusted_and_to_no_other(
    database: Database, environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, trusted = certificate(tmp_path)
    async with mail_server(context) as secure:
        given = Settings(environment | {"CARGO_AI_SMTP_TLS": "tls", "CARGO_AI_SMTP_PORT": str(secure.port)})
        sending = EmailSender(database, given, Mailer(given))
        refused = await sending.perform(call(EMAIL))
        assert isinstance(refused, Failed) and "certificate" in refused.message and not refused.transient
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        assert isinstance(await sending.perform(call(EMAIL)), Done)
        assert len(secure.emails) == 1


async def test_with_starttls_login_and_e_mail_go_to_a_server_that_is_trusted_and_to_no_other(
    database: Database, environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, trusted = certificate(tmp_path)
    async with mail_server(upgrade=context) as secure:
        secure.password = "right"
        mine = {"SMTP_TLS": "starttls", "SMTP_PORT": str(secure.port), "SMTP_USER": "me", "SMTP_PASSWORD": "right"}
        given = Settings(environment | {f"CARGO_AI_{name}": value for name, value in mine.items()})
        sending = EmailSender(database, given, Mailer(given))
        refused = await sending.perform(call(EMAIL))
        assert isinstance(refused, Failed) and "certificate" in refused.message and not refused.transient
        assert (secure.logins, secure.emails) == ([], [])
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        assert isinstance(await sending.perform(call(EMAIL)), Done)
        assert (secure.logins, len(secure.emails), secure.secured) == ([("me", "right")], 1, 1)
        # Without it, the server takes nothing, and the password is not even offered.
        bare = Settings(given.environment | {"CARGO_AI_SMTP_TLS": "off"})
        refused = await EmailSender(database, bare, Mailer(bare)).perform(call(EMAIL))
        assert isinstance(refused, Failed) and len(secure.emails) == len(secure.logins) == 1


async def test_a_workspace_sends_no_faster_than_the_server_allows(
    database: Database, environment: dict[str, str], server: MailServer
) -> None:
    given = Settings(environment | {"CARGO_AI_SMTP_PER_MINUTE": "2"})
    sending = EmailSender(database, given, Mailer(given))
    workspace = ids.new()
    outcomes: list[Outcome] = [await sending.perform(replace(call(EMAIL), workspace=workspace)) for _ in range(3)]
    assert [type(one) for one in outcomes] == [Done, Done, Later]
    assert isinstance(outcomes[2], Later) and 50 < outcomes[2].seconds <= 61
    assert len(server.emails) == 2


async def test_a_server_that_cannot_be_reached_fails_the_node_after_a_minute_or_so(
    database: Database, environment: dict[str, str], server: MailServer
) -> None:
    given = Settings(environment | {"CARGO_AI_SMTP_PORT": "1"})
    sending = EmailSender(database, given, Mailer(given))
    first = await sending.perform(call(EMAIL))
    assert isinstance(first, Later) and "cannot be reached" in first.reason
    last = await sending.perform(call(EMAIL, meta={"tries": 2}))
    assert isinstance(last, Failed) and last.transient and "cannot be reached" in last.message


async def put_run(database: Database, made: Call) -> None:
    """The row of a call's run."""
    row = {"u": made.run, "w": made.workspace, "now": clock.now_ms()}
    async with database.session(ALL_WORKSPACES) as db:
        await db.execute(
            text(
                "insert into runs (uuid, workspace_uuid, workflow_uuid, shard_uuid, graph_uuid, trace_uuid, record_id, record_title, "
                "record, created_ms, updated_ms) values (:u, :w, :u, :u, :u, :u, 'r', '', '{}', :now, :now)"
            ),
            row,
        )
        await db.commit()


async def test_those_who_are_asked_for_a_review_get_one_e_mail_each_with_their_own_link(
    database: Database, environment: dict[str, str], server: MailServer
) -> None:
    given = Settings(environment | {"CARGO_AI_PUBLIC_URL": "https://cargo.example"})
    people = ["ann@example.com", "gone@example.com"]
    config: Body = {"title": "Send\nthis?", "fields": {"subject": "Hello"}, "assignees": people}
    node: Body = {"uuid": "review", "slug": "review", "kind": "native", "actionSlug": "humanReview"}
    made = replace(call(config), node=node)
    with pytest.raises(InvalidConfig, match="Only a run can request"):
        await Reviews(database, given).perform(made)
    await put_run(database, made)
    outcome = await Reviews(database, given).perform(made)
    assert isinstance(outcome, Later)
    review = str(outcome.meta["reviewUuid"])
    async with database.session(ALL_WORKSPACES) as db:
        jobs = (await db.execute(text("select args ->> 'review' from procrastinate_jobs where task_name = 'tellReviewers'"))).all()
    assert [row[0] for row in jobs] == [review]
    server.says = lambda verb, argument: "450 later" if verb == "RCPT" and "gone@" in argument else None
    teller = ReviewNotifier(database, SecretKey(b"only for tests: 32 bytes or more"), given, Mailer(given))
    await teller.tell(review)
    await teller.tell(review)
    (taken,) = server.emails
    assert taken.recipients == ["ann@example.com"]
    assert taken.message["subject"] == "Please review: Send this?"
    body = part(taken.message, "plain")
    assert f"https://cargo.example/v1/orchestration/reviews/{review}/decision?email=ann%40example.com&" in body
    assert "subject: Hello" in body
    async with database.session(ALL_WORKSPACES) as db:
        row = await db.scalar(select(Review).where(Review.uuid == uuid.UUID(review)))
    assert row is not None and row.notified == ["ann@example.com"] and "450 later" in (row.notify_problem or "")


async def test_e_mails_are_sent_beside_each_other_but_only_a_few_at_a_time(sender: EmailSender, server: MailServer) -> None:
    outcomes = await asyncio.gather(*(sender.perform(call(EMAIL)) for _ in range(12)))
    assert all(isinstance(one, Done) for one in outcomes)
    assert len({taken.message["message-id"] for taken in server.emails}) == 12
