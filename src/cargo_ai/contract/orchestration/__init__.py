"""The wire of the orchestration room: tools, workflows, releases, nodes, runs and batches."""
