"""What the journeys share: one real server and one service of companies for the session, and a person with a fresh home for each test."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.peers.mail_server import MailServer, mail_thread
from tests.kit.processes.real_server import RealServer, real_server
from tests.scenarios.story.companies import Companies, companies_service
from tests.scenarios.story.person import Person
from tests.simulators.apolloio import server as apolloio
from tests.simulators.hubspot import server as hubspot
from tests.simulators.hubspot.server import Running
from tests.simulators.language_models import server as language_models
from tests.simulators.people_data_labs import server as people_data_labs


@pytest.fixture(scope="session")
def hubspot_service() -> Iterator[Running]:
    """HubSpot, as far as the server can see."""
    with hubspot.running() as simulator:
        yield simulator


@pytest.fixture(scope="session")
def enrichment_service() -> Iterator[people_data_labs.Running]:
    """People Data Labs, as far as the server can see."""
    with people_data_labs.running() as simulator:
        yield simulator


@pytest.fixture(scope="session")
def apollo_service() -> Iterator[apolloio.Running]:
    """Apollo, as far as the server can see."""
    with apolloio.running() as simulator:
        yield simulator


@pytest.fixture(scope="session")
def language_model() -> Iterator[language_models.Running]:
    """OpenAI, as far as the server can see; it is not a model."""
    with language_models.running() as simulator:
        yield simulator


@pytest.fixture(scope="session")
def mail() -> Iterator[MailServer]:
    """The mail server that the server sends by."""
    with mail_thread() as running:
        yield running


@pytest.fixture(scope="session")
def server(
    tmp_path_factory: pytest.TempPathFactory,
    hubspot_service: Running,
    enrichment_service: people_data_labs.Running,
    apollo_service: apolloio.Running,
    language_model: language_models.Running,
    mail: MailServer,
) -> Iterator[RealServer]:
    """`cargo-ai server start` with two workers; the loopback may be called, and anyone who has an address of example.org may come in."""
    addresses = (
        f"hubspot={hubspot_service.url},peopleDataLabs={enrichment_service.url},apolloio={apollo_service.url},openAi={language_model.url}"
    )
    with real_server(
        tmp_path_factory.mktemp("server"),
        SMTP_HOST="127.0.0.1",
        SMTP_PORT=str(mail.port),
        SMTP_TLS="off",
        SMTP_FROM="cargo@example.org",
        LOGIN_DOMAINS="example.org",
        SERVICE_ADDRESSES=addresses,
    ) as started:
        yield started


@pytest.fixture(scope="session")
def companies() -> Iterator[Companies]:
    """The service that graphs call."""
    with companies_service() as service:
        yield service


@pytest.fixture
def person(tmp_path: Path, server: RealServer) -> Person:
    """The admin of the first workspace, signed in by the environment."""
    return Person(tmp_path, server.base_url, server.token)


def new_workspace(server: RealServer, name: str) -> str:
    """The token of the admin of a fresh workspace on that server."""
    from cargo_ai.domains.workspace import public
    from cargo_ai.server.compose import hooks
    from cargo_ai.store.session import ALL_WORKSPACES, Database

    async def add() -> str:
        database = Database(server.database_url)
        try:
            async with database.session(ALL_WORKSPACES) as db:
                first_workspace = await public.add_workspace(db, hooks(), name=name, email=f"{name.lower()}@example.com")
                await db.commit()
        finally:
            await database.close()
        return first_workspace.token

    return asyncio.run(add())


@pytest.fixture(scope="session")
def second_token(server: RealServer) -> str:
    """A token of a second workspace's admin."""
    return new_workspace(server, "Second")


@pytest.fixture
def other_person(tmp_path: Path, server: RealServer, second_token: str) -> Person:
    """The admin of the second workspace."""
    home = tmp_path / "stranger"
    home.mkdir()
    return Person(home, server.base_url, second_token)
