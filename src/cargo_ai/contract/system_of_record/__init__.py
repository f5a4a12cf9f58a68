"""The wire of the system of record room: the database behind the data, SQL on it, and the log of queries."""

ROOMS = {"system-of-record": "The database behind your data: SQL on it, and what was asked."}
GROUPS = {
    "system-of-record client": "Clients: ask the database in SQL.",
    "system-of-record log": "Logs: the queries that were run, and what they took.",
    "system-of-record sor": "Systems of record: the databases that hold your data.",
}
