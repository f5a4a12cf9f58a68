"""Schedule the plays of a segment that has changed."""

from __future__ import annotations

from psycopg.types.json import Jsonb
from sqlalchemy.ext.asyncio import AsyncSession

from cargo_ai.domains.segmentation.public import SegmentChanged
from cargo_ai.store.driver import driver_connection, execute

# A row without cron happens once: at once for `realtime` and `watch` plays; without a time, it is held until the play is due (`cron`) or
# the play that it depends on has ended (`dependency`). The same change never makes a second row.
SCHEDULE_PLAYS = """
with scheduled as (
    insert into public.schedules (uuid, workspace_uuid, kind, owner_uuid, name, cron, time_zone, payload, anchor, next_fire_at)
    select gen_random_uuid(), workspace_uuid, 'playChange', uuid, %(change)s, '', 'UTC', %(payload)s, now(),
        case when schedule ->> 'type' in ('realtime', 'watch') then clock_timestamp() end
    from public.plays where segment_uuid = %(segment)s and is_enabled and deleted_at is null
        and schedule ->> 'type' in ('realtime', 'watch', 'cron', 'dependency')
    on conflict do nothing returning 1
)
select pg_notify('cargo_schedules', '') from scheduled limit 1
"""


async def schedule_plays(db: AsyncSession, event: SegmentChanged) -> None:
    """Write down that the enabled plays of the segment have a change to run on, and wake the scheduler."""
    payload = {
        "segmentUuid": str(event.segment),
        "changeUuid": str(event.change),
        "modelUuid": str(event.model),
        "isWatched": event.is_watched,
        "counts": dict(event.counts),
    }
    values = {"segment": event.segment, "change": str(event.change), "payload": Jsonb(payload)}
    await execute(await driver_connection(db), SCHEDULE_PLAYS, values)
