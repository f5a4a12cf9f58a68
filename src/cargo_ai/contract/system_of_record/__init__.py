"""Wire types and operations of the system of record: SQL on the data, and the log of queries."""

DOMAINS = {"system-of-record": "The database behind your data: SQL on it, and what was queried."}
GROUPS = {
    "system-of-record client": "Clients: ask the database in SQL.",
    "system-of-record log": "Logs: the queries that were run, and what they took.",
    "system-of-record sor": "Systems of record: the databases that hold your data.",
}
