"""The orchestration room: tools, workflows, releases, nodes, runs and batches."""
