"""Wire types and operations of the system of record: SQL on the data, and the log of queries."""

DOMAINS = {"system-of-record": "The database that holds your data: SQL queries and their log."}
GROUPS = {
    "system-of-record client": "Clients: query the database with SQL.",
    "system-of-record log": "Logs: the queries that were run, with duration and size.",
    "system-of-record sor": "Systems of record: the databases that hold your data.",
}
