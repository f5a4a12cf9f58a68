"""Wire types and operations of storage: models, columns, relationships and records."""

DOMAINS = {"storage": "Your data: models, their columns and relationships, and the records in them."}
GROUPS = {
    "storage dataset": "Datasets: where models live. One is the workspace's own; each connector has one.",
    "storage model": "Models: tables of records, made by hand, from a file or from a service.",
    "storage column": "Columns of a model: custom, computed, metric and lookup ones beside those that it was made with.",
    "storage relationship": "Relationships: which records of two models belong together.",
    "storage record": "Records: the rows of a model.",
    "storage merge": "Merges: duplicates made into one record, and taken apart again.",
    "storage query": "Queries: read your models with SQL.",
    "storage run": "Runs: refreshes of a model from where its records come from.",
}
