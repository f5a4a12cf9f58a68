"""The state of one API process, which every route gets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from starlette.requests import HTTPConnection

from cargo_ai.context.process import Services
from cargo_ai.kernel.operation import AnyOperation
from cargo_ai.kernel.secrets import SecretKey
from cargo_ai.kernel.settings import Settings
from cargo_ai.outbound import http_client
from cargo_ai.server.api.audit import RefusedWrites
from cargo_ai.server.api.callers import Callers
from cargo_ai.server.api.rate_limits.limits import Limits
from cargo_ai.server.api.rate_limits.shared_counts import SharedCounts
from cargo_ai.server.api.signals import Signals
from cargo_ai.server.compose import services_of
from cargo_ai.store.connections.turns import Turns
from cargo_ai.store.files import FileStore
from cargo_ai.store.session import Database
from cargo_ai.user_sql.run.executor import open_executor


@dataclass(frozen=True)
class State:
    """Everything that lives as long as the process. `revision` is the migration that this code needs."""

    database: Database
    files: FileStore
    secrets: SecretKey
    settings: Settings
    signals: Signals
    revision: str

    @cached_property
    def services(self) -> Services:
        """What handlers may use, with a client of its own for what is called while a caller waits."""
        return services_of(self.settings, self.database, self.files, self.secrets, http_client.client(self.settings))

    @cached_property
    def callers(self) -> Callers:
        """Who has sent a token lately."""
        callers = Callers(self.database, lambda: self.signals.connected)
        self.signals.on_access(callers.forget)
        return callers

    @cached_property
    def limits(self) -> Limits:
        """The rate limits, which the API processes of this server count together."""
        counts = SharedCounts(self.database, self.signals, several=self.settings.api_processes > 1)
        return Limits(self.settings, counts.share)

    @cached_property
    def _transactions(self) -> Turns:
        """Half of the connections are never held by the transactions of one workspace, however many requests it sends at once."""
        return Turns(max(1, self.database.size // 2), self.database.size, seconds=None)

    def turns_of(self, operation: AnyOperation) -> list[Turns]:
        """What a request takes a turn of before its transaction, in order: who waits for one of the first holds none of the others."""
        queries = [open_executor(self.database, self.secrets).turns] if operation.queries else []
        filters = [self.database.turns] if operation.evaluates else []
        return [*queries, *filters, self._transactions]

    @cached_property
    def refused_writes(self) -> RefusedWrites:
        """Refused writes on their way into the audit log."""
        return RefusedWrites(self.database)

    def base_url(self, request: HTTPConnection) -> str:
        """Where this server is reached from outside, without a slash at the end: the public URL, else the request's own host."""
        return self.settings.public_url or str(request.base_url).rstrip("/")


def state_of(request: HTTPConnection) -> State:
    """The state of the application that serves a request: hand-written routes get it with this."""
    state: State = request.app.state.server
    return state
