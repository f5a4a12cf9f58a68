"""The recipes of CONTRIBUTING.md, followed word by word in a copy of the repository: what they promise happens, with no other file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cargo_ai.kernel.settings import PREFIX
from tests.kit.scratch_tree import ROOT, ScratchTree

pytestmark = pytest.mark.slow

CONTRACT = "src/cargo_ai/contract/workspace/folder.py"
HANDLERS = "src/cargo_ai/domains/workspace/folder.py"

CALL = """
import asyncio, json, sys
from pathlib import Path
from cargo_ai.kernel.settings import Settings
from cargo_ai.server.api import app as application
from tests.kit.application import bootstrap, make_state, signed_in

async def main(url, folder, verb, path):
    state = make_state(url, Settings({"CARGO_AI_DATA_DIR": folder}))
    first = await bootstrap(state)
    app = application.build(state)
    async with app.router.lifespan_context(app), signed_in(app, first.token) as http:
        response = await http.request(verb, "/v1" + path)
    await state.database.close()
    print(json.dumps({"status": response.status_code, **response.json()}))

asyncio.run(main(*sys.argv[1:]))
"""


def test_an_operation(tree: ScratchTree, database_url: str, tmp_path: Path) -> None:
    tree.append(
        CONTRACT,
        '''

class CountReply(Wire):
    """How many folders there are."""

    count: int


count: Operation[Nothing, CountReply, Any] = operations.add(
    Operation(
        "workspaceManagement.folder.count",
        "GET",
        "/workspaceManagement/folders/count",
        request=Nothing,
        response=CountReply,
        summary="Count the workspace's folders.",
        permission="workspaceManagement:folder:read",
        cli=Cli(examples=("cargo-ai workspace folder count",)),
    )
)
''',
    )
    tree.append(
        HANDLERS,
        '''

@handles(contract.count)
async def count(ctx: Context, request: Nothing) -> contract.CountReply:
    """How many folders there are."""
    rows = await ctx.db.scalars(select(Folder.uuid).where(Folder.deleted_at.is_(None)))
    return contract.CountReply(count=len(rows.all()))
''',
    )
    tree.add_line("tests/contract/extras.txt", "workspaceManagement.folder.count")
    tree.generate()
    assert "cargo-ai workspace folder count" in tree.text("docs/reference/workspace.md")
    assert "Count the workspace's folders." in tree.run("-m", "cargo_ai", "workspace", "folder", "count", "--help")
    tree.test("tests/contract/test_surface.py")
    response = tree.python(CALL, database_url, str(tmp_path / "data"), "GET", "/workspaceManagement/folders/count")
    assert '"count": 0' in response and '"status": 200' in response


def test_an_error_reason(tree: ScratchTree, database_url: str, tmp_path: Path) -> None:
    tree.replace(CONTRACT, '["folderNotFound", "folderIsUsed"]', '["folderNotFound", "folderIsUsed", "noSuchShelf"]')
    used = '            "folderIsUsed": refusal('
    tree.replace(CONTRACT, used, '            "noSuchShelf": refusal(404, "There is no shelf {folder}."),\n' + used)
    handler = tree.text(HANDLERS)
    start = handler.index("@handles(contract.remove)")
    body = handler.index('"""\n', start) + 4
    refuse = '    if request.uuid == "shelf":\n        contract.remove.refuse("noSuchShelf", folder=request.uuid)\n'
    (tree.root / HANDLERS).write_text(handler[:body] + refuse + handler[body:], "utf-8")
    tree.generate()
    assert "noSuchShelf" in tree.text("docs/reference/workspace.md")
    response = tree.python(CALL, database_url, str(tmp_path / "data"), "DELETE", "/workspaceManagement/folders/shelf")
    assert '"status": 404' in response and '"reason": "noSuchShelf"' in response and "There is no shelf shelf." in response


