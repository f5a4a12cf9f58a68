"""Attacks on user SQL: each as it is written, and what would show that it had gone through where nothing refuses it outright."""

from __future__ import annotations

from dataclasses import dataclass

from tests.unit.user_sql.sql_workspaces import SqlWorkspaces


@dataclass(frozen=True)
class Attack:
    """`{…}` places: the other workspace's schema, view, role, and our own."""

    sql: str
    harmless: str = ""
    """Why the role alone may run it: what it gives is the caller's own or nothing. Empty: it must be refused."""

    def written(self, workspaces: SqlWorkspaces) -> str:
        """The statement with its places filled."""
        mine, theirs = workspaces.mine.relations[0], workspaces.theirs.relations[2]
        return (
            self.sql.replace("{their_schema}", theirs.schema)
            .replace("{their_view}", theirs.view)
            .replace("{their_table}", theirs.table)
            .replace("{their_role}", workspaces.theirs.role)
            .replace("{my_role}", workspaces.mine.role)
            .replace("{my_schema}", mine.schema)
            .replace("{my_view}", mine.view)
            .replace("{my_table}", mine.table)
        )


_OWN = "shows nothing but the caller's own login"
_NOTHING = "computes from nothing"

ATTACKS = [
    # files and the network
    Attack("SELECT pg_read_file('/etc/passwd')"),
    Attack("SELECT pg_read_binary_file('/etc/passwd')"),
    Attack("SELECT pg_ls_dir('.')"),
    Attack("SELECT pg_stat_file('PG_VERSION')"),
    Attack("SELECT lo_import('/etc/passwd')"),
    Attack("SELECT lo_export(1, '/tmp/x')"),
    Attack("SELECT U&\"pg_read_fil\\0065\"('/etc/passwd')"),
    Attack("COPY (SELECT 1) TO PROGRAM 'id'"),
    Attack("COPY (SELECT 1) TO '/tmp/x'"),
    Attack("COPY (SELECT 1) TO STDOUT"),
    Attack("SELECT pg_reload_conf()"),
    Attack("SELECT pg_rotate_logfile()"),
    Attack("CREATE EXTENSION dblink"),
    Attack("ALTER SYSTEM SET log_statement = 'all'"),
    Attack("SELECT dblink('host=x', 'select 1')"),
    Attack("LOAD 'auto_explain'"),
    # other workspaces and the application's own tables
    Attack('SELECT * FROM "{their_schema}"."{their_view}"'),
    Attack('SELECT * FROM "{their_schema}"."{their_table}"'),
    Attack('SELECT * FROM "{my_schema}"."{my_table}"'),
    Attack("SELECT * FROM public.tokens"),
    Attack("SELECT * FROM tokens"),
    Attack("SELECT * FROM public.users"),
    Attack("SELECT * FROM public.installation"),
    Attack("SELECT * FROM public.connectors"),
    Attack("SELECT * FROM datasets_default.models_vault"),
    Attack("SELECT * FROM pg_authid"),
    Attack("SELECT * FROM pg_catalog.pg_shadow"),
    Attack("SELECT lo_get(1)"),
    Attack("SELECT query_to_xml('select * from \"{their_schema}\".\"{their_view}\"', true, true, '')"),
    Attack("SELECT table_to_xml('public.tokens', true, true, '')"),
    Attack("SELECT setval('public.events_id_seq', 1)"),
    Attack("SELECT nextval('public.events_id_seq')"),
    Attack("SELECT pg_terminate_backend(1)"),
    Attack("SELECT pg_cancel_backend(1)"),
    Attack('WITH x AS (DELETE FROM "{my_schema}"."{my_table}" RETURNING *) SELECT * FROM x'),
    Attack('SELECT * FROM "{my_schema}"."{my_view}" FOR UPDATE'),
    Attack('SELECT * FROM "{my_schema}"."{my_view}" FOR SHARE'),
    Attack("SELECT 'public.tokens'::regclass"),
    Attack('SELECT \'"{their_schema}"."{their_view}"\'::regclass'),
    Attack("SELECT CAST('{their_role}' AS regrole)", harmless="the name was known to the one who wrote it"),
    # catalogs
    Attack("SELECT * FROM pg_class"),
    Attack("SELECT prosrc FROM pg_proc"),
    Attack("SELECT pg_get_functiondef(1)"),
    Attack("SELECT pg_get_viewdef(1)"),
    Attack("SELECT * FROM pg_roles"),
    Attack("SELECT * FROM pg_user"),
    Attack("SELECT * FROM pg_settings"),
    Attack("SELECT * FROM pg_db_role_setting"),
    Attack("SELECT * FROM pg_stat_activity"),
    Attack("SELECT * FROM pg_stats"),
    Attack("SELECT * FROM pg_stat_user_tables"),
    Attack("SELECT * FROM pg_locks"),
    Attack("SELECT * FROM pg_prepared_statements"),
    Attack("SELECT * FROM pg_subscription"),
    Attack("SELECT * FROM information_schema.tables"),
    Attack("SELECT * FROM information_schema.columns"),
    Attack("SELECT pg_relation_size('public.tokens')"),
    Attack("SELECT pg_database_size(current_database())"),
    Attack("SELECT current_setting('is_superuser')"),
    Attack("SELECT current_setting('app.secret', true)"),
    Attack("SELECT version()"),
    Attack("SELECT inet_server_addr()"),
    Attack("SELECT has_table_privilege('public.tokens', 'select')"),
    Attack("SELECT to_regclass('public.tokens')"),
    Attack("SELECT pg_get_userbyid(10)"),
    Attack("SELECT obj_description(1)"),
    Attack("SELECT format_type(16400, NULL)"),
    Attack("SELECT pg_show_all_settings()"),
    Attack("SELECT * FROM pg_show_all_settings()"),
    # settings, identities and locks
    Attack("SELECT set_config('statement_timeout', '0', false)"),
    Attack("SELECT set_config('role', '{their_role}', true)"),
    Attack("SELECT set_config('transaction_read_only', 'off', true)"),
    Attack(
        "SELECT set_config('role', '{their_role}', true),"
        ' (SELECT word FROM ts_stat(\'select to_tsvector(secret) from "{their_schema}"."{their_view}"\') LIMIT 1)'
    ),
    Attack("SELECT * FROM ts_stat('select 1')"),
    Attack("SELECT ts_rewrite('a'::tsquery, 'select 1')"),
    Attack('SET ROLE "{their_role}"'),
    Attack('SET SESSION AUTHORIZATION "{their_role}"'),
    Attack("RESET ROLE"),
    Attack("RESET ALL"),
    Attack("SET statement_timeout = 0"),
    Attack("SHOW ALL"),
    Attack("SELECT pg_sleep(1)"),
    Attack('SELECT "pg_sleep"(1)'),
    Attack("SELECT pg_catalog.pg_sleep(1)"),
    Attack("WITH x AS (SELECT pg_sleep(1)) SELECT * FROM x"),
    Attack("SELECT pg_sleep_for('1 second')"),
    Attack("SELECT pg_advisory_lock(1)"),
    Attack("SELECT pg_try_advisory_xact_lock(1)"),
    Attack("SELECT pg_notify('x', 'y')"),
    Attack("SELECT lo_create(0)"),
    Attack("SELECT txid_current()"),
    Attack("SELECT pg_current_xact_id()"),
    Attack("SELECT pg_export_snapshot()"),
    Attack("SELECT pg_logical_emit_message(false, 'x', 'y')"),
    Attack("SELECT pg_stat_reset()"),
    Attack("SELECT session_user", harmless=_OWN),
    Attack("SELECT current_user", harmless=_OWN),
    Attack("SELECT getpgusername()", harmless=_OWN),
    Attack("SELECT current_query()", harmless="shows the query itself"),
    # statements in every disguise
    Attack('INSERT INTO "{my_schema}"."{my_table}" (_id) VALUES (\'x\')'),
    Attack('UPDATE "{my_schema}"."{my_table}" SET name = NULL'),
    Attack('DELETE FROM "{my_schema}"."{my_table}"'),
    Attack('TRUNCATE "{my_schema}"."{my_table}"'),
    Attack('DROP VIEW "{my_schema}"."{my_view}"'),
    Attack('ALTER TABLE "{my_schema}"."{my_table}" ADD COLUMN x int'),
    Attack("DO $$ BEGIN PERFORM 1; END $$"),
    Attack("CREATE TEMP TABLE x (a int)"),
    Attack("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'select 1'"),
    Attack("SELECT 1 INTO x"),
    Attack("SELECT 1 AS a INTO TEMP x"),
    Attack("CREATE TABLE x AS SELECT 1"),
    Attack("VACUUM"),
    Attack("ANALYZE"),
    Attack("CALL x()"),
    Attack("LISTEN x"),
    Attack("NOTIFY x"),
    Attack("PREPARE x AS SELECT 1"),
    Attack("EXECUTE x"),
    Attack("DECLARE y CURSOR FOR SELECT 1"),
    Attack("EXPLAIN ANALYZE SELECT 1"),
    Attack('LOCK TABLE "{my_schema}"."{my_view}"'),
    Attack("BEGIN"),
    Attack("COMMIT"),
    Attack('GRANT "{their_role}" TO "{my_role}"'),
    Attack("SELECT 1; SELECT 2"),
    Attack('SELECT 1; SET ROLE "{their_role}"; SELECT * FROM "{their_schema}"."{their_view}"'),
    Attack('SELECT 1; RESET ROLE; DROP VIEW "{my_schema}"."{my_view}"'),
    Attack('SELECT 1; COMMIT; DROP VIEW "{my_schema}"."{my_view}"'),
    Attack("SELECT 'a\\'; RESET ROLE; --'; SELECT 1"),
    Attack('SELECT 1) AS q; DROP VIEW "{my_schema}"."{my_view}"; --'),
    Attack("SELECT 1 AS a) AS q UNION ALL SELECT rolname FROM (SELECT rolname::text FROM pg_roles"),
    # columns that are none
    Attack('SELECT xmin FROM "{my_schema}"."{my_table}"'),
    Attack('SELECT tableoid FROM "{my_schema}"."{my_table}"'),
    Attack('SELECT ctid FROM "{my_schema}"."{my_table}"'),
    Attack("SELECT c.row_to_json FROM datasets_default.models_companies c"),
    Attack("SELECT c.pg_typeof FROM datasets_default.models_companies c"),
    Attack("SELECT c FROM datasets_default.models_companies c"),
    Attack("SELECT (c).name FROM datasets_default.models_companies c"),
    Attack("SELECT pg_typeof(1)", harmless=_NOTHING),
    Attack("SELECT 1 OPERATOR(pg_catalog.+) 1", harmless=_NOTHING),
    Attack("SELECT 'x' COLLATE \"C\"", harmless=_NOTHING),
    Attack("SELECT 1::oid", harmless=_NOTHING),
    Attack("SELECT 'a'::xml"),
    Attack("SELECT $1"),
    Attack("SELECT 'abc'::bytea", harmless=_NOTHING),
    Attack("SELECT * FROM pg_authid, (WITH pg_authid AS (SELECT 1) SELECT * FROM pg_authid) AS x"),
    Attack("SELECT (SELECT passwd FROM pg_shadow LIMIT 1)"),
    Attack("SELECT 1 WHERE EXISTS (SELECT 1 FROM pg_authid)"),
    Attack("SELECT 1 ORDER BY (SELECT count(*) FROM pg_authid)"),
    Attack("SELECT 1 LIMIT (SELECT count(*) FROM pg_authid)"),
    Attack("SELECT count(*) OVER (PARTITION BY (SELECT count(*) FROM pg_authid))"),
    Attack("SELECT 1 FROM generate_series(1, (SELECT count(*) FROM pg_authid))"),
    Attack("SELECT 1 FROM ROWS FROM (pg_ls_dir('.')) AS x"),
    Attack("SELECT 1 FROM LATERAL pg_ls_dir('.') AS x"),
    Attack("SELECT bq.complain('x', 'y')"),
    Attack("SELECT public.cosine_distance('[1]', '[1]')"),
    Attack("TABLE pg_authid"),
    Attack("VALUES ((SELECT count(*) FROM pg_authid))"),
    Attack("SELECT 1 FROM XMLTABLE('/a' PASSING '<a/>' COLUMNS x int)"),
    Attack("SELECT json_populate_record(NULL::pg_authid, '{}')", harmless=_NOTHING),
    Attack("SELECT NULL::pg_authid", harmless=_NOTHING),
    Attack('SELECT NULL::"{their_schema}"."{their_view}"'),
]
