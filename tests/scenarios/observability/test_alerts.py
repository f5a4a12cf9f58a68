"""A journey with an alert: tried, created, evaluated by the clock, and looked at when it is unhealthy."""

from __future__ import annotations

import json

from tests.kit.processes.real_server import RealServer, wait_until
from tests.scenarios.story import graphs
from tests.scenarios.story.person import Person

ALERT, EVENT = ("observability", "alert"), ("observability", "event")


def test_an_alert_finds_failing_runs_and_starts_a_tool(person: Person, server: RealServer) -> None:
    pause = graphs.node("pause", "delay", {"minutes": graphs.template("{{nodes.start.minutes}}")}, ("end",))
    workflow = person.deployed("Watched", [graphs.start("pause"), pause, graphs.end()])
    person.deployed("Post it", [graphs.start("end"), graphs.end(title="{{nodes.start.alert.title}}")])
    tool = next(one["uuid"] for one in person("orchestration", "tool", "list")["tools"] if one["name"] == "Post it")
    scope = json.dumps({"kind": "runs", "workflowUuid": workflow})
    condition = ("--scope", scope, "--threshold", '{"metric":"errorRate","operator":"gte","value":10}')
    assert person(*ALERT, "preview", *condition)["outcome"] == "empty"
    mismatched = person(*ALERT, "preview", "--scope", scope, "--threshold", '{"metric":"freshness","operator":"gte","value":10}')
    assert mismatched["outcome"] == "notComputed" and "errorRate" in mismatched["errorMessage"]

    actions = json.dumps([{"kind": "tool", "toolUuid": tool, "config": {}}])
    made = person(*ALERT, "create", "--name", "Failures", "--cron", "@every 30m", *condition, "--actions", actions)["alert"]
    person("orchestration", "run", "create", "--workflow-uuid", workflow, "--data", '{"minutes":"soon"}', "--wait-until-finished")
    tried = person(*ALERT, "preview", *condition, "--window-minutes", "10")
    assert (tried["outcome"], tried["value"], tried["total"], tried["isBreached"]) == ("computed", 100, 1, True)
    assert person(*EVENT, "list", made["uuid"])["events"] == []

    strike = "update schedules set next_fire_at = now() where kind = 'alert' and owner_uuid = %s returning pg_notify('cargo_schedules', '')"
    assert len(server.rows(strike, made["uuid"])) == 1
    wait_until(lambda: bool(person(*EVENT, "list", made["uuid"])["events"]), 30, "the event")
    (event,) = person(*EVENT, "list", "Failures", "--statuses", "unhealthy")["events"]
    assert (event["status"], event["value"]) == ("unhealthy", 100)
    (run,) = event["runUuids"]
    wait_until(lambda: person("orchestration", "run", "get", run)["run"]["finishedAt"], 30, "the run of the tool")
    assert person("orchestration", "run", "get", run)["runContext"]["end"]["title"] == "Failures: errorRate is 100 (at least 10)"
    shown = person(*ALERT, "get", "Failures")["alert"]
    assert shown["lastEvent"] == event

    assert person(*ALERT, "update", "--uuid", made["uuid"], "--enabled", "false", "--description", "none")["alert"]["isEnabled"] is False
    assert made["uuid"] in [one["uuid"] for one in person(*ALERT, "list")["alerts"]]
    person(*ALERT, "remove", made["uuid"])
    assert person.refused(*ALERT, "get", made["uuid"])["reason"] == "alertNotFound"
