"""PostgreSQL conforms: `sql` under the name of one kind of database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from cargo_ai.store.embedded.postgres import Cluster
from tests.integrations.storage.test_sql import SUBJECT
from tests.kit.conformance.subject import JsonObject, Simulator
from tests.kit.conformance.suite import IntegrationConformance
from tests.simulators import databases


def _without_dialect(account: JsonObject) -> JsonObject:
    return {name: value for name, value in account.items() if name != "dialect"}


def _account(simulator: Simulator) -> JsonObject:
    return _without_dialect(SUBJECT.account(simulator))


def _wrong(simulator: Simulator) -> JsonObject:
    return _without_dialect(SUBJECT.wrong(simulator))


class TestPostgresql(IntegrationConformance):
    """Its accounts say no dialect."""

    subject = replace(
        SUBJECT,
        slug="postgresql",
        account=_account,
        wrong=_wrong,
    )

    @pytest.fixture(scope="class")
    @classmethod
    def simulator(cls, cluster: Cluster) -> Iterator[Simulator]:
        """A database of the test process's PostgreSQL."""
        with databases.postgresql(cluster.admin_url) as relay:
            yield relay
