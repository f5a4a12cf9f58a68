"""Wire types and operations of orchestration: tools, plays, workflows, releases, nodes, runs and batches."""

DOMAINS = {
    "analytics": "Counts, metrics and downloads of runs, batches and segments (aliases).",
    "orchestration": "Build and run workflows: tools, plays, releases, runs and batches.",
}
GROUPS = {
    "orchestration action": "Actions: execute one action on one record or on many, without a workflow.",
    "orchestration archive": "Archive: executions of old runs, as Parquet files.",
    "orchestration batch": "Batches: runs of a graph on many records.",
    "orchestration draft-release": "Draft releases: the version of a graph that is being edited.",
    "orchestration memory": "Memories: the values that memory nodes store between runs.",
    "orchestration node": "Nodes: validate, draw or try the nodes of a graph before deploying it.",
    "orchestration play": "Plays: workflows that run on the records of a segment, on a schedule or when they change.",
    "orchestration query": "Queries: SQL over runs, batches, spans and records.",
    "orchestration queue": "Queue: waiting runs, what they wait for, and the workers.",
    "orchestration record": "Records: the latest run of each record of a workflow.",
    "orchestration release": "Releases: the versions of a graph, one of which is deployed.",
    "orchestration retention": "Retention: how long runs and the outputs of their nodes are kept.",
    "orchestration review": "Reviews: decisions that runs request from people.",
    "orchestration run": "Runs: executions of a graph on one record.",
    "orchestration span": "Spans: executions of nodes, across all runs.",
    "orchestration template": "Templates: graphs to start from.",
    "orchestration tool": "Tools: workflows that run on demand.",
    "orchestration trace": "Traces: a run or batch with all its descendants.",
    "orchestration workflow": "Workflows: the versioned graphs of tools and plays.",
}