def test_a_setting(tree: ScratchTree) -> None:
    tree.replace(
        "src/cargo_ai/kernel/settings.py",
        "    smtp_per_minute = _integer(",
        '    parrots = _integer("How many parrots live on the server.", ("api",), 2, least=1)\n    smtp_per_minute = _integer(',
    )
    tree.generate()
    assert f"`{PREFIX}PARROTS`" in tree.text("docs/settings.md")
    code = "from cargo_ai.kernel.settings import PREFIX, Settings; print(Settings().parrots, Settings({PREFIX + 'PARROTS': '5'}).parrots)"
    assert tree.python(code).split() == ["2", "5"]


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
    for path in (
        "src/cargo_ai/contract/orchestration/node.py",
        "src/cargo_ai/contract/orchestration/span.py",
        "src/cargo_ai/engine/graph/validation.py",
    ):
        tree.replace(path, four, four + ', "robot"')
    listed = '"connector", "native", "tool", "agent"]'
    tree.replace("src/cargo_ai/contract/orchestration/action.py", listed, listed[:-1] + ', "robot"]')
    action = "src/cargo_ai/engine/graph/action.py"
    tree.replace(action, four, four + ', "robot"')
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
from cargo_ai.contract.orchestration.node import Node
from cargo_ai.domains.orchestration.package import PACKAGE
from cargo_ai.engine.graph.action import Actions
node = {"uuid": "a", "slug": "a", "kind": "robot", "actionSlug": "beep"}
print(Node.model_validate(node).kind, Actions(PACKAGE.actions).find(node).name)
"""
    assert tree.python(code).strip() == "robot Beep"


def test_a_column_kind(tree: ScratchTree) -> None:
    kinds, wire = "src/cargo_ai/records/column_kinds.py", "src/cargo_ai/contract/storage/columns.py"
    tree.replace(
        kinds,
        "\nKINDS: Mapping[str, ColumnKind] = ",
        '''
class Constant(ColumnKind):
    """The same text in every record."""

    name = "constant"

    def read(self, views: Views, source: Source, column: Column) -> str:
        text = str(column.definition["text"]).replace("'", "''")
        return f"'{text}'::text"


KINDS: Mapping[str, ColumnKind] = ''',
    )
    tree.replace(kinds, "Metric(), Lookup())", "Metric(), Lookup(), Constant())")
    tree.replace(wire, '"metric", "lookup"]\n', '"metric", "lookup", "constant"]\n')
    tree.replace(
        wire,
        "\nAdditionalColumn = ",
        '''
class ConstantColumn(_Column):
    """The same text in every record."""

    kind: Literal["constant"]
    text: str


AdditionalColumn = ''',
    )
    source = tree.text(wire)
    (tree.root / wire).write_text(source.replace("| LookupColumn, Field", "| LookupColumn | ConstantColumn, Field"), "utf-8")
    tree.replace(
        wire, "    extract_column_slug: str | None = None\n", "    extract_column_slug: str | None = None\n    text: str | None = None\n"
    )
    tree.generate()
    tree.write(
        "tests/unit/domains/storage/columns/test_constant.py",
        '''"""Constant columns have the same text in every record."""

from __future__ import annotations

from tests.kit.api_client import ApiClient


async def test_every_record_has_the_text(api: ApiClient) -> None:
    model = await api.model()
    await api.add(model, {"domain": "a.com"}, {"domain": "b.com"})
    await api.column(model, kind="constant", slug="planet", text="it's Mars")
    assert [record["planet"] for record in await api.records(model)] == ["it's Mars"] * 2
''',
    )
    tree.test("tests/unit/domains/storage/columns/test_constant.py")


def test_an_integration(tree: ScratchTree) -> None:
    tree.write(
        "src/cargo_ai/integrations/weather/__init__.py",
        '''"""Weather: asks the weather service."""

from __future__ import annotations

from cargo_ai.engine.graph.action import Action, Done, Outcome
from cargo_ai.integrations.kit import ActionRequest, ConnectorSpec, Integration


async def report(request: ActionRequest) -> Outcome:
    """The weather of a city, from the service's address in the connector's config."""
    response = await request.client.get(f"{request.connector_config['baseUrl']}/{request.config['city']}")
    return Done({"status": response.status_code})


INTEGRATION = Integration(
    slug="weather",
    name="Weather",
    description="Asks how the weather is.",
    icon="<svg/>",
    color="#0ea5e9",
    url="https://weather.example",
    category="enrichment",
    connector=ConnectorSpec(schema={"type": "object", "properties": {"token": {"type": "string", "writeOnly": True}}}),
    actions=(
        Action(
            slug="report",
            kind="connector",
            name="Report",
            description="The weather of a city.",
            does="acts",
            config_schema={"type": "object", "properties": {"city": {"type": "string"}}},
            perform=report,
        ),
    ),
    documentation="# Weather\\n",
)
''',
    )
    tree.generate()
    code = """
from cargo_ai.integrations.kit import integrations
weather = integrations()["weather"]
print(weather.actions[0].name, weather.connector.hidden({"token": "secret"}))
"""
    assert tree.python(code).strip() == "Report {'token': '***'}"


def test_a_table_with_its_migration(tree: ScratchTree) -> None:
    tree.append(
        "src/cargo_ai/domains/workspace/tables.py",
        '''

class Shelf(Stamped, Owned, Row):
    """A shelf."""

    __tablename__ = "shelves"

    name: Mapped[str]
''',
    )
    versions = "src/cargo_ai/store/migrations/versions"
    newest = max(path.name[:4] for path in (tree.root / versions).glob("[0-9]*.py"))
    tree.write(
        f"{versions}/{int(newest) + 1:04}_shelves.py",
        f'''"""Shelves."""

from __future__ import annotations

from alembic import op

revision = "{int(newest) + 1:04}"
down_revision = "{newest}"
branch_labels = None
depends_on = None

SHELVES = """
create table shelves (
    uuid uuid constraint pk_shelves primary key, workspace_uuid uuid not null,
    name text not null, created_at timestamptz not null, updated_at timestamptz not null
);
create index ix_shelves_workspace_uuid on shelves (workspace_uuid);
"""


def upgrade() -> None:
    """Make the table."""
    op.execute(SHELVES)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
''',
    )
    tree.generate()
    tree.test("tests/unit/store/test_migrate.py")


def test_contributing_names_every_file_that_a_recipe_touches() -> None:
    recipes = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    here = Path(__file__).read_text("utf-8")
    # Of a new file the recipe names the folder and what stands for its name.
    paths = set(re.findall(r'"(src/cargo_ai/[a-z_/]+\.py)"', here)) - set(re.findall(r'tree\.write\(\s*"([^"]+)"', here))
    assert sorted(path for path in paths if path.removeprefix("src/cargo_ai/") not in recipes) == []
