"""The worker: drives shards of runs through their graphs and keeps the journal in order."""
