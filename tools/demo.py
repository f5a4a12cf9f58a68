"""The demonstration (`make demo`): 500 companies become a model, a play enriches and ranks them, every step by the real command line.

The server, the sign-in and the example service are temporary: nothing of yours is read or changed, and all is removed at the end.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from cargo_ai.store.embedded import postgres

REPOSITORY = Path(__file__).resolve().parents[1]
CLI = Path(sys.executable).with_name("cargo-ai")
GRAPH = "examples/enrich-model.json"
COMPANIES = "examples/companies.csv"
SHOWN = 10
PATIENCE = 20.0
NEWCOMER = "Velvetyard Software"

Json = dict[str, Any]

SCORE = "record.employees == null ? null : Math.round(20 * Math.log10(1 + record.employees)) + (record.tier === 'enterprise' ? 10 : 0)"
BY_SCORE = [{"columnSlug": "score", "kind": "desc"}]


def _all_of(*conditions: Json) -> Json:
    return {"conjonction": "and", "groups": [{"conjonction": "and", "conditions": list(conditions)}]}


def _js(expression: str) -> Json:
    return {"kind": "jsExpression", "expression": expression, "instructTo": "none", "fromRecipe": False}


WITH_DOMAIN = _all_of({"kind": "string", "columnSlug": "domain", "operator": "isNotEmpty"})
RANKED = _all_of({"kind": "number", "columnSlug": "score", "operator": "isNotNull"})


class StepFailed(Exception):
    """A step of the demonstration did not work; the message says what was run and what it answered."""


class Terminal:
    """Runs commands as a person at a terminal would, in the repository, and shows each before it runs."""

    def __init__(self, folder: Path, root: Path) -> None:
        self._root = root
        self.settings = {"CARGO_AI_DATA_DIR": str(folder / "data"), "CARGO_AI_OUTBOUND_ALLOW": "127.0.0.1"}
        mine = {name: value for name, value in os.environ.items() if not name.startswith("CARGO_") or name == "CARGO_AI_POSTGRES_BIN"}
        self._environment = mine | self.settings | {"XDG_CONFIG_HOME": str(folder / "config"), "PYTHONPATH": ""}
        self._colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def title(self, text: str) -> None:
        """The heading of a step."""
        self._print(f"\n{self._paint('1', text)}")

    def show(self, line: str) -> None:
        """A command as it would be typed."""
        self._print(self._paint("36", f"$ {line}"))

    def say(self, line: str) -> None:
        """What came of it."""
        self._print(f"  {line}")

    def run(self, *words: str, typed: str | None = None, stdin: str | None = None) -> Any:
        """Run `cargo-ai <words>` and give its JSON. `stdin` is its standard input, `typed` the line when it is more than the words."""
        self.show(typed or shlex.join(["cargo-ai", *words]))
        return self.ask(*words, stdin=stdin)

    def ask(self, *words: str, stdin: str | None = None) -> Any:
        """The same without showing it."""
        done = subprocess.run(
            [CLI, *words],
            cwd=self._root,
            env=self._environment,
            input=stdin,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            check=False,
        )
        try:
            document = json.loads(done.stdout)
        except ValueError:
            document = None
        if done.returncode or document is None:
            raise StepFailed(f"{shlex.join(['cargo-ai', *words])}\nexit code {done.returncode}, answer:\n{done.stdout.strip()}")
        return document

    def _print(self, text: str) -> None:
        try:
            print(text, flush=True)
        except BrokenPipeError:  # the reader closed the pipe (`make demo | head`); what runs is still finished and removed
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text


def table(header: list[str], rows: list[list[object]]) -> list[str]:
    """Lines of a table; columns of numbers to the right, long texts cut."""
    texts = [header, *([_cell(cell) for cell in row] for row in rows)]
    widths = [max(len(text[at]) for text in texts) for at in range(len(header))]
    right = [bool(rows) and all(isinstance(row[at], int) for row in rows) for at in range(len(header))]

    def line(row: list[str]) -> str:
        cells = zip(row, widths, right, strict=True)
        return "  ".join(cell.rjust(width) if to_right else cell.ljust(width) for cell, width, to_right in cells).rstrip()

    return [line(header), line(["─" * width for width in widths]), *(line(text) for text in texts[1:])]


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else _cut("" if value is None else str(value), 34)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


class Demo:
    """The steps in their order, and what each leaves for the next."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder, self.root = folder, root
        self.terminal = Terminal(folder, root)
        self.base_url = self.service_url = self.model = self.segment = self.workflow = ""
        self._service_file = folder / "service.json"

    def start_server(self) -> None:
        """A server on an empty data folder, and the sign-in to it."""
        self.terminal.title("1. A server of your own: database, API and two workers")
        words = ["server", "start", "--port", "0", "--detach"]
        where = " ".join(f"{name}={shlex.quote(value)}" for name, value in self.terminal.settings.items())
        born = self.terminal.run(*words, typed=f"{where} cargo-ai {shlex.join(words)}")
        self.base_url = born["baseUrl"]
        self.terminal.say(f"ready at {self.base_url}, with a workspace, an admin and a token (shown only this once)")
        words = ["login", "--base-url", self.base_url, "--token", "-"]
        self.terminal.run(*words, typed=f"echo {born['token']} | cargo-ai {shlex.join(words)}", stdin=born["token"])
        me = self.terminal.run("whoami")
        self.terminal.say(f"signed in as {me['user']['email']} in {me['workspace']['name']}")

    def start_service(self) -> str:
        """The service that knows companies, and a connector to it; the connector's uuid."""
        self.terminal.title("2. A service that knows companies: slow at times, failing at times")
        words = ["examples/enrichment_service.py", "--detach"]
        self.terminal.show(shlex.join(["python", *words]))
        started = subprocess.run([sys.executable, *words], cwd=self.root, stdout=subprocess.PIPE, check=False)
        if started.returncode:
            raise StepFailed("The example service did not start.")
        self._service_file.write_bytes(started.stdout)
        self.service_url = str(json.loads(started.stdout)["url"])
        self.terminal.say(f"listens at {self.service_url}")
        config = json.dumps({"baseUrl": self.service_url})
        words = ["--integration-slug", "http", "--slug", "enrichment", "--name", "Enrichment", "--config", config]
        connector = self.terminal.run("connection", "connector", "create", *words)["connector"]
        self.terminal.say(f"connector {connector['name']} ({connector['uuid']})")
        return str(connector["uuid"])

    def make_model(self) -> None:
        """The file as a model, and the columns that the play fills."""
        self.terminal.title("3. A model: the CSV file, and columns for what the service knows")
        datasets = self.terminal.run("storage", "dataset", "list")["datasets"]
        uploaded = self.terminal.run("workspace", "file", "upload", "--file-path", COMPANIES)
        config = json.dumps({"s3Filename": uploaded["s3Filename"], "idColumnSlug": "name"})
        words = ["--slug", "companies", "--name", "Companies", "--dataset-uuid", datasets[0]["uuid"], "--extractor-slug", "uploadFile"]
        self.model = str(self.terminal.run("storage", "model", "create", *words, "--config", config)["model"]["uuid"])
        columns: list[Json] = [
            {"kind": "custom", "slug": "industry", "type": "string", "label": "Industry"},
            {"kind": "custom", "slug": "employees", "type": "number", "label": "Employees"},
            {"kind": "custom", "slug": "tier", "type": "string", "label": "Tier"},
            {"kind": "computed", "slug": "score", "type": "number", "label": "Score", "expression": _js(SCORE)},
        ]
        for column in columns:
            self.terminal.run("storage", "column", "create", "--model-uuid", self.model, "--column", json.dumps(column))
        counted = self.terminal.run("storage", "query", "execute", "SELECT COUNT(*) AS n, COUNT(domain) AS d FROM default.companies")[
            "rows"
        ][0]
        self.terminal.say(f"{counted['n']:,} companies, {counted['d']:,} of them with a domain")

    def make_play(self, connector: str) -> None:
        """A play on the companies with a domain, with the example graph, deployed and switched on."""
        self.terminal.title("4. A play: for each company with a domain ask the service (five attempts), write back what it knows")
        words = ["--name", "Enrich companies", "--model-uuid", self.model, "--change-kinds", "added", "--filter", json.dumps(WITH_DOMAIN)]
        words += ["--schedule", '{"type": "realtime"}']
        play = self.terminal.run("orchestration", "play", "create", *words)["play"]
        self.workflow, self.segment = str(play["workflowUuid"]), str(play["segmentUuid"])
        graph = (self.root / GRAPH).read_text("utf-8").replace("__CONNECTOR_UUID__", connector).replace("__MODEL_UUID__", self.model)
        filled = f"sed 's/__CONNECTOR_UUID__/{connector}/; s/__MODEL_UUID__/{self.model}/' {GRAPH} | cargo-ai "
        words = ["orchestration", "node", "validate", "--nodes", "-"]
        checked = self.terminal.run(*words, typed=filled + shlex.join(words), stdin=graph)
        if checked["outcome"] != "valid":
            raise StepFailed(f"The example graph is not valid:\n{json.dumps(checked, indent=2)}")
        self.terminal.say("valid")
        words = ["orchestration", "draft-release", "deploy", "--workflow-uuid", self.workflow, "--nodes", "-"]
        release = self.terminal.run(*words, typed=filled + shlex.join(words), stdin=graph)["release"]
        self.terminal.say(f"release {release['version']} is {release['status']}")
        self.terminal.run("orchestration", "play", "update", str(play["uuid"]), "--is-enabled", "true")
        self.terminal.say("enabled: from now on it runs by itself whenever a company gets a domain")

    def run_batch(self) -> Json:
        """All companies of the play's segment through it; the finished batch."""
        self.terminal.title("5. The companies that are there already")
        data = json.dumps({"kind": "segment", "segmentUuid": self.segment})
        words = ["--workflow-uuid", self.workflow, "--data", data, "--wait-until-finished", "--timeout", "120"]
        began = time.monotonic()
        batch = self.terminal.run("orchestration", "batch", "create", *words)["batch"]
        took = time.monotonic() - began
        counts = f"{batch['executedRunsCount']:,} runs in {took:.1f} s, {batch['failedRunsCount']:,} of them failed"
        self.terminal.say(f"batch {batch['status']}: {counts}")
        if batch["status"] != "success" or batch["executedRunsCount"] != batch["runsCount"]:
            raise StepFailed(f"The batch did not end well:\n{json.dumps(batch, indent=2)}")
        return batch

    def show_metrics(self, batch: Json) -> None:
        """How each node went."""
        self.terminal.title("6. How each node went")
        words = ["--workflow-uuid", self.workflow, "--batch-uuid", str(batch["uuid"])]
        metrics = self.terminal.run("orchestration", "run", "get-metrics", *words)["runMetrics"]
        by_node = {metric["nodeUuid"]: metric for metric in metrics}
        counts = ("totalExecutionsCount", "successExecutionsCount", "errorExecutionsCount")
        nodes: list[Json] = json.loads((self.root / GRAPH).read_text("utf-8"))
        rows: list[list[object]] = [
            [node["name"], node["slug"], *(by_node.get(node["uuid"], {}).get(count, 0) for count in counts)] for node in nodes
        ]
        for line in table(["node", "slug", "executions", "success", "error"], rows):
            self.terminal.say(line)
        failed = self.terminal.run("orchestration", "run", "list", *words, "--statuses", "error", "--limit", "1")["runs"]
        if failed:
            self.terminal.say(f"one of the failures: {_cut(str(failed[0]['errorMessage']), 110)}")

    def show_top(self) -> None:
        """The ten best companies, out of a segment."""
        self.terminal.title("7. The ten best of them: a segment, sorted by score")
        words = ["--model-uuid", self.model, "--filter", json.dumps(RANKED), "--sort", json.dumps(BY_SCORE)]
        self.terminal.run("segmentation", "segment", "create", "--name", "Top ten", "--limit", str(SHOWN), *words)
        records = self.terminal.run("segmentation", "segment", "fetch", "--limit", str(SHOWN), *words)["records"]
        columns = ["name", "domain", "industry", "employees", "tier", "score"]
        for line in table(columns, [[record[column] for column in columns] for record in records]):
            self.terminal.say(line)
        if len(records) != SHOWN or any(record["score"] is None for record in records):
            raise StepFailed(f"The ten best companies are not as expected:\n{json.dumps(records, indent=2)}")

    def change_a_record(self) -> None:
        """One company gets a domain; the play notices by itself."""
        self.terminal.title("8. A company gets a domain, and the play reacts")
        words = ["--model-uuid", self.model, "--id", NEWCOMER]
        self.terminal.run("storage", "record", "update", *words, "--data", json.dumps({"domain": "velvetyard-software.example"}))
        began = time.monotonic()
        runs: list[Json] = []
        looking = ["orchestration", "run", "list", "--workflow-uuid", self.workflow, "--record-id", NEWCOMER]
        while not runs or runs[0]["status"] in {"pending", "running", "idle"}:
            if time.monotonic() - began > PATIENCE:
                raise StepFailed(f"The play did not run for {NEWCOMER} within {PATIENCE:.0f} seconds: {json.dumps(runs)}")
            runs = self.terminal.ask(*looking)["runs"]
        self.terminal.show(shlex.join(["cargo-ai", *looking]))
        self.terminal.say(f"run {runs[0]['status']}, {time.monotonic() - began:.1f} s after the change")
        record = self.terminal.run("storage", "record", "get", *words)["record"]
        self.terminal.say(f"{record['name']}: {record['industry']}, {record['employees']:,} people, tier {record['tier']}")

    def check_calls(self, expected: int) -> None:
        """What the service has counted: every record asked under one key, and none asked again after an answer."""
        self.terminal.title("9. What the service has seen")
        self.terminal.show(f"curl {self.service_url}/stats")
        ask = "import sys, urllib.request as u; print(u.build_opener(u.ProxyHandler({})).open(sys.argv[1]).read().decode())"
        said = subprocess.run([sys.executable, "-c", ask, f"{self.service_url}/stats"], capture_output=True, text=True, check=True).stdout
        stats: Json = json.loads(said)
        statuses = ", ".join(f"{count} x {status}" for status, count in stats["statuses"].items())
        self.terminal.say(f"{stats['calls']} calls: {statuses}")
        self.terminal.say(f"{stats['distinctKeys']} idempotency keys for {expected} companies")
        self.terminal.say(f"{stats['repeatedKeys']} keys were tried again after a failure; {stats['repeatedAfterAnswer']} after an answer")
        if (stats["distinctKeys"], stats["unansweredKeys"], stats["repeatedAfterAnswer"], stats["withoutKey"]) != (expected, 0, 0, 0):
            raise StepFailed(f"A call was lost or made twice: {json.dumps(stats)}")

    def say_what_next(self, *, keep: bool) -> None:
        """Three commands to go on with."""
        self.terminal.title("Try next")
        bin_folder = os.path.relpath(CLI.parent)
        if keep:
            for name, value in (self.terminal.settings | {"XDG_CONFIG_HOME": str(self.folder / "config")}).items():
                self.terminal.show(f"export {name}={shlex.quote(value)}")
            example = shlex.quote(json.dumps({"name": "Acme", "domain": "acme.example"}))
            lines = [
                f"{bin_folder}/cargo-ai storage record create --model-uuid {self.model} --data {example}    # the play runs",
                f"{bin_folder}/cargo-ai orchestration run list --workflow-uuid {self.workflow} --statuses error --limit 1",
                f"{bin_folder}/python tools/demo.py --remove {self.folder}    # when you are done",
            ]
        else:
            lines = [
                f"{bin_folder}/python tools/demo.py --keep    # the same, and the server stays for you to look around",
                f"{bin_folder}/cargo-ai server start         # a server to keep; then follow docs/guide/first-workflow.md",
                f"{bin_folder}/cargo-ai --help               # what else there is; every level has --help with examples",
            ]
        for line in lines:
            self.terminal.show(line)

    def clean_up(self) -> None:
        """Stop everything and remove what was written."""
        if self._service_file.exists():
            with contextlib.suppress(ProcessLookupError):
                os.kill(json.loads(self._service_file.read_bytes())["pid"], signal.SIGTERM)
        data = self.folder / "data"
        if data.exists():
            self.terminal.title("Cleaning up")
            try:
                self.terminal.run("server", "stop")
            except StepFailed as failure:
                print(f"The server did not stop: {failure}", file=sys.stderr)
            postgres.erase(data)
        shutil.rmtree(self.folder, ignore_errors=True)


