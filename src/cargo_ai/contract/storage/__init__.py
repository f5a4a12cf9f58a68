"""Wire types and operations of storage: models, columns, relationships and records."""

DOMAINS = {"storage": "Your data: models, their columns and relationships, and the records in them."}
GROUPS = {
    "storage dataset": "Datasets: where models live. One is the workspace's own; each connector has one.",
    "storage model": "Models: tables of records, filled by hand, from a file or from a service.",
    "storage column": "Columns of a model: original, custom, computed, metric and lookup columns.",
    "storage relationship": "Relationships: how records of two models are related.",
    "storage record": "Records: the rows of a model.",
    "storage change-set": "Change sets: what imports, requests, batches and runs wrote into models, and how to undo it.",
    "storage merge": "Merges: merge duplicate records into one, and undo it.",
    "storage query": "Queries: SQL over your models.",
    "storage run": "Runs: refreshes of a model from its source.",
}
