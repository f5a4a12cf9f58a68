"""Wire types and operations of orchestration: tools, plays, workflows, releases, nodes, runs and batches."""

DOMAINS = {
    "analytics": "How it went: counts, metrics and downloads of runs, batches and segments, as in the other domains.",
    "orchestration": "Build workflows and run them: tools, graphs and their releases, runs and batches.",
}
GROUPS = {
    "orchestration action": "Actions: one thing to do, on one record or on many, without a workflow.",
    "orchestration batch": "Batches: many records through a graph.",
    "orchestration draft-release": "Draft releases: the version of a graph that you edit, until you deploy it.",
    "orchestration memory": "Memories: what memory nodes remember from run to run.",
    "orchestration node": "Nodes: check the steps of a graph before you deploy it.",
    "orchestration play": "Plays: workflows that run on the records of a segment when these change.",
    "orchestration query": "Queries: SQL over runs, batches, spans and records.",
    "orchestration queue": "Queue: what waits, how long and what for, and who works.",
    "orchestration record": "Records: the latest run of each record of a workflow.",
    "orchestration release": "Releases: the versions of a graph; one of them is deployed.",
    "orchestration review": "Reviews: what runs ask people, and what these decide.",
    "orchestration run": "Runs: one record through a graph.",
    "orchestration span": "Spans: what nodes did, over all runs.",
    "orchestration template": "Templates: graphs to begin with.",
    "orchestration tool": "Tools: workflows that run when you ask for it.",
    "orchestration trace": "Traces: what a run or a batch has led to.",
    "orchestration workflow": "Workflows: the graphs behind tools and plays.",
}
