#!/bin/sh
# Makes what the server needs of a new PostgreSQL (16 or newer, with pgvector): its login, which is no superuser, a database of its own, the
# extensions; and hardens that database. A superuser runs it, again after an upgrade of PostgreSQL; what is there already stays.
#   PGHOST=... PGUSER=postgres DATABASE_PASSWORD=... HARDEN_SQL=src/cargo_ai/store/embedded/harden.sql sh deploy/database.sh
# The container of compose.yaml runs it when its volume is new. HARDEN_SQL is a file of the installed package, too.
set -eu
: "${DATABASE_PASSWORD:?the password of the login of the server}" "${HARDEN_SQL:?the path of harden.sql}"
run() { psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="${PGUSER:-${POSTGRES_USER:-postgres}}" "$@"; }

run --dbname=postgres <<'SQL'
\getenv password DATABASE_PASSWORD
SELECT 'CREATE ROLE cargo_owner' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'cargo_owner') \gexec
ALTER ROLE cargo_owner LOGIN CREATEROLE NOSUPERUSER NOCREATEDB NOREPLICATION NOBYPASSRLS PASSWORD :'password';
SELECT 'CREATE DATABASE cargo_ai OWNER cargo_owner' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'cargo_ai') \gexec
REVOKE CONNECT, TEMPORARY ON DATABASE cargo_ai, postgres, template1 FROM PUBLIC;
SQL

run --dbname=cargo_ai <<'SQL'
CREATE EXTENSION IF NOT EXISTS vector;
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS unaccent;
CREATE EXTENSION IF NOT EXISTS btree_gin;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
\getenv harden HARDEN_SQL
SET cargo_ai.owner = 'cargo_owner';
\i :harden
SQL
