"""Where documents disagree about a spelling, both work: two commands that mean the same get the same answer."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from string import Template
from typing import Any

import pytest

from tests.kit.processes.real_server import RealServer
from tests.scenarios.conftest import new_workspace
from tests.scenarios.story import graphs
from tests.scenarios.story.person import Json, Person

ALL = """'{"conjonction":"and","groups":[]}'"""
COLUMN = "storage column create --model-uuid $MODEL --column"
FETCH = "segmentation segment fetch --model-uuid $MODEL --filter"
RECORDS = "orchestration batch create --workflow-uuid $PLAY --wait-until-finished --data"
TOOL_ACTION = """'{"kind":"tool","toolUuid":"$TOOL","config":{}}'"""


@dataclass
class PlayWorkspace:
    """A workspace with a model of three companies, a deployed play on it, a deployed tool; each known by a name with a dollar."""

    person: Person
    names: dict[str, str]

    def __call__(self, line: str) -> Any:
        """The document that a command line prints."""
        return self.person(*shlex.split(Template(line).substitute(self.names)))

    def text(self, line: str) -> str:
        """What a command line prints, which must exit 0."""
        done = self.person.run(*shlex.split(Template(line).substitute(self.names)))
        assert done.returncode == 0, done.stdout
        return done.stdout


@pytest.fixture(scope="module")
def shell(server: RealServer, tmp_path_factory: pytest.TempPathFactory) -> PlayWorkspace:
    """Made once: the commands below do not get into each other's way."""
    person = Person(tmp_path_factory.mktemp("spellings"), server.base_url, new_workspace(server, "Spellings"))
    dataset = person("storage", "dataset", "list")["datasets"][0]
    made: dict[str, str] = {"DATASET": dataset["uuid"]}
    for name, columns in (("companies", ["domain", "country", "size"]), ("deals", ["id", "company"])):
        config = {"columns": [{"slug": one, "type": "number" if one == "size" else "string", "label": one} for one in columns]}
        words = ("storage", "model", "create", "--slug", name, "--name", name, "--dataset-uuid", dataset["uuid"])
        found = person(*words, "--extractor-slug", "defineObject", "--config", json.dumps(config | {"idColumnSlug": columns[0]}))
        made["MODEL" if name == "companies" else "DEALS"] = found["model"]["uuid"]
    rows = [{"data": {"domain": f"{name}.com", "country": name.upper(), "size": at}} for at, name in enumerate(("fr", "de", "it"), 1)]
    person("storage", "record", "create-bulk", "--model-uuid", made["MODEL"], "--records", json.dumps(rows))
    play = person("orchestration", "play", "create", "--name", "Play", "--model-uuid", made["MODEL"], "--change-kinds", "created")["play"]
    made |= {"PLAY": play["workflowUuid"], "PLAY_UUID": play["uuid"], "OWNED": play["segmentUuid"]}
    nodes = json.dumps([graphs.start("end"), graphs.end(country="{{nodes.start.country}}")])
    person("orchestration", "draft-release", "deploy", "--workflow-uuid", play["workflowUuid"], "--nodes", nodes, "--form-fields", "null")
    made["WORKFLOW"] = person.deployed("Tool", json.loads(nodes))
    tool = person("orchestration", "tool", "list")["tools"][0]
    made["TOOL"] = tool["uuid"]
    words = ("segmentation", "segment", "create", "--name", "All", "--model-uuid", made["MODEL"])
    made["SEGMENT"] = person(*words, "--filter", ALL.strip("'"))["segment"]["uuid"]
    made["CHANGE"] = person("segmentation", "change", "create", "--segment-uuid", made["SEGMENT"])["change"]["uuid"]
    made["NODES"] = nodes
    return PlayWorkspace(person, made)


BATCHES = {
    "recordIds with ids and the model": '{"kind":"recordIds","modelUuid":"$MODEL","ids":["fr.com","it.com"]}',
    "recordIds alone": '{"kind":"recordIds","recordIds":["fr.com","it.com"]}',
    "a filter of groups": """{"kind":"filter","modelUuid":"$MODEL","limit":2,"filter":{"conjonction":"and","groups":[{"conjonction":"and",
        "conditions":[{"kind":"string","columnSlug":"country","operator":"isNot","values":"DE"}]}]}}""",
    "a filter of the play's own model": """{"kind":"filter","filter":{"field":"country","operator":"isNot","value":"DE"}}""",
    "a flat filter": """{"kind":"filter","modelUuid":"$MODEL","filter":{"field":"country","operator":"isNot","value":"DE"}}""",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BATCHES)
