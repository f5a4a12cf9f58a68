"""What a statement changes is put beside what was there by hash, and not by sorting both: a fifth less for the log of many records."""

from __future__ import annotations

from alembic import op

revision = "0081"
down_revision = "0080"
branch_labels = None
depends_on = None

BEFORE = "set enable_nestloop = off"
AFTER = "set enable_nestloop = off set enable_mergejoin = off"
# The planner knows nothing of the rows that a statement has touched, and takes them for so few that to sort them seems cheap.
FUNCTION = f"""
do $do$
declare
    present constant text := pg_get_functiondef('public.cargo_track_changes(text, text, text, text[], text[], text[])'::regprocedure);
begin
    if strpos(present, '{BEFORE} as') = 0 then
        raise exception 'cargo_track_changes is not as migration 0078 has made it';
    end if;
    execute replace(present, '{BEFORE} as', '{AFTER} as');
end
$do$;
"""
# Models in the bin have their tables, too.
MODELS = """
do $$
declare
    one record;
begin
    for one in select * from models where to_regclass(format('%I.%I', schema_name, log_name)) is not null loop
        execute format('alter function %I.%I() set enable_mergejoin = off', one.schema_name, 'f' || substr(one.log_name, 2));
    end loop;
end
$$;
"""


def upgrade() -> None:
    """Have all models tracked without merge joins, and those that come."""
    for script in (FUNCTION, MODELS):
        op.get_bind().exec_driver_sql(script.replace("%", "%%"))


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("Migrations only go forward: restore a backup instead.")
