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
        "src/cargo_ai/kernel/setting_groups/people.py",
        "    smtp_per_minute = integer(",
        '    parrots = integer("How many parrots live on the server.", ("api",), 2, least=1)\n    smtp_per_minute = integer(',
    )
    tree.generate()
    assert f"`{PREFIX}PARROTS`" in tree.text("docs/settings.md")
    code = "from cargo_ai.kernel.settings import PREFIX, Settings; print(Settings().parrots, Settings({PREFIX + 'PARROTS': '5'}).parrots)"
    assert tree.python(code).split() == ["2", "5"]


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
    here = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("test_*recipes.py"))
    # Of a new file the recipe names the folder and what stands for its name.
    paths = set(re.findall(r'"(src/cargo_ai/[a-z_/]+\.py)"', here)) - set(re.findall(r'tree\.write\(\s*"([^"]+)"', here))
    assert sorted(path for path in paths if path.removeprefix("src/cargo_ai/") not in recipes) == []
