"""The recipe of CONTRIBUTING.md for an integration, followed in a copy of the repository: it conforms, and a run calls the service."""

from __future__ import annotations

import pytest

from tests.kit.scratch_tree import ScratchTree

pytestmark = pytest.mark.slow

FOLDER = "src/cargo_ai/integrations/weather"


def test_an_integration(tree: ScratchTree) -> None:
    tree.write(
        f"{FOLDER}/account.py",
        '''"""Accounts of the weather service: a key."""

from __future__ import annotations

from cargo_ai.integrations.kit import AccountSpec, ApiKey, Verification

ACCOUNT = AccountSpec(sign_ins=(ApiKey(header="X-Api-Key"),), verification=Verification("/account"))
''',
    )
    tree.write(
        f"{FOLDER}/client.py",
        '''"""How the weather service is called."""

from __future__ import annotations

from cargo_ai.integrations.kit import ServiceSpec

SERVICE = ServiceSpec("https://api.weather.example/v1")
''',
    )
    tree.write(f"{FOLDER}/actions/__init__.py", '"""What can be done with the weather service, an action a module."""\n')
    tree.write(
        f"{FOLDER}/actions/report.py",
        '''"""`report`: how the weather is in a city."""

from __future__ import annotations

from pydantic import Field

from cargo_ai.integrations.kit import Action, ActionRequest, ConnectorAction, Done, Form, Outcome, schema_of, segment


class City(Form):
    """What is asked for."""

    city: str = Field(title="City", min_length=1)


class Report(Form):
    """What is answered."""

    city: str
    degrees: float


async def perform(request: ActionRequest) -> Outcome:
    """The weather of a city."""
    answer = await request.service.get(f"/cities/{segment(request.form(City).city)}")
    return Done(answer.body)


REPORT: ConnectorAction = Action(
    slug="report",
    kind="connector",
    name="Report",
    description="Tells how the weather is in a city.",
    does="acts",
    hint="reads",
    idempotency="reads",
    config_schema=schema_of(City),
    output_schema=schema_of(Report),
    perform=perform,
)
''',
    )
    tree.write(
        f"{FOLDER}/__init__.py",
        '''"""Weather: how the weather is in a city."""

from __future__ import annotations

from importlib.resources import files

from cargo_ai.integrations.kit import Integration
from cargo_ai.integrations.weather.account import ACCOUNT
from cargo_ai.integrations.weather.actions.report import REPORT
from cargo_ai.integrations.weather.client import SERVICE

INTEGRATION = Integration(
    slug="weather",
    name="Weather",
    description="Tells how the weather is.",
    icon=\'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><circle cx="4" cy="4" r="3"/></svg>\',
    color="#0ea5e9",
    url="https://weather.example",
    category="enrichment",
    account=ACCOUNT,
    service=SERVICE,
    actions=(REPORT,),
    documentation=files(__name__).joinpath("documentation.md").read_text("utf-8"),
)
''',
    )
    tree.write(f"{FOLDER}/documentation.md", "# Weather\n\nThe key is in your profile. `report` takes a city.\n")
    tree.write(
        "tests/simulators/weather.py",
        '''"""An imitation of the weather service."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from tests.simulators import running
from tests.simulators.faults import Orders
from tests.simulators.serving import Act, Refused, application

KEY = "weather-key-4711"


def _signed_in(act: Act) -> Act:
    def answer(request: Request, body: Any) -> tuple[int, Any]:
        if request.headers.get("x-api-key") != KEY:
            raise Refused(401, {"message": "No such key."})
        return act(request, body)

    return answer


def _account(_request: Request, _body: Any) -> tuple[int, Any]:
    return 200, {"name": "Test"}


def _city(request: Request, _body: Any) -> tuple[int, Any]:
    return 200, {"city": request.path_params["city"], "degrees": 21.5}


class Running(running.Running):
    """The service at `url`."""

    key = KEY

    def __init__(self) -> None:
        self.control = Orders()
        endpoints = [("GET", "/account", _signed_in(_account)), ("GET", "/cities/{city}", _signed_in(_city))]
        super().__init__(application(self.control, endpoints))
''',
    )
    tree.write(
        "tests/integrations/test_weather.py",
        '''"""Weather conforms, and a run calls it."""

from __future__ import annotations

from pathlib import Path

from tests.kit.backend import running_backend
from tests.kit.conformance.subject import Example, Subject
from tests.kit.conformance.suite import IntegrationConformance
from tests.simulators import weather


class TestWeather(IntegrationConformance):
    """`report` reads."""

    subject = Subject(
        slug="weather",
        running=weather.Running,
        account=lambda _simulator: {"apiKey": weather.KEY},
        wrong=lambda _simulator: {"apiKey": "another-key"},
        secret=weather.KEY,
        error=lambda _status, sentence: {"message": sentence},
        examples={"report": Example(config={"city": "Bern"})},
    )


async def test_a_run_calls_it(database_url: str, tmp_path: Path) -> None:
    config = {"city": "{{nodes.start.city}}"}
    graph = [
        {"uuid": "start", "slug": "start", "kind": "native", "actionSlug": "start", "config": {}, "childrenUuids": ["ask"]},
        {"uuid": "ask", "slug": "ask", "kind": "connector", "integrationSlug": "weather", "actionSlug": "report", "config": config,
         "childrenUuids": ["end"]},
        {"uuid": "end", "slug": "end", "kind": "native", "actionSlug": "end", "config": {}, "childrenUuids": []},
    ]
    with weather.Running() as service:
        async with running_backend(database_url, tmp_path, CARGO_AI_SERVICE_ADDRESSES=f"weather={service.url}") as backend:
            account = {"apiKey": weather.KEY}
            await backend.admin.call("connection.connector.create", integrationSlug="weather", slug="w", name="W", config=account)
            run = await backend.run({"city": "Bern"}, nodes=graph)
            assert run["runContext"]["ask"] == {"city": "Bern", "degrees": 21.5}
            assert [seen.path for seen in service.control.sent("GET", "/cities")] == ["/cities/Bern"]
''',
    )
    tree.generate()
    tree.test("tests/integrations/test_weather.py")
