"""A worker dies between what a language model gave for a field and the node's action: the model is not asked again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.conftest import MakeServer
from tests.kit.graphs import node
from tests.kit.processes.real_server import wait_until
from tests.simulators.language_models import server as language_models
from tests.simulators.language_models.control import Reply

pytestmark = [pytest.mark.slow]


def test_a_field_that_was_filled_is_not_asked_for_again(make_server: MakeServer, tmp_path: Path) -> None:
    once = tmp_path / "once"
    once.touch()
    with language_models.running() as model:
        server = make_server(
            workers=1, SERVICE_ADDRESSES=f"openAi={model.url}", STALLED_AFTER_SECONDS="5", CRASH_AT=f"field is filled@{once}"
        )
        server.wait_for_workers()
        server.call("connection.connector.create", integrationSlug="openAi", slug="openai", name="OpenAI", config={"apiKey": model.key})
        model.control.rules.append(lambda said: Reply(calls=[("final_result", {"value": f"number {len(model.control.said)}"})]))
        filled = {"kind": "templateExpression", "expression": "Greet {{ nodes.start.name }}", "instructTo": "ai", "fromRecipe": False}
        end = node("end", config={"variables": [{"name": "greeting", "type": "string", "value": filled}]})
        run = server.call("orchestration.run.create", data={"name": "Ada"}, nodes=[node("start", children=("end",)), end])["run"]["uuid"]
        wait_until(lambda: server.call("orchestration.run.get", uuid=run)["run"]["finishedAt"] is not None, 60, "the run")
        ended = server.call("orchestration.run.get", uuid=run)
        assert not once.exists()
        assert ended["run"]["status"] == "success", ended["run"]["errorMessage"]
        assert ended["runContext"]["end"] == {"greeting": "number 1"} and len(model.control.said) == 1
