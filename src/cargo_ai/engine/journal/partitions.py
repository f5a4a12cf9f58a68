"""Partitions: one month of runs and executions each, named by the month, made ahead of time."""

from __future__ import annotations

from typing import Any

DDL = """
create function cargo_month_partitions(months_ahead int) returns int language plpgsql as $$
-- A UUIDv7 begins with 48 bits of milliseconds, so a month of ids is a range.
declare
    this_month timestamptz := date_trunc('month', now() at time zone 'utc') at time zone 'utc';
    begins timestamptz; low uuid; high uuid; suffix text; made int := 0;
begin
    for i in -1..months_ahead loop
        begins := this_month + make_interval(months => i);
        low := (lpad(to_hex((extract(epoch from begins) * 1000)::bigint), 12, '0') || '00000000000000000000')::uuid;
        high := (lpad(to_hex((extract(epoch from begins + interval '1 month') * 1000)::bigint), 12, '0') || '00000000000000000000')::uuid;
        suffix := to_char(begins at time zone 'utc', 'YYYY_MM');
        if to_regclass('runs_' || suffix) is null then
            execute format('create table %I partition of runs for values from (%L) to (%L) with (fillfactor = 80)',
                'runs_' || suffix, low, high);
            execute format('create table %I partition of executions for values from (%L) to (%L)',
                'executions_' || suffix, low, high);
            made := made + 1;
        end if;
    end loop;
    return made;
end $$;
create table runs_other partition of runs default;
create table executions_other partition of executions default;
select cargo_month_partitions(3);
"""
"""What a clock that is far off writes goes to the default partitions, so that nothing is ever refused."""


async def create_partitions(connection: Any, months: int = 3) -> int:
    """Make the partitions of the coming months; returns how many were missing. Cheap when none is."""
    cursor = await connection.execute("select cargo_month_partitions(%s)", (months,))
    row = await cursor.fetchone()
    return int(row[0]) if row else 0
