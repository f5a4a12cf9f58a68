"""The recipes of CONTRIBUTING.md for actions and node kinds, followed in a copy of the repository."""

from __future__ import annotations

import pytest

from tests.kit.scratch_tree import ScratchTree

pytestmark = pytest.mark.slow


def test_a_native_action_that_decides(tree: ScratchTree) -> None:
    tree.write(
        "src/cargo_ai/actions/coin.py",
        '''"""`coin`: goes to the first child for records with an even number, to the second for others."""

from __future__ import annotations

from typing import Any

from cargo_ai.actions.config.values import number, schema
from cargo_ai.engine.graph.action import Action, Call, Done, Failed, Outcome, Routes, Scope


def decide(config: dict[str, Any], scope: Scope) -> Outcome:
    """`{even}`."""
    value, problem = number(config.get("value"), "value", 0, 1_000)
    if problem:
        return Failed(problem)
    return Done({"even": value % 2 == 0}, child=int(value % 2))


ACTION: Action[Call] = Action(
    slug="coin",
    name="Coin",
    description="Even numbers go to the first child, odd ones to the second.",
    does="decides",
    icon="coin",
    config_schema=schema({"value": {"type": "number"}}, ("value",)),
    routes=Routes(("even", "odd")),
    decide=decide,
)
''',
    )
    tree.generate()
    code = """
from cargo_ai.engine.graph.action import Scope
from cargo_ai.actions import native_actions
coin = next(action for action in native_actions() if action.slug == "coin")
print(coin.decide({"value": 3}, Scope({}, "run", "node", 0)).child, coin.routes_of({}).counts, coin.chooses)
"""
    assert tree.python(code).strip() == "1 (2,) True"


def test_a_native_action_with_effects(tree: ScratchTree) -> None:
    tree.write(
        "src/cargo_ai/domains/orchestration/actions/notes.py",
        '''"""`note`: writes a line into a file of the server's data folder."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cargo_ai.actions.config.values import schema
from cargo_ai.context.process import Services
from cargo_ai.engine.graph.action import Action, Call, Done, Outcome


def performer(services: Services) -> Callable[[Call], Awaitable[Outcome]]:
    """Writes into this server's folder."""

    async def perform(call: Call) -> Outcome:
        path = services.settings.data_dir / "notes.txt"
        path.write_text(str(call.config["text"]))
        return Done({"characters": path.stat().st_size})

    return perform


ACTION: Action[Call] = Action(
    slug="note",
    name="Note",
    description="Writes a line down.",
    does="acts",
    icon="pencil",
    config_schema=schema({"text": {"type": "string"}}, ("text",)),
    performer=performer,
    idempotency="upsert",
)
''',
    )
    tree.generate()
    code = """
import asyncio, sys
from pathlib import Path
from types import SimpleNamespace
from cargo_ai.domains.orchestration.package import PACKAGE
from cargo_ai.engine.graph.action import Call
from cargo_ai.kernel import ids
note = next(action for action in PACKAGE.actions if action.slug == "note")
bound = note.bind(SimpleNamespace(settings=SimpleNamespace(data_dir=Path(sys.argv[1]))))
run = ids.new()
print(asyncio.run(bound.execute(Call(run, None, run, None, run, {}, {"text": "hello"}, {}, "key", 1))).output, note.has_effects)
"""
    assert tree.python(code, str(tree.root)).strip() == "{'characters': 5} True"


def test_a_node_kind(tree: ScratchTree) -> None:
    four = '"native", "connector", "tool", "agent"'
    tree.replace("src/cargo_ai/contract/orchestration/fields.py", four, four + ', "robot"')
    action = "src/cargo_ai/engine/graph/action_registry.py"
    case = '            case "tool":\n'
    robot = '            case "robot":\n                return self._actions.get(("robot", "", str(node.get("actionSlug"))))\n'
    tree.replace(action, case, robot + case)
    tree.write(
        "src/cargo_ai/domains/orchestration/actions/robot.py",
        '''"""Robot nodes: beep."""

from __future__ import annotations

from cargo_ai.actions.config.values import schema
from cargo_ai.engine.graph.action import Action, Call, Done, Outcome


async def perform(call: Call) -> Outcome:
    """`beep`, and nothing else."""
    return Done({"beep": True})


ACTION: Action[Call] = Action(
    slug="beep",
    kind="robot",
    name="Beep",
    description="Beeps.",
    does="acts",
    icon="robot",
    config_schema=schema({}, ()),
    perform=perform,
)
''',
    )
    tree.generate()
    code = """
from cargo_ai.contract.orchestration.nodes.node import Node
from cargo_ai.domains.orchestration.package import PACKAGE
from cargo_ai.engine.graph.action_registry import Actions
node = {"uuid": "a", "slug": "a", "kind": "robot", "actionSlug": "beep"}
print(Node.model_validate(node).kind, Actions(PACKAGE.actions).find(node).name)
"""
    assert tree.python(code).strip() == "robot Beep"