def test_data_of_a_batch_of_two_records(shell: PlayWorkspace, name: str) -> None:
    batch = shell(f"{RECORDS} '{BATCHES[name]}'")["batch"]
    assert (batch["status"], batch["runsCount"], batch["failedRunsCount"]) == ("success", 2, 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    "data",
    [
        '{"kind":"segment"}',
        '{"kind":"segment","segmentUuid":"$OWNED"}',
        '{"kind":"segment","segmentUuid":"$SEGMENT"}',
        '{"kind":"change","changeUuid":"$CHANGE","changeKinds":["added"]}',
        '{"kind":"change","changeUuid":"$CHANGE","kinds":["added"]}',
        '{"kind":"change","changeUuid":"$CHANGE","kinds":["created"]}',
    ],
)
def test_data_of_a_batch_of_all_three_records(shell: PlayWorkspace, data: str) -> None:
    assert shell(f"{RECORDS} '{data}'")["batch"]["runsCount"] == 3


SAME: list[tuple[str, str]] = [
    (f"{FETCH} {ALL} --fetching-limit 2 --sort '[{{\"columnSlug\":\"size\"}}]'",
     f"{FETCH} {ALL} --fetching-limit 2 --sort '[{{\"slug\":\"size\"}}]'"),
    (f"{FETCH} {ALL} --fetching-limit 9", f"{FETCH} {ALL} --limit 9"),
    ("storage model get-ddl $MODEL", "storage model get-ddl --model-uuid $MODEL"),
    ("storage model list --dataset-uuid $DATASET", "storage model list"),
    ("orchestration batch list --workflow-uuids $PLAY", "orchestration batch list --workflow-uuid $PLAY"),
    ("orchestration draft-release get --workflow-uuid $PLAY", "orchestration release get-draft --workflow-uuid $PLAY"),
    ("system-of-record client query 'SELECT domain FROM default.companies ORDER BY 1'",
     "system-of-record query 'SELECT domain FROM datasets_default.models_companies ORDER BY 1'"),
    ("storage query execute 'SELECT domain FROM default.companies ORDER BY 1'",
     "storage query execute 'SELECT domain FROM `project.datasets_default.models_companies` ORDER BY 1;'"),
    ("storage query execute 'SELECT domain FROM default.companies ORDER BY 1'",
     "storage query execute 'SELECT domain FROM datasets_default__models_companies ORDER BY 1'"),
    ("connection integration list --slug http", "connection integration list --slugs http"),
    ("orchestration run count --workflow-uuid $PLAY --statuses finished", "orchestration run count --workflow-uuid $PLAY --is-finished"),
    ("orchestration run count --workflow-uuid $PLAY --statuses success,error",
     "analytics run count --workflow-uuid $PLAY --statuses success,error"),
    (f"segmentation segment download --model-uuid $MODEL --filter {ALL}", f"analytics segment download --model-uuid $MODEL --filter {ALL}"),
    ("workspace folder list", "workspaceManagement folder list"),
    ("orchestration play get $PLAY_UUID", "orchestration play get --uuid $PLAY_UUID"),
    (f"orchestration action get-output-schema --action {TOOL_ACTION}",
     """orchestration action get-output-schema --action '{"kind":"tool","toolUuid":"$TOOL"}'"""),
    ("storage relationship list", "storage relationship list --model-uuid $MODEL"),
    ("expression eval evaluate --expression '{\"kind\":\"templateExpression\",\"expression\":\"{{nodes.start.a + 1}}\"}' "
     "--variables '{\"nodes\":{\"start\":{\"a\":1}}}'",
     "expression eval evaluate --expression '{\"kind\":\"jsExpression\",\"expression\":\"nodes.start.a + 1\"}' "
     "--variables '{\"nodes\":{\"start\":{\"a\":1}}}'"),
]  # fmt: skip


@pytest.mark.parametrize(("first", "second"), SAME, ids=[second[:60] for _, second in SAME])
def test_two_commands_that_mean_the_same_answer_the_same(shell: PlayWorkspace, first: str, second: str) -> None:
    assert shell(first) == shell(second)


EXPRESSIONS = [
    {"kind": "jsExpression", "expression": "record.country + 1"},
    {"kind": "jsExpression", "value": "record.country + 1"},
    {"kind": "jsExpression", "expression": "{{record.country + 1}}"},
    {"kind": "templateExpression", "expression": "{{record.country}}1"},
]


