"""The wire of the orchestration room: tools, workflows, releases, nodes, runs and batches."""

ROOMS = {"orchestration": "Build workflows and run them: tools, graphs and their releases, runs and batches."}
GROUPS = {
    "orchestration batch": "Batches: many records through a graph.",
    "orchestration draft-release": "Draft releases: the version of a graph that you edit, until you deploy it.",
    "orchestration node": "Nodes: check the steps of a graph before you deploy it.",
    "orchestration release": "Releases: the versions of a graph; one of them is deployed.",
    "orchestration run": "Runs: one record through a graph.",
    "orchestration tool": "Tools: workflows that run when you ask for it.",
    "orchestration workflow": "Workflows: the graphs behind tools and plays.",
}