def log_tail(folder: Path, lines: int = 20) -> str:
    """The end of the server's log."""
    path = folder / "data" / "server.log"
    return "\n".join(path.read_text("utf-8", "replace").splitlines()[-lines:]) if path.is_file() else "(no log)"


def play(demo: Demo, *, keep: bool) -> None:
    """All steps."""
    began = time.monotonic()
    demo.start_server()
    connector = demo.start_service()
    demo.make_model()
    demo.make_play(connector)
    batch = demo.run_batch()
    demo.show_metrics(batch)
    demo.show_top()
    demo.change_a_record()
    demo.check_calls(batch["runsCount"] + 1)
    demo.say_what_next(keep=keep)
    demo.terminal.title(f"Done in {time.monotonic() - began:.0f} s.")


def main() -> int:
    """Exit code 0 when every step worked."""
    parser = argparse.ArgumentParser(description="500 companies, a model and a play, from the shell.")
    parser.add_argument("--keep", action="store_true", help="leave the server, the service and their data")
    parser.add_argument("--remove", type=Path, metavar="FOLDER", help="stop and delete what a demonstration with --keep has left there")
    parser.add_argument("--root", type=Path, default=REPOSITORY, help="the folder with examples/ (default: this repository)")
    options = parser.parse_args()
    if options.remove is not None:
        Demo(options.remove.absolute(), options.root).clean_up()
        return 0
    keep: bool = options.keep
    signal.signal(signal.SIGTERM, _interrupt)
    demo = Demo(Path(tempfile.mkdtemp(prefix="cargo-ai-demo-")), options.root)
    is_kept = False
    try:
        play(demo, keep=keep)
        is_kept = keep
    except StepFailed as failure:
        print(f"\nThe demonstration failed at:\n$ {failure}\n\nThe end of the server's log:\n{log_tail(demo.folder)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        if not is_kept:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            demo.clean_up()
    return 0


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