def test_expressions_of_computed_columns(shell: PlayWorkspace) -> None:
    for at, expression in enumerate(EXPRESSIONS):
        column = {"kind": "computed", "slug": f"v{at}", "type": "string", "label": "v", "expression": expression}
        shell(f"{COLUMN} '{json.dumps(column)}'")
    record = next(one for one in shell("storage record list --model-uuid $MODEL")["records"] if one["_id"] == "de.com")
    assert {record[f"v{at}"] for at in range(len(EXPRESSIONS))} == {"DE1"}


def test_aggregates_of_metric_columns_and_relationships_by_pair_or_as_a_set(shell: PlayWorkspace) -> None:
    ends = {"fromModelUuid": "$MODEL", "toModelUuid": "$DEALS", "fromColumnSlug": "domain", "toColumnSlug": "company"}
    pair = "--from-model-uuid $MODEL --to-model-uuid $DEALS --from-column-slug domain --to-column-slug company"
    assert len(shell(f"storage relationship set {pair}")["relationships"]) == 1
    whole = json.dumps([ends | {"relation": "oneToMany"}])
    (link,) = shell(f"storage relationship set --dataset-uuid $DATASET --relationships '{whole}'")["relationships"]
    for slug, function in (("upper", "COUNT"), ("lower", "count")):
        column = {"kind": "metric", "slug": slug, "type": "number", "label": slug, "relationshipUuid": link["uuid"]}
        shell(f"{COLUMN} '{json.dumps(column | {'aggregation': {'function': function, 'columnSlug': 'id'}})}'")
    shell("""storage record create --model-uuid $DEALS --data '{"id":"1","company":"de.com"}'""")
    record = next(one for one in shell("storage record list --model-uuid $MODEL")["records"] if one["_id"] == "de.com")
    assert (record["upper"], record["lower"]) == (1, 1)


def test_inputs_of_actions(shell: PlayWorkspace) -> None:
    execute = "orchestration action execute --wait-until-finished --polling-interval 500 --action"
    spellings = (
        f"""{TOOL_ACTION} --data '{{"country":"FR"}}'""",
        """'{"kind":"tool","toolUuid":"$TOOL"}' --data '{"country":"FR"}'""",
        """'{"kind":"tool","toolUuid":"$TOOL","config":{"country":"FR"}}' --data '{}'""",
        """'{"kind":"tool","toolUuid":"$TOOL","config":{"country":"XX"}}' --data '{"country":"FR"}'""",
    )
    for spelling in spellings:
        found = shell(f"{execute} {spelling}")
        assert "FR" in json.dumps(found["runContext"]["end"] if "end" in found["runContext"] else found["runContext"]["action"])
    many = f"orchestration action execute-batch --wait-until-finished --action {TOOL_ACTION}"
    for more in ("""--records '[{"country":"FR"}]'""", """--data '{"country":"FR"}'"""):
        found = shell(f"{many} {more}")
        assert found["batch"]["runsCount"] == 1 and found["results"] == [{"country": "FR"}]


def test_an_id_is_given_by_position_or_by_flag(shell: PlayWorkspace) -> None:
    for line in ("orchestration play update $PLAY_UUID --name P1", "orchestration play update --uuid $PLAY_UUID --name P1"):
        assert shell(line)["play"]["name"] == "P1"
    for line in ("orchestration tool update $TOOL --description d", "orchestration tool update --uuid $TOOL --description d"):
        assert shell(line)["tool"]["description"] == "d"
    assert shell("orchestration tool update $TOOL --description none")["tool"]["description"] is None
    assert shell("orchestration play update $PLAY_UUID --folder-uuid null")["play"]["folderUuid"] is None


def test_what_replies_have_under_both_names(shell: PlayWorkspace) -> None:
    assert shell("orchestration play get $PLAY_UUID")["play"]["changeKinds"] == ["added"]
    columns = shell("storage column list --model-uuid $MODEL")["columns"]
    assert all("position" in column for column in columns)
    assert shell("storage dataset list")["datasets"][0]["name"]
    integration = shell("connection integration get http")["integration"]
    assert "request" in integration["actions"]
    who = shell("whoami")
    assert {"uuid", "email", "firstName", "lastName"} <= set(who["user"]) and {"uuid", "name"} <= set(who["workspace"]) and who["baseUrl"]
    record = shell("storage record list --model-uuid $MODEL")["records"][0]
    assert record["_id"] == record["domain"]
    user = shell("workspace user list")["users"][0]
    assert user["role"]["slug"] == user["roleSlug"] == "admin"


