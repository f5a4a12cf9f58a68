"""Start the current server on the fixture's state, with the HTTP service and the mail server that its work needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.kit.peers.mail_server import MailServer, mail_thread
from tests.kit.processes.real_server import RealServer
from tests.upgrade import state
from tests.upgrade.loopback import Loopback, loopback

Json = dict[str, Any]
END_SECONDS = 60


@dataclass(frozen=True)
class Upgraded:
    """The current server on the previous one's data. `known`: the uuids and secrets in the fixture (see `state.known`)."""

    server: RealServer
    known: Json
    service: Loopback
    mail: MailServer

    def call(self, name: str, /, **fields: Any) -> Json:
        """The body of a response that must be 200."""
        return self.server.call(name, **fields)

    def run_output(self, run: str) -> Json:
        """Wait for a successful run (a uuid, or its name in `known`) and return the output of its `end` node."""
        response = self.server.run_finished(self.known.get(run, run), END_SECONDS)
        assert response["run"]["status"] == "success", response["run"]
        output: Json = response["runContext"]["end"]
        return output

    def run_status(self, run: str) -> str:
        """Wait for the end of a run and return its status."""
        return str(self.server.run_finished(run, END_SECONDS)["run"]["status"])

    def finished_batch(self, name: str) -> Json:
        """Wait for the end of a batch, by its name in `known`."""
        return self.server.finished(self.known[name], END_SECONDS)


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upgraded]:
    """The current server, started on the fixture. All tests of a module share it, and its work goes on meanwhile."""
    known = state.known()
    with loopback(int(known["port"]), str(known["secret"])) as service, mail_thread() as mail:
        smtp = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(mail.port), "SMTP_TLS": "off", "SMTP_FROM": "cargo@example.com"}
        # One worker: two that recover the dead worker's jobs at once may both run the same one.
        server = RealServer(tmp_path_factory.mktemp("upgraded"), workers=1, data_dir=None, STALLED_AFTER_SECONDS="10", **smtp)
        try:
            state.load(server.data_dir)
            server.token = str(known["token"])
            yield Upgraded(server.start(), known, service, mail)
        finally:
            server.erase()