def test_a_failed_query_is_an_outcome_on_one_surface_and_a_failure_on_the_other(shell: PlayWorkspace) -> None:
    found = shell("system-of-record client query 'SELECT nothing FROM default.companies'")
    assert found["outcome"] == "notQueried" and "nothing" in found["errorMessage"]
    queried = shell("system-of-record client query 'SELECT 1 AS one'")
    assert (queried["outcome"], queried["rows"]) == ("queried", [{"one": 1}])
    refusal = shell.person.refused("storage", "query", "execute", "SELECT nothing FROM default.companies")
    assert "nothing" in refusal["errorMessage"]


DIALECTS = [
    "storage query execute 'SELECT COUNT(*) AS n FROM default.companies WHERE _updated_at > DATE_SUB(CURRENT_DATE(), INTERVAL 30 DAY)'",
    "storage query execute \"SELECT COUNT(*) AS n FROM `default`.`companies` WHERE _updated_at > CURRENT_DATE - INTERVAL '30' DAY\"",
    "storage query execute \"SELECT count(*) AS n FROM default.companies WHERE country ILIKE '%' OR SAFE_CAST(size AS INT64) > 0\"",
    "orchestration query execute 'SELECT count() >= 0 AS n FROM runs WHERE created_at > now() - INTERVAL 1 DAY'",
    "orchestration query execute \"SELECT countIf(status = 'error') >= 0 AS n FROM runs WHERE record_title ILIKE '%.com' OR 1 = 1\"",
    "orchestration query execute 'SELECT toStartOfMonth(created_at) AS month, sum(credits_used_count) AS n FROM batches "
    "GROUP BY month LIMIT 1'",
    "orchestration query execute \"SELECT node_slug, avg(dateDiff('second', execution_started_at, execution_finished_at)) AS n FROM spans "
    'GROUP BY node_slug LIMIT 1"',
    "orchestration query execute --query 'SELECT count() > 0 AS n FROM records'",
]


@pytest.mark.slow
@pytest.mark.parametrize("line", DIALECTS)
def test_sql_in_the_spellings_of_several_databases(shell: PlayWorkspace, line: str) -> None:
    shell(f"{RECORDS} '{BATCHES['recordIds alone']}'")
    (row,) = shell(line)["rows"]
    assert row["n"] in (3, True, 0)


def test_downloads_stream_rows_until_a_format_is_asked_for(shell: PlayWorkspace) -> None:
    batch = shell(f"{RECORDS} '{BATCHES['recordIds alone']}'")["batch"]["uuid"]
    downloads = (
        f"orchestration batch download {batch} --output-node-slug end",
        f"orchestration batch download --uuid {batch} --output-node-slug end",
        f"orchestration run download --workflow-uuid $PLAY --batch-uuid {batch}",
    )
    for line in downloads:
        assert len(shell(line)) == 2
        assert set(shell(f"{line} --format csv")) == {"url", "urls"}
    assert shell("orchestration record download --workflow-uuid $PLAY")["url"]
    assert shell(f"orchestration run download-outputs --workflow-uuid $PLAY --batch-uuid {batch}")["url"]


def test_a_version_of_ones_own_and_several_ends_and_plain_text(shell: PlayWorkspace) -> None:
    deploy = "orchestration release deploy-draft --workflow-uuid $WORKFLOW --nodes '$NODES' --form-fields null"
    assert shell(f"{deploy} --version 2.0.0")["release"]["version"] == "2.0.0"
    assert shell(deploy)["release"]["version"] == "2.0.1"
    assert shell.text("system-of-record client get-documentation postgres").strip()
    assert shell.text("connection integration get-documentation http").startswith("# HTTP")
    assert "Examples" in shell.text("orchestration batch list --help")


def test_a_play_takes_no_single_run_and_no_records(shell: PlayWorkspace) -> None:
    person, names = shell.person, shell.names
    run = person.refused("orchestration", "run", "create", "--workflow-uuid", names["PLAY"], "--data", "{}")
    assert run["reason"] == "playNotCompatible"
    sources: tuple[Json, ...] = ({"kind": "records", "records": [{}]}, {"kind": "file", "s3Filename": "x"})
    for data in sources:
        words = ("orchestration", "batch", "create", "--workflow-uuid", names["PLAY"], "--data", json.dumps(data))
        assert person.refused(*words)["reason"] == "invalidDataKind"
    unknown: Json = person.refused("orchestration", "flay", "list", code=2)
    assert unknown["reason"]
    assert person.refused("orchestration", "play", "list", "--nope", "1", code=2)["errorMessage"]
